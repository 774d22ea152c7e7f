#pragma once

#include <rte_cycles.h>

#include <chrono>
#include <cstdint>

#include "common/base/time.h"

namespace culvert::dp {

// Between CLOCK_MONOTONIC, in which the channel speaks, and the TSC, in which workers do. Taken anew at each call, so that
// the two drifting apart by NTP's slewing does not add up.
class TscClock {
 public:
  explicit TscClock(uint64_t hz) : hz_(static_cast<double>(hz)) {}

  static int64_t Now() { return ToNanos(std::chrono::steady_clock::now()); }
  uint64_t ToTsc(int64_t nanos) const {
    double ahead = static_cast<double>(nanos - Now()) * hz_ / 1e9;
    double tsc = static_cast<double>(rte_rdtsc()) + ahead;
    return tsc < 0 ? 0 : tsc >= kForever ? UINT64_MAX : static_cast<uint64_t>(tsc);
  }
  int64_t ToNanosAt(uint64_t tsc) const {
    return Now() - static_cast<int64_t>(static_cast<double>(static_cast<int64_t>(rte_rdtsc() - tsc)) * 1e9 / hz_);
  }

 private:
  static constexpr double kForever = 18446744073709549568.0;  // the largest double below 2^64
  double hz_;
};

}  // namespace culvert::dp
