#include "dataplane/policy/flow_cache.h"

#include <absl/log/check.h>
#include <rte_ip.h>
#include <sys/mman.h>
#include <sys/random.h>

namespace culvert::dp {
namespace {

void* Map(size_t size) {
  void* p = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  CHECK(p != MAP_FAILED) << "no address space for a flow cache";
  (void)madvise(p, size, MADV_HUGEPAGE);  // fewer TLB misses where large pages are to be had
  return p;
}

inline uint64_t Mix(uint64_t h, uint64_t word) {
  h = (h ^ word) * 0x9fb21c651e98df25u;
  return h ^ h >> 32;
}

}  // namespace

FlowCache::FlowCache()
    : v4_(static_cast<V4Set*>(Map(kV4Sets * sizeof(V4Set)))), v6_(static_cast<V6*>(Map(kV6Sets * sizeof(V6)))) {
  CHECK_EQ(getrandom(&seed_, sizeof seed_, 0), static_cast<ssize_t>(sizeof seed_));
}

FlowCache::~FlowCache() {
  munmap(v4_, kV4Sets * sizeof(V4Set));
  munmap(v6_, kV6Sets * sizeof(V6));
}

void FlowKey::Fill(const Packet& p, uint64_t seed) {
  const auto* data = rte_pktmbuf_mtod(p.m, const uint8_t*);
  uint32_t ports = 0;
  bool hidden = (p.fragment && !p.first_fragment) || p.length < p.l4 + 4u;  // no ports to be seen: all the same to selectors
  if (!hidden) {
    std::memcpy(&ports, data + p.l4, 4);
    ports &= PortMask(p.protocol);
  }
  upper = uint64_t{ports} << 32 | static_cast<uint64_t>(p.protocol) << 1 | hidden;
  family = p.family;
  uint64_t h = Mix(seed, upper);
  if (p.family == 4) {
    std::memcpy(a, data + offsetof(rte_ipv4_hdr, src_addr), 8);
    hash = Mix(h, a[0]);
    return;
  }
  std::memcpy(a, data + offsetof(rte_ipv6_hdr, src_addr), 32);
  for (uint64_t word : a) h = Mix(h, word);
  hash = h;
}

void FlowCache::Put(const FlowKey& k, uint32_t generation, const FlowVerdict& v) {
  uint64_t target = reinterpret_cast<uint64_t>(v.sa) | v.out | static_cast<uint64_t>(v.in) << 3;
  if (k.family == 4) {
    V4Set& set = v4_[k.hash & kV4Mask];
    // An entry of this flow is replaced; else the newest moves to the second way.
    if (set.way[0].addresses != k.a[0] || set.way[0].upper != k.upper) {
      if (set.way[0].generation == generation) set.way[1] = set.way[0];
    }
    set.way[0] = {k.a[0], k.upper, generation, v.sa_generation, target};
    return;
  }
  V6& e = v6_[k.hash & kV6Mask];
  std::memcpy(e.addresses, k.a, sizeof e.addresses);
  e.upper = k.upper;
  e.generation = generation;
  e.sa_generation = v.sa_generation;
  e.target = target;
}

}  // namespace culvert::dp
