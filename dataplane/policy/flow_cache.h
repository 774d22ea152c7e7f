#pragma once

#include <rte_ip.h>

#include <cstdint>
#include <cstring>

#include "common/base/limits.h"
#include "dataplane/policy/flow.h"

namespace culvert::dp {

struct OutboundSa;

// What is known about a flow, in two words: what the policy says, both ways, and where packets go then: the SA that seals
// them, or the next hop of those that are forwarded as they are.
class FlowVerdict {
 public:
  enum Out : uint8_t { kUnknown, kForward, kSeal, kDiscard, kUnmatched, kNoSa };
  enum In : uint8_t { kPlain, kProtected, kRefused };  // whether packets of this flow may come in in clear

  FlowVerdict() = default;
  FlowVerdict(uint64_t word, uint32_t stamp) : word_(word), stamp_(stamp) {}
  FlowVerdict(Out out, In in) : word_(out | static_cast<uint64_t>(in) << 3) {}
  static FlowVerdict Seal(In in, OutboundSa* sa, uint32_t generation) {
    return {reinterpret_cast<uint64_t>(sa) | kSeal | static_cast<uint64_t>(in) << 3, generation};
  }
  // Of a kForward: what the routes of that generation say.
  void SetRoute(uint32_t next_hop, uint16_t port, uint16_t mtu, uint32_t fib_generation) {
    word_ = (word_ & 63) | static_cast<uint64_t>(port & 15) << 6 | static_cast<uint64_t>(mtu) << 10 | uint64_t{next_hop} << 26;
    stamp_ = fib_generation;
  }

  Out out() const { return static_cast<Out>(word_ & 7); }
  In in() const { return static_cast<In>(word_ >> 3 & 3); }
  OutboundSa* sa() const { return reinterpret_cast<OutboundSa*>(word_ & ~uint64_t{63}); }
  uint32_t next_hop() const { return static_cast<uint32_t>(word_ >> 26); }  // 0: not known
  uint16_t port() const { return word_ >> 6 & 15; }
  uint16_t mtu() const { return static_cast<uint16_t>(word_ >> 10); }
  // What sa()->generation was, or the low half of the routes' generation: under another one the second part is stale.
  uint32_t stamp() const { return stamp_; }
  uint64_t word() const { return word_; }

 private:
  uint64_t word_ = 0;  // | SA's address but its low six bits, or next hop 32, MTU 16, port 4 | unused 1 | in 2 | out 3 |
  uint32_t stamp_ = 0;
};
static_assert(kMaxPorts <= 16);

// What a flow looks like to the cache: the selectors of a packet, packed for comparing.
struct FlowKey {
  uint64_t a[4];   // source and destination; a[1..3] only for IPv6
  uint64_t upper;  // ports or ICMP type and code 32 | protocol 8 | no ports to be seen 1
  uint64_t hash;
  uint64_t family;

  // False, with the hash not made, where it is the key of `before`: packets come in trains of one flow.
  // In place: a copy of what was just written word by word would stall.
  bool Fill(const Packet& p, uint64_t seed, const FlowKey& before) {
    const auto* data = rte_pktmbuf_mtod(p.m, const uint8_t*);
    uint32_t ports = 0;
    bool hidden = (p.fragment && !p.first_fragment) || p.length < p.l4 + 4u;
    if (!hidden) {
      std::memcpy(&ports, data + p.l4, 4);
      ports &= PortMask(p.protocol);
    }
    upper = uint64_t{ports} << 32 | static_cast<uint64_t>(p.protocol) << 1 | hidden;
    family = p.family;
    if (p.family == 4) {
      std::memcpy(a, data + offsetof(rte_ipv4_hdr, src_addr), 8);
      if (a[0] == before.a[0] && upper == before.upper && before.family == 4) return false;
      hash = Mix(Mix(seed, upper), a[0]);
      return true;
    }
    std::memcpy(a, data + offsetof(rte_ipv6_hdr, src_addr), 32);
    uint64_t h = Mix(seed, upper);
    for (uint64_t word : a) h = Mix(h, word);
    hash = h;
    return true;
  }

 private:
  // Both halves of the product: sets are told by low bits, and those of one half alone never see the high octets of a word,
  // where the last ones of an IPv4 destination are.
  static uint64_t Mix(uint64_t h, uint64_t word) {
    __extension__ using Wide = unsigned __int128;
    const Wide product = Wide{h ^ word} * 0x9fb21c651e98df25u;
    return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
  }
};

// A worker's memory of policy look-ups. Two ways of IPv4 flows to a cache line, one of IPv6. An entry counts while its
// generation, which stands for one state of policies and routes, is the worker's current one; whoever finds an SA in it checks
// that SA's generation too. SA memory is type-stable, so a stale pointer may be looked at.
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
  // kUnknown where nothing is known of the flow under this generation (never 0).
  FlowVerdict Find(const FlowKey& k, uint32_t generation) const {
    if (k.family == 4) {
      const V4Set& set = v4_[k.hash & kV4Mask];
      for (const V4& e : set.way) {
        if (e.addresses == k.a[0] && e.upper == k.upper && e.generation == generation) return {e.word, e.stamp};
      }
      return {};
    }
    const V6& e = v6_[k.hash & kV6Mask];
    uint64_t other = 0;
    for (int i = 0; i < 4; ++i) other |= e.addresses[i] ^ k.a[i];
    if (other != 0 || e.upper != k.upper || e.generation != generation) return {};
    return {e.word, e.stamp};
  }
  void Put(const FlowKey& k, uint32_t generation, const FlowVerdict& v);

 private:
  struct V4 {
    uint64_t addresses, upper;
    uint32_t generation, stamp;
    uint64_t word;
  };
  struct alignas(64) V4Set {
    V4 way[2];
  };
  struct alignas(64) V6 {
    uint64_t addresses[4], upper;
    uint32_t generation, stamp;
    uint64_t word;
  };
  static_assert(sizeof(V4Set) == 64 && sizeof(V6) == 64);

  // For 100,000 tunnels in use at once, a flow each, with few sets asked for more than they hold. Untouched pages take no
  // memory.
  static constexpr size_t kV4Sets = size_t{1} << 17, kV4Mask = kV4Sets - 1;  // 8 MiB
  static constexpr size_t kV6Sets = size_t{1} << 16, kV6Mask = kV6Sets - 1;  // 4 MiB
  uint64_t seed_;                                                            // random: flows cannot be aimed at one set
  V4Set* v4_;
  V6* v6_;
};

}  // namespace culvert::dp
