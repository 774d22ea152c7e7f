#pragma once

#include <vector>

#include "absl/status/status.h"
#include "config/model.h"
#include "dataplane/sa/worker_database.h"

namespace culvert::dp {

// Hands the SAs of culvert.conf to the database. Main thread, before the workers start. The keys are wiped on the way out. An
// error says which SA is not taken, by its place in the file.
absl::Status InstallManualSas(std::vector<config::ManualSa> sas, WorkerDatabase& database);

}  // namespace culvert::dp
