#include "dataplane/stage/ip_front.h"

#include <rte_ip.h>
#include <rte_mbuf.h>

namespace culvert::dp {
namespace {

constexpr IpFront kBareV6 = {sizeof(rte_ipv6_hdr), offsetof(rte_ipv6_hdr, proto)};

}  // namespace

Drop FindFront(const Packet& p, IpFront& out) {
  // RFC 4303 3.3.4, RFC 4302 3.3.4: in transport mode whole packets only.
  if (p.fragment) return Drop::kTransportFragment;
  if (p.family == 4) {
    out = {p.l4, offsetof(rte_ipv4_hdr, next_proto_id)};
    return Drop::kCount;
  }
  const auto* data = rte_pktmbuf_mtod(p.m, const uint8_t*);
  out = kBareV6;
  uint8_t kind = data[out.next_at];
  for (uint32_t at = out.length; at < p.l4;) {
    if (kind == kFragmentHeader) return Drop::kTransportFragment;
    uint32_t next = at + ExtensionSize(data + at, kind);
    if (kind != kDestinationOptions) out = {static_cast<uint16_t>(next), static_cast<uint16_t>(at)};
    kind = data[at];
    at = next;
  }
  // The walk ended before a routing header that has segments left: as a source route, it is not ours to send on.
  return p.protocol == kRouting ? Drop::kMartian : Drop::kCount;
}

IpFront FrontBefore(const uint8_t* data, uint8_t family, uint16_t length) {
  if (family == 4) return {length, offsetof(rte_ipv4_hdr, next_proto_id)};
  IpFront front = kBareV6;
  uint8_t kind = data[front.next_at];
  while (front.length < length) {
    uint16_t at = front.length;
    front = {static_cast<uint16_t>(at + ExtensionSize(data + at, kind)), at};
    kind = data[at];
  }
  return front;
}

void SetFront(uint8_t* data, uint8_t family, const IpFront& front, uint8_t next, uint32_t total) {
  data[front.next_at] = next;
  if (family != 4) {
    reinterpret_cast<rte_ipv6_hdr*>(data)->payload_len = rte_cpu_to_be_16(static_cast<uint16_t>(total - sizeof(rte_ipv6_hdr)));
    return;
  }
  auto* ip = reinterpret_cast<rte_ipv4_hdr*>(data);
  ip->total_length = rte_cpu_to_be_16(static_cast<uint16_t>(total));
  ip->hdr_checksum = 0;
  ip->hdr_checksum = static_cast<uint16_t>(~rte_raw_cksum(data, front.length));
}

}  // namespace culvert::dp
