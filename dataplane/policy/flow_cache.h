#pragma once

#include <cstdint>
#include <cstring>

#include "dataplane/policy/flow.h"

namespace culvert::dp {

struct OutboundSa;

// What the policy says about a flow, both ways, in one word.
struct FlowVerdict {
  enum Out : uint8_t { kForward, kSeal, kDiscard, kUnmatched, kNoSa };
  enum In : uint8_t { kPlain, kProtected, kRefused };  // whether packets of this flow may come in in clear

  Out out = kForward;
  In in = kPlain;
  OutboundSa* sa = nullptr;    // with kSeal
  uint32_t sa_generation = 0;  // what sa->generation was; another means the SA is gone or another goes before it
};

// What a flow looks like to the cache: the selectors of a packet, packed for comparing.
struct FlowKey {
  uint64_t a[4];   // source and destination; a[1..3] only for IPv6
  uint64_t upper;  // ports or ICMP type and code 32 | protocol 8 | non-first fragment 1
  uint64_t hash;
  uint8_t family;

  // In place: a copy of what was just written word by word would stall.
  void Fill(const Packet& p, uint64_t seed);
};

// A worker's memory of policy look-ups. Two ways of IPv4 flows to a cache line, one of IPv6. An entry counts while its
// policy generation is the current one; whoever finds an SA in it checks that SA's generation too. SA memory is type-stable,
// so a stale pointer may be looked at.
class FlowCache {
 public:
  FlowCache();
  ~FlowCache();
  FlowCache(const FlowCache&) = delete;
  FlowCache& operator=(const FlowCache&) = delete;

  uint64_t seed() const { return seed_; }
  void Prefetch(const FlowKey& k) const {
    __builtin_prefetch(k.family == 4 ? static_cast<void*>(&v4_[k.hash & kV4Mask]) : &v6_[k.hash & kV6Mask]);
  }
  // False where nothing is known of the flow under this generation (never 0).
  bool Find(const FlowKey& k, uint32_t generation, FlowVerdict& out) const {
    if (k.family == 4) {
      const V4Set& set = v4_[k.hash & kV4Mask];
      for (const V4& e : set.way) {
        if (e.addresses == k.a[0] && e.upper == k.upper && e.generation == generation) return Read(e, out);
      }
      return false;
    }
    const V6& e = v6_[k.hash & kV6Mask];
    uint64_t other = 0;
    for (int i = 0; i < 4; ++i) other |= e.addresses[i] ^ k.a[i];
    if (other != 0 || e.upper != k.upper || e.generation != generation) return false;
    return Read(e, out);
  }
  void Put(const FlowKey& k, uint32_t generation, const FlowVerdict& v);

 private:
  // target: the SA's address, whose low six bits are 0, with the verdicts in them.
  struct V4 {
    uint64_t addresses, upper;
    uint32_t generation, sa_generation;
    uint64_t target;
  };
  struct alignas(64) V4Set {
    V4 way[2];
  };
  struct alignas(64) V6 {
    uint64_t addresses[4], upper;
    uint32_t generation, sa_generation;
    uint64_t target;
  };
  static_assert(sizeof(V4Set) == 64 && sizeof(V6) == 64);

  template <typename E>
  static bool Read(const E& e, FlowVerdict& out) {
    out.out = static_cast<FlowVerdict::Out>(e.target & 7);
    out.in = static_cast<FlowVerdict::In>(e.target >> 3 & 3);
    out.sa = reinterpret_cast<OutboundSa*>(e.target & ~uint64_t{63});
    out.sa_generation = e.sa_generation;
    return true;
  }

  // For 100,000 tunnels in use at once, a flow each, with few sets asked for more than they hold. Untouched pages take no
  // memory.
  static constexpr size_t kV4Sets = size_t{1} << 17, kV4Mask = kV4Sets - 1;  // 8 MiB
  static constexpr size_t kV6Sets = size_t{1} << 16, kV6Mask = kV6Sets - 1;  // 4 MiB
  uint64_t seed_;                                                            // random: flows cannot be aimed at one set
  V4Set* v4_;
  V6* v6_;
};

}  // namespace culvert::dp
