#pragma once

#include <cstdint>
#include <vector>

#include "dataplane/main/gateway.h"

namespace culvert::dp {

// How busy the workers are. Main thread.
class WorkerLoads {
 public:
  explicit WorkerLoads(Gateway& gateway);  // borrowed

  void Tick();  // about once a second
  // By worker, of the time between the last two ticks: from 0 to 1. Time that the kernel took from a worker in the middle of a
  // pass counts as busy.
  const std::vector<double>& busy() const { return busy_; }

 private:
  Gateway& gateway_;
  uint64_t at_;                  // TSC
  std::vector<uint64_t> cycles_;
  std::vector<double> busy_;
};

}  // namespace culvert::dp
