#pragma once

#include <absl/log/check.h>
#include <rte_ring.h>
#include <rte_ring_elem.h>

#include <cstdlib>
#include <type_traits>

namespace culvert::dp {

// Values from one thread to one other, in process.
template <typename T>
class ValueRing {
  static_assert(std::is_trivially_copyable_v<T> && sizeof(T) % 4 == 0, "rte_ring elements are whole 4-octet words");

 public:
  explicit ValueRing(unsigned slots) {  // a power of two; one of them stays empty
    // rte_ring_get_memsize_elem has no C linkage in DPDK 24.11's header; the layout is the header, then the elements.
    size_t size = sizeof(rte_ring) + slots * sizeof(T);
    ring_ = static_cast<rte_ring*>(std::aligned_alloc(RTE_CACHE_LINE_SIZE, (size + 63) / 64 * 64));
    CHECK(ring_ != nullptr && rte_ring_init(ring_, "culvert", slots, RING_F_SP_ENQ | RING_F_SC_DEQ) == 0);
  }
  ~ValueRing() { std::free(ring_); }
  ValueRing(const ValueRing&) = delete;
  ValueRing& operator=(const ValueRing&) = delete;

  [[nodiscard]] bool Put(T v) { return rte_ring_sp_enqueue_elem(ring_, &v, sizeof v) == 0; }
  [[nodiscard]] bool Take(T& out) { return rte_ring_sc_dequeue_elem(ring_, &out, sizeof out) == 0; }
  // The producer's own question: the answer no stays no until it puts.
  bool full() const { return rte_ring_full(ring_) == 1; }
  // Likewise: there is room for at least as many.
  unsigned room() const { return rte_ring_free_count(ring_); }
  bool empty() const { return rte_ring_empty(ring_) == 1; }

 private:
  rte_ring* ring_;
};

}  // namespace culvert::dp
