#include <rte_byteorder.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_udp.h>

#include <algorithm>
#include <atomic>
#include <cstring>

#include "drivers/offload/soft_inline_session.h"

// Inline protocol as a NIC does it: whole headers, numbers and IVs of its own (RFC 4303, RFC 4106).
namespace culvert::offload {
namespace {

constexpr uint8_t kIpv4 = 4, kUdp = 17, kIpv6 = 41, kEsp = 50, kDummy = 59;
constexpr uint8_t kTtl = 64, kEcnMask = 3, kNotEct = 0, kEct1 = 1, kCe = 3, kDf = 0x40;
constexpr uint32_t kEthernet = RTE_ETHER_HDR_LEN, kTrailer = 2;  // octets
constexpr uint32_t kV4Header = sizeof(rte_ipv4_hdr), kV6Header = sizeof(rte_ipv6_hdr);

void Store16(uint8_t* at, uint32_t value) {
  at[0] = static_cast<uint8_t>(value >> 8);
  at[1] = static_cast<uint8_t>(value);
}
void Store32(uint8_t* at, uint32_t value) {
  Store16(at, value >> 16);
  Store16(at + 2, value);
}
uint32_t Load32(const uint8_t* at) {
  uint32_t be;
  std::memcpy(&be, at, sizeof be);
  return rte_be_to_cpu_32(be);
}

uint8_t TosOf(const uint8_t* ip) { return ip[0] >> 4 == 4 ? ip[1] : static_cast<uint8_t>(ip[0] << 4 | ip[1] >> 4); }

void SumHeader(uint8_t* ip) {
  Store16(ip + 10, 0);
  uint16_t sum = static_cast<uint16_t>(~rte_raw_cksum(ip, (ip[0] & 15u) * 4));
  std::memcpy(ip + 10, &sum, sizeof sum);
}

void SetTos(uint8_t* ip, uint8_t tos) {
  if (ip[0] >> 4 == 4) {
    ip[1] = tos;
    return SumHeader(ip);
  }
  ip[0] = static_cast<uint8_t>(0x60 | tos >> 4);
  ip[1] = static_cast<uint8_t>(tos << 4 | (ip[1] & 15));
}

// How long the packet behind the header is, and what its header is followed by.
void SetLength(uint8_t* ip, uint8_t next, uint32_t total) {
  if (ip[0] >> 4 == 4) {
    Store16(ip + 2, total);
    ip[9] = next;
    return SumHeader(ip);
  }
  Store16(ip + 4, total - kV6Header);
  ip[6] = next;
}

// `number` is what an IPv4 packet that may be fragmented has its ID from.
void WriteOuter(uint8_t* ip, const SoftInlinePort::Session& s, const uint8_t* inner, uint32_t total, uint64_t number) {
  const uint8_t inner_tos = TosOf(inner);
  auto tos = static_cast<uint8_t>((s.copy_dscp ? inner_tos & ~kEcnMask : 0) | (s.copy_ecn ? inner_tos & kEcnMask : 0));
  const uint8_t next = s.udp ? kUdp : kEsp;
  if (s.family == 6) {
    std::memset(ip, 0, kV6Header);
    Store32(ip, 6u << 28 | uint32_t{tos} << 20 | (s.spi & 0xfffff));
    ip[7] = kTtl;
    std::memcpy(ip + 8, s.source, 16);
    std::memcpy(ip + 24, s.destination, 16);
    return SetLength(ip, next, total);
  }
  const bool df = s.copy_df && (inner[0] >> 4 == 6 || (inner[6] & kDf) != 0);
  std::memset(ip, 0, kV4Header);
  ip[0] = 0x45;
  ip[1] = tos;
  Store16(ip + 4, df ? 0 : static_cast<uint16_t>(number));
  ip[6] = df ? kDf : 0;
  ip[8] = kTtl;
  std::memcpy(ip + 12, s.source, 4);
  std::memcpy(ip + 16, s.destination, 4);
  SetLength(ip, next, total);
}

// RFC 6040 4.2. False: dropped.
bool CarryEcn(uint8_t outer, uint8_t* ip) {
  const uint8_t tos = TosOf(ip), inner = tos & kEcnMask;
  if (outer == kCe && inner == kNotEct) return false;
  if (outer == kCe || (outer == kEct1 && inner != kNotEct && inner != kCe))
    SetTos(ip, static_cast<uint8_t>((tos & ~kEcnMask) | outer));
  return true;
}

bool PaddingIsRight(const uint8_t* trailer, uint8_t length) {
  for (uint8_t i = 0; i < length; ++i) {
    if (trailer[i - length] != i + 1) return false;
  }
  return true;
}

// Takes what stands before `inner` off the frame, but for the Ethernet header.
void Uncover(rte_mbuf* m, uint8_t* inner, uint32_t length) {
  auto* frame = rte_pktmbuf_mtod(m, uint8_t*);
  std::memmove(inner - kEthernet, frame, kEthernet);
  m->data_off = static_cast<uint16_t>(m->data_off + (inner - kEthernet - frame));
  m->data_len = static_cast<uint16_t>(kEthernet + length);
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
  const bool known = std::equal(source, source + (ip[0] >> 4 == 4 ? 4 : 16), s.source) &&
                     (!s.udp || (frame[esp.at - 8] << 8 | frame[esp.at - 7]) == s.source_port);
  if (!known) return;
  crypto::CryptoOp op;
  FillSoft(op, s, frame + esp.at, esp.end - esp.at - kSoftEspHeader - kSoftIv - kSoftIcv);
  queue.engine->Open(&op, 1);
  opened_.fetch_add(1, std::memory_order_relaxed);
  NoteOpened(m, {.userdata = s.userdata, .sequence = Load32(frame + esp.at + 4)});
  m->ol_flags |= RTE_MBUF_F_RX_SEC_OFFLOAD | RTE_MBUF_F_RX_SEC_OFFLOAD_FAILED;
  if (!op.ok || op.text_length < kTrailer) return;
  const uint8_t* trailer = op.text + op.text_length - kTrailer;
  const uint8_t pad = trailer[0], next = trailer[1];
  if (pad + kTrailer > op.text_length || !PaddingIsRight(trailer, pad)) return;
  uint32_t length = op.text_length - kTrailer - pad;
  uint8_t* inner = op.text;
  if (next == kDummy) {
    length = 0;
  } else if (s.tunnel) {
    const uint8_t outer = TosOf(ip);
    if (length == 0 || inner[0] >> 4 != (next == kIpv4 ? 4 : next == kIpv6 ? 6 : 0)) return;
    if (length < (next == kIpv4 ? kV4Header : kV6Header)) return;
    if (s.copy_ecn && !CarryEcn(outer & kEcnMask, inner)) return;
    if (s.copy_dscp) SetTos(inner, static_cast<uint8_t>((outer & ~kEcnMask) | (TosOf(inner) & kEcnMask)));
  } else {
    std::memmove(inner - esp.ip, ip, esp.ip);
    inner -= esp.ip;
    length += esp.ip;
    SetLength(inner, next, length);
  }
  CountUse(s);
  Uncover(m, inner, length);
  m->ol_flags &= ~RTE_MBUF_F_RX_SEC_OFFLOAD_FAILED;
}

// The room before and behind the packet is the caller's care, as with a NIC that works in place.
void SoftInlinePort::SealProtocol(Queue& queue, rte_mbuf* m, Session& s) {
  auto* frame = rte_pktmbuf_mtod(m, uint8_t*);
  const uint64_t number = std::atomic_ref(s.next).fetch_add(1, std::memory_order_relaxed);
  const uint32_t kept = kEthernet + (s.tunnel ? 0 : m->l3_len);  // octets that stay before ESP
  const uint32_t payload = m->data_len - kept;
  const uint32_t pad = (0u - (payload + kTrailer)) & 3;
  const uint32_t esp_length = kSoftEspHeader + kSoftIv + payload + pad + kTrailer + kSoftIcv;
  const uint32_t outer = s.tunnel ? (s.family == 4 ? kV4Header : kV6Header) : 0;
  const uint32_t udp = s.udp ? sizeof(rte_udp_hdr) : 0;
  const uint32_t front = outer + udp + kSoftEspHeader + kSoftIv;

  uint8_t* text = frame + kept;
  uint8_t* trailer = text + payload + pad;
  for (uint32_t i = 0; i < pad; ++i) text[payload + i] = static_cast<uint8_t>(i + 1);
  const uint8_t* inner = frame + kEthernet;
  trailer[0] = static_cast<uint8_t>(pad);
  trailer[1] = s.tunnel ? (inner[0] >> 4 == 4 ? kIpv4 : kIpv6) : inner[inner[0] >> 4 == 4 ? 9 : 6];

  std::memmove(frame - front, frame, kept);
  uint8_t* ip = frame - front + kEthernet;
  uint8_t* esp = text - kSoftEspHeader - kSoftIv;
  const uint32_t total = static_cast<uint32_t>(esp - ip) + esp_length;
  if (s.tunnel)
    WriteOuter(ip, s, inner, total, number);
  else
    SetLength(ip, s.udp ? kUdp : kEsp, total);
  if (s.udp) {
    Store16(esp - 8, s.source_port);
    Store16(esp - 6, s.destination_port);
    Store16(esp - 4, udp + esp_length);
    Store16(esp - 2, 0);
  }
  Store32(esp, s.spi);
  Store32(esp + 4, static_cast<uint32_t>(number));
  const uint64_t iv = rte_cpu_to_be_64(number);
  std::memcpy(esp + kSoftEspHeader, &iv, sizeof iv);
  crypto::CryptoOp op;
  FillSoft(op, s, esp, payload + pad + kTrailer);
  queue.engine->Seal(&op, 1);
  m->data_off = static_cast<uint16_t>(m->data_off - front);
  m->data_len = static_cast<uint16_t>(kEthernet + total);
  m->pkt_len = m->data_len;
  CountUse(s);
}

}  // namespace culvert::offload
