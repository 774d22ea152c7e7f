#include "drivers/port/ring_port.h"

#include <absl/log/check.h>
#include <rte_ring.h>

#include <cstdlib>

namespace culvert {
namespace {

// Memory of our own: rings that DPDK makes have names that are unique in the process, and ports of two gateways need not.
rte_ring* MakeRing(const std::string& name, uint32_t slots) {
  ssize_t size = rte_ring_get_memsize(rte_align32pow2(slots + 1));
  auto* r = static_cast<rte_ring*>(std::aligned_alloc(RTE_CACHE_LINE_SIZE, static_cast<size_t>(size)));
  CHECK(r != nullptr) << "no memory for ring " << name;
  CHECK_EQ(rte_ring_init(r, name.c_str(), slots, RING_F_SP_ENQ | RING_F_SC_DEQ | RING_F_EXACT_SZ), 0);
  return r;
}

void FreeRing(rte_ring* r) {
  void* m;
  while (rte_ring_sc_dequeue(r, &m) == 0) rte_pktmbuf_free(static_cast<rte_mbuf*>(m));
  std::free(r);
}

}  // namespace

RingPort::RingPort(const std::string& name, uint16_t index, uint16_t queues, uint32_t slots) : Port(name, index) {
  for (uint16_t q = 0; q < queues; ++q) {
    in_.push_back(MakeRing(name + "-in" + std::to_string(q), slots));
    out_.push_back(MakeRing(name + "-out" + std::to_string(q), slots));
  }
  // A locally administered address of its own.
  mac = {{0x02, 0x63, 0x75, 0x6c, static_cast<uint8_t>(index >> 8), static_cast<uint8_t>(index)}};
}

RingPort::~RingPort() {
  for (rte_ring* r : in_) FreeRing(r);
  for (rte_ring* r : out_) FreeRing(r);
}

uint16_t RingPort::Receive(uint16_t queue, rte_mbuf** out, uint16_t n) {
  unsigned got = rte_ring_sc_dequeue_burst(in_[queue], reinterpret_cast<void**>(out), n, nullptr);
  for (unsigned i = 0; i < got; ++i) out[i]->port = index();
  return static_cast<uint16_t>(got);
}

uint16_t RingPort::Transmit(uint16_t queue, rte_mbuf** packets, uint16_t n) {
  return static_cast<uint16_t>(rte_ring_sp_enqueue_burst(out_[queue], reinterpret_cast<void**>(packets), n, nullptr));
}

bool RingPort::Feed(rte_mbuf* m, uint16_t queue) { return rte_ring_sp_enqueue(in_[queue], m) == 0; }

rte_mbuf* RingPort::Drain(uint16_t queue) {
  void* m;
  return rte_ring_sc_dequeue(out_[queue], &m) == 0 ? static_cast<rte_mbuf*>(m) : nullptr;
}

}  // namespace culvert
