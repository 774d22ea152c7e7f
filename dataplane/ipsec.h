#pragma once

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "dataplane/sa/database.h"
#include "dataplane/sa/sa_tables.h"
#include "dataplane/sa/worker_database.h"
#include "dataplane/sa/worker_mail.h"
#include "dataplane/stage/esp_worker.h"
#include "dataplane/worker/grace.h"

namespace culvert::dp {

// All of IPsec in one dataplane process: the database for the main thread, and one EspWorker for each worker.
class Ipsec {
 public:
  // `workers` as in Grace, which outlives this. tsc_hz: rte_get_tsc_hz(). Fails where the crypto engine does.
  static absl::StatusOr<std::unique_ptr<Ipsec>> Create(unsigned workers, Grace& grace, WorkerDatabase::Options database,
                                                       EspWorker::Options options);
  // The workers have ended. Keys are wiped.
  ~Ipsec();

  WorkerDatabase& database() { return *database_; }
  EspWorker& worker(unsigned id) { return *workers_[id]; }

 private:
  explicit Ipsec(Grace& grace) : tables_(grace) {}

  SaTables tables_;
  std::vector<std::unique_ptr<WorkerMail>> mail_;
  std::unique_ptr<crypto::MbEngine> engine_;  // main's, for expanding keys
  std::vector<std::unique_ptr<EspWorker>> workers_;
  std::unique_ptr<WorkerDatabase> database_;
};

}  // namespace culvert::dp
