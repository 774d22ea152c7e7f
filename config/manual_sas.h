#pragma once

#include "config/model.h"
#include "config/schema/reader.h"

namespace culvert::config {

// Reads `sas` of dataplane { } into `out`, whose ports, tunnels, workers and `lab` are known already.
void ReadManualSas(const SectionReader& in, Dataplane& out);

}  // namespace culvert::config
