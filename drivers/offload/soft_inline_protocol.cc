#include <rte_byteorder.h>
#include <rte_ether.h>
#include <rte_mbuf.h>

#include <algorithm>
#include <atomic>
#include <cstring>

#include "drivers/offload/soft_inline_session.h"

// Inline protocol as a NIC does it: whole headers, numbers and IVs of its own.
namespace culvert::offload {
namespace {

constexpr uint32_t kEthernet = RTE_ETHER_HDR_LEN;  // octets

// The frame is now this packet, with the Ethernet header it had.
void Reframe(rte_mbuf* m, const uint8_t (&ethernet)[kEthernet], const SoftPacket& packet) {
  uint8_t* frame = packet.begin - kEthernet;
  std::memcpy(frame, ethernet, kEthernet);
  m->data_off = static_cast<uint16_t>(frame - static_cast<uint8_t*>(m->buf_addr));
  m->data_len = static_cast<uint16_t>(kEthernet + packet.length);
  m->pkt_len = m->data_len;
}

}  // namespace

// Every packet of it counts, whichever queue it comes by; each kind of end is told once.
void SoftInlinePort::CountUse(Session& s) {
  const uint64_t n = std::atomic_ref(s.packets).fetch_add(1, std::memory_order_relaxed) + 1;
  const uint64_t soft = soft_at_.load(std::memory_order_relaxed), hard = hard_at_.load(std::memory_order_relaxed);
  if (!sink_) return;
  if (n == (soft != 0 ? soft : s.soft_packets)) sink_({.kind = IpsecEvent::kSoft, .userdata = s.userdata});
  if (n == (hard != 0 ? hard : s.hard_packets)) sink_({.kind = IpsecEvent::kHard, .userdata = s.userdata});
}

void SoftInlinePort::OpenProtocol(Queue& queue, rte_mbuf* m, Session& s, const Esp& esp) {
  auto* frame = rte_pktmbuf_mtod(m, uint8_t*);
  uint8_t* ip = frame + kEthernet;
  const uint8_t* source = ip + (ip[0] >> 4 == 4 ? 12 : 8);
  const bool known = std::equal(source, source + (ip[0] >> 4 == 4 ? 4 : 16), s.sa.source) &&
                     (!s.sa.udp || (frame[esp.at - 8] << 8 | frame[esp.at - 7]) == s.sa.source_port);
  if (!known) return;
  uint32_t number;
  std::memcpy(&number, frame + esp.at + 4, sizeof number);
  uint8_t ethernet[kEthernet];
  std::memcpy(ethernet, frame, kEthernet);
  opened_.fetch_add(1, std::memory_order_relaxed);
  NoteOpened(m, {.userdata = s.userdata, .sequence = rte_be_to_cpu_32(number)});
  m->ol_flags |= RTE_MBUF_F_RX_SEC_OFFLOAD | RTE_MBUF_F_RX_SEC_OFFLOAD_FAILED;
  SoftPacket inner;
  if (!OpenSoft(*queue.engine, s.sa, ip, esp.ip, frame + esp.at, frame + esp.end, inner)) return;
  CountUse(s);
  Reframe(m, ethernet, inner);
  m->ol_flags &= ~RTE_MBUF_F_RX_SEC_OFFLOAD_FAILED;
}

void SoftInlinePort::SealProtocol(Queue& queue, rte_mbuf* m, Session& s) {
  auto* frame = rte_pktmbuf_mtod(m, uint8_t*);
  uint8_t ethernet[kEthernet];
  std::memcpy(ethernet, frame, kEthernet);
  const uint64_t number = std::atomic_ref(s.next).fetch_add(1, std::memory_order_relaxed);
  Reframe(m, ethernet,
          SealSoft(*queue.engine, s.sa, {frame + kEthernet, m->data_len - kEthernet}, m->l3_len, number, number));
  CountUse(s);
}

}  // namespace culvert::offload
