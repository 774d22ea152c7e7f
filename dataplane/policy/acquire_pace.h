#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "dataplane/policy/spd.h"

namespace culvert::dp {

// How often a worker asks for SAs: once a second for what one packet selects (its addresses, protocol and ports), and for one
// policy, whichever workers its packets come to, no more than culvert-ike can make use of. So one destination that nobody
// answers for holds up no other, and a scan through a wide policy asks for little. It takes most of that policy's acquires
// while it lasts: what is asked for is the policy's SA all the same, unless the peer narrows it to less.
class AcquirePace {
 public:
  static constexpr uint64_t kPerSecond = 16, kBurst = 16;  // acquires of one policy

  // Whether to ask now. Times are of the TSC.
  bool Take(const Policy& policy, const Flow& f, uint64_t now, uint64_t tsc_hz) {
    const uint64_t key = KeyOf(policy, f);
    Asked& asked = asked_[key % asked_.size()];
    if (asked.key == key && now < asked.again_at) return false;
    if (!TakeOf(policy, now, tsc_hz / kPerSecond)) return false;
    asked = {key, now + tsc_hz};
    return true;
  }
  // It could not be told after all.
  void GiveBack(const Policy& policy, const Flow& f) {
    const uint64_t key = KeyOf(policy, f);
    if (Asked& asked = asked_[key % asked_.size()]; asked.key == key) asked.again_at = 0;
  }

 private:
  struct Asked {
    uint64_t key = 0, again_at = 0;
  };

  // `acquires_until` runs ahead of the time by one interval for each that was taken.
  static bool TakeOf(const Policy& policy, uint64_t now, uint64_t interval) {
    uint64_t until = policy.acquires_until.load(std::memory_order_relaxed);
    for (;;) {
      if (until > now + (kBurst - 1) * interval) return false;
      if (policy.acquires_until.compare_exchange_weak(until, std::max(until, now) + interval, std::memory_order_relaxed))
        return true;
    }
  }
  static uint64_t KeyOf(const Policy& policy, const Flow& f) {
    uint64_t h = policy.id;
    for (uint64_t word : {f.source.high, f.source.low, f.destination.high, f.destination.low,
                          uint64_t{f.source_port} << 32 | uint64_t{f.destination_port} << 16 | uint64_t{f.protocol} << 8 |
                              uint64_t{f.family} << 1 | f.ports_known}) {
      h = (h ^ word) * 0x9fb21c651e98df25u;
      h ^= h >> 29;
    }
    return h;
  }

  std::array<Asked, 512> asked_;  // one that is pushed out by another asks again a little early
};

}  // namespace culvert::dp
