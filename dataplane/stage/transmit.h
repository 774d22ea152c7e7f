#pragma once

#include "dataplane/worker/context.h"

namespace culvert::dp {

// Gives packets with out_port set their Ethernet header and sends them: to a queue of this worker, or to the worker that has
// one. Those whose neighbour has no MAC yet go to main, which resolves and holds. Empties the burst.
void Transmit(WorkerContext& ctx, Burst& burst);

}  // namespace culvert::dp
