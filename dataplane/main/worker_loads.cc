#include "dataplane/main/worker_loads.h"

#include <rte_cycles.h>

#include <algorithm>

namespace culvert::dp {

WorkerLoads::WorkerLoads(Gateway& gateway)
    : gateway_(gateway), at_(rte_rdtsc()), cycles_(gateway.workers()), busy_(gateway.workers()) {}

void WorkerLoads::Tick() {
  const uint64_t now = rte_rdtsc(), passed = std::max<uint64_t>(now - at_, 1);
  at_ = now;
  for (unsigned w = 0; w < gateway_.workers(); ++w) {
    const uint64_t cycles = gateway_.context(w).counters.busy_cycles.get();
    busy_[w] = std::min(1.0, static_cast<double>(cycles - cycles_[w]) / static_cast<double>(passed));
    cycles_[w] = cycles;
  }
}

}  // namespace culvert::dp
