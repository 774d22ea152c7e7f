#include <rte_ip.h>

#include <cstring>

#include "dataplane/stage/ah_header.h"
#include "dataplane/stage/esp_worker.h"
#include "dataplane/stage/inner_header.h"

// AH on its way out (RFC 4302 3.3). The ICV is over one run of octets, in place: the header's mutable fields are zero meanwhile
// and come back after.
namespace culvert::dp {
namespace {

constexpr uint8_t kIpv4 = 4, kIpv6 = 41, kAh = 51;

// The outer IP header but for what SetFront sets. The ID is covered by the ICV, so that it is there even where DF is set: it
// may turn out later that the packet has to be fragmented all the same (RFC 6864 4.1 lets it be anything).
IpFront WriteOuterIp(uint8_t* at, const OutboundSa& sa, uint8_t tos, uint8_t df, uint64_t sequence) {
  if (sa.family == 4) {
    std::memcpy(at, sa.header, sizeof(rte_ipv4_hdr));
    at[offsetof(rte_ipv4_hdr, type_of_service)] = tos;
    uint16_t id = rte_cpu_to_be_16(sa.IdOf(sequence));
    std::memcpy(at + offsetof(rte_ipv4_hdr, packet_id), &id, sizeof id);
    at[offsetof(rte_ipv4_hdr, fragment_offset)] = df;
    return {sizeof(rte_ipv4_hdr), offsetof(rte_ipv4_hdr, next_proto_id)};
  }
  std::memcpy(at, sa.header, sizeof(rte_ipv6_hdr));
  at[0] = static_cast<uint8_t>(0x60 | tos >> 4);
  at[1] = static_cast<uint8_t>(tos << 4 | sa.header[1]);
  return {sizeof(rte_ipv6_hdr), offsetof(rte_ipv6_hdr, proto)};
}

}  // namespace

// Whether the IP front of a packet can be read, so that nothing goes wrong once a number is taken.
bool EspWorker::CanMute(const Packet& p, uint16_t front) {
  if (front > kMaxAhFront) return false;
  if (front == 0) return true;
  [[gnu::uninitialized]] uint8_t copy[kMaxAhFront];
  std::memcpy(copy, rte_pktmbuf_mtod(p.m, const uint8_t*), front);
  return MuteFront(copy, p.family, front);
}

void EspWorker::WriteAh(WorkerContext& ctx, Packet& p, OutboundSa& sa, const SealPlan& plan, uint16_t at) {
  auto* packet = rte_pktmbuf_mtod(p.m, uint8_t*);
  uint8_t* begin = packet - plan.front;
  IpFront front = plan.at;
  uint8_t next = p.family == 4 ? kIpv4 : kIpv6;
  uint64_t sequence = TakeNumber(ctx, sa, plan.text);
  if (sa.form == SaForm::kAhTransport) {
    next = packet[front.next_at];
    std::memmove(begin, packet, front.length);
  } else {
    // RFC 6040 4.1: normal mode copies the ECN field, compatibility mode clears it.
    uint8_t df = GetDf(packet, p.family) & sa.df_mask;
    front = WriteOuterIp(begin, sa, GetTos(packet, p.family) & sa.tos_mask, df, sequence);
  }
  SetFront(begin, sa.family, front, kAh, plan.total);

  uint32_t low = rte_cpu_to_be_32(static_cast<uint32_t>(sequence)),
           high = rte_cpu_to_be_32(static_cast<uint32_t>(sequence >> 32));
  uint8_t* ah = begin + front.length;
  std::memcpy(ah, sa.header + sa.header_length - 8, 8);
  ah[0] = next;
  std::memcpy(ah + 8, &low, 4);
  // RFC 4302 3.3.3.1.1.1: zero while the ICV is computed, an IV too (RFC 4543 4); its padding stays so.
  std::memset(ah + kAhFixed, 0, AhLength(sa.family, IcvField(sa)) - kAhFixed);
  // RFC 4302 2.5.1: the high half is authenticated behind the packet and not sent.
  std::memcpy(begin + plan.total, &high, sizeof high);

  std::memcpy(ah_[at].front, begin, front.length);
  (void)MuteFront(begin, sa.family, front.length);  // CanMute has seen it
  crypto::MacOp& op = macs_[at];
  op.data = begin;
  op.length = plan.total + (sa.esn ? 4 : 0);
  op.key = sa.key;
  op.suite = sa.suite;
  if (sa.iv_length != 0) {
    uint64_t iv = rte_cpu_to_be_64(sa.iv_prefix | sequence);
    std::memcpy(op.nonce, sa.salt, sizeof sa.salt);
    std::memcpy(op.nonce + sizeof sa.salt, &iv, sizeof iv);
  }
  Sealed(p, plan, front, kAh);
}

void EspWorker::FinishAh(const Packet& p, uint16_t at) {
  auto* data = rte_pktmbuf_mtod(p.m, uint8_t*);
  std::memcpy(data, ah_[at].front, p.l4);
  const auto& sa = *static_cast<const OutboundSa*>(p.sa);
  uint8_t* field = data + p.l4 + kAhFixed;
  std::memcpy(field, macs_[at].nonce + sizeof sa.salt, sa.iv_length);
  std::memcpy(field + sa.iv_length, macs_[at].icv, sa.icv_length);
}

}  // namespace culvert::dp
