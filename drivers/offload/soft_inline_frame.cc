#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_udp.h>

#include "drivers/offload/soft_inline_session.h"

// What the stand-in finds in frames.
namespace culvert::offload {
namespace {

constexpr uint8_t kEsp = 50, kUdp = 17;

uint16_t Load16(const uint8_t* at) { return static_cast<uint16_t>(at[0] << 8 | at[1]); }
uint32_t Load32(const uint8_t* at) { return uint32_t{Load16(at)} << 16 | Load16(at + 2); }

}  // namespace

// Plain headers only, as NICs do: no fragments, no extension headers, no tags.
bool SoftInlinePort::FindEsp(const rte_mbuf* m, Esp& esp, SecurityFlow& key) {
  if (m->nb_segs != 1 || rte_mbuf_refcnt_read(m) != 1 || m->data_len < RTE_ETHER_HDR_LEN + sizeof(rte_ipv4_hdr)) return false;
  const auto* frame = rte_pktmbuf_mtod(m, const uint8_t*);
  const uint8_t* ip = frame + RTE_ETHER_HDR_LEN;
  uint32_t header, total;
  uint8_t protocol;
  if (Load16(frame + 12) == RTE_ETHER_TYPE_IPV4) {
    header = (ip[0] & 15u) * 4;
    total = Load16(ip + 2);
    protocol = ip[9];
    if ((Load16(ip + 6) & 0x3fff) != 0) return false;
    key.destination = IpAddress::V4(Load32(ip + 16));
  } else if (Load16(frame + 12) == RTE_ETHER_TYPE_IPV6 && m->data_len >= RTE_ETHER_HDR_LEN + sizeof(rte_ipv6_hdr)) {
    header = sizeof(rte_ipv6_hdr);
    total = header + Load16(ip + 4);
    protocol = ip[6];
    key.destination = *IpAddress::FromBytes({ip + 24, 16});
  } else {
    return false;
  }
  key.udp_port = 0;
  uint32_t at = RTE_ETHER_HDR_LEN + header, end = RTE_ETHER_HDR_LEN + total;
  if (end > m->data_len) return false;
  if (protocol == kUdp && at + sizeof(rte_udp_hdr) <= end) {
    key.udp_port = Load16(frame + at + 2);
    at += sizeof(rte_udp_hdr);
  } else if (protocol != kEsp) {
    return false;
  }
  if (at + kSoftEspHeader + kSoftIv + kSoftIcv > end) return false;
  key.spi = Load32(frame + at);
  esp = {static_cast<uint16_t>(header), static_cast<uint16_t>(at), static_cast<uint16_t>(end)};
  return true;
}

}  // namespace culvert::offload
