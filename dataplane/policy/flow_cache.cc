#include "dataplane/policy/flow_cache.h"

#include <absl/log/check.h>
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

}  // namespace

FlowCache::FlowCache()
    : v4_(static_cast<V4Set*>(Map(kV4Sets * sizeof(V4Set)))), v6_(static_cast<V6*>(Map(kV6Sets * sizeof(V6)))) {
  CHECK_EQ(getrandom(&seed_, sizeof seed_, 0), static_cast<ssize_t>(sizeof seed_));
}

FlowCache::~FlowCache() {
  munmap(v4_, kV4Sets * sizeof(V4Set));
  munmap(v6_, kV6Sets * sizeof(V6));
}

void FlowCache::Put(const FlowKey& k, uint32_t generation, const FlowVerdict& v) {
  if (k.family == 4) {
    V4Set& set = v4_[k.hash & kV4Mask];
    // An entry of this flow is replaced; else the newest moves to the second way.
    if (set.way[0].addresses != k.a[0] || set.way[0].upper != k.upper) {
      if (set.way[0].generation == generation) set.way[1] = set.way[0];
    }
    set.way[0] = {k.a[0], k.upper, generation, v.stamp(), v.word()};
    return;
  }
  V6& e = v6_[k.hash & kV6Mask];
  std::memcpy(e.addresses, k.a, sizeof e.addresses);
  e.upper = k.upper;
  e.generation = generation;
  e.stamp = v.stamp();
  e.word = v.word();
}

}  // namespace culvert::dp
