#include "dataplane/worker/rings.h"

#include <absl/log/check.h>
#include <rte_ring.h>
#include <rte_ring_elem.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdlib>

namespace culvert::dp {

static_assert(sizeof(HandedOver) % 4 == 0, "rte_ring elements are whole 4-octet words");

// rte_ring_create_elem has no C linkage in DPDK 24.11's header, so the memory is ours: the header, then the elements.
PacketRing::PacketRing(const std::string& name, uint32_t slots) {
  static_assert(sizeof(rte_ring) % RTE_CACHE_LINE_SIZE == 0);
  size_t size = sizeof(rte_ring) + size_t{slots} * sizeof(HandedOver);
  size = (size + RTE_CACHE_LINE_SIZE - 1) / RTE_CACHE_LINE_SIZE * RTE_CACHE_LINE_SIZE;
  ring_ = static_cast<rte_ring*>(std::aligned_alloc(RTE_CACHE_LINE_SIZE, size));
  CHECK(ring_ != nullptr) << "no memory for ring " << name;
  CHECK_EQ(rte_ring_init(ring_, name.c_str(), slots, RING_F_SP_ENQ | RING_F_SC_DEQ), 0) << name;
}

PacketRing::~PacketRing() {
  HandedOver h;
  while (Take(&h, 1) == 1) rte_pktmbuf_free(h.packet.m);
  std::free(ring_);
}

bool PacketRing::Put(HandedOver h) { return rte_ring_sp_enqueue_elem(ring_, &h, sizeof h) == 0; }

uint32_t PacketRing::Take(HandedOver* out, uint32_t n) {
  return rte_ring_sc_dequeue_burst_elem(ring_, out, sizeof(HandedOver), n, nullptr);
}

bool PacketRing::empty() const { return rte_ring_empty(ring_) == 1; }

Bell::Bell() : fd_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) { CHECK(fd_ >= 0); }

Bell::~Bell() { close(fd_); }

void Bell::Ring() {
  // Pairs with the fence of Arm(): either this load sees the consumer asleep, or the consumer's second look sees the entry.
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (!asleep_.load(std::memory_order_relaxed) || !asleep_.exchange(false, std::memory_order_relaxed)) return;
  uint64_t one = 1;
  [[maybe_unused]] auto n = write(fd_, &one, sizeof one);  // can fail only when the counter is at its end: then it rings anyway
}

void Bell::Arm() {
  asleep_.store(true, std::memory_order_relaxed);
  std::atomic_thread_fence(std::memory_order_seq_cst);
}

void Bell::Disarm() {
  asleep_.store(false, std::memory_order_relaxed);
  uint64_t n;
  [[maybe_unused]] auto r = read(fd_, &n, sizeof n);
}

}  // namespace culvert::dp
