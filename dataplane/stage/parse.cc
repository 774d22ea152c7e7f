#include "dataplane/stage/parse.h"

#include <rte_ip.h>
#include <rte_mbuf.h>

#include <algorithm>

namespace culvert::dp {
namespace {

constexpr int kMaxExtensionHeaders = 8;  // more than any stack sends; bounds the walk (RFC 8200 4.1 knows six kinds)

constexpr uint8_t kHopByHop = 0, kRouting = 43, kFragment = 44, kDestinationOptions = 60;

// RFC 791 3.1. Source routes are refused, as RFC 7126 4.3 and 4.4 advise: they let a sender choose its way around a policy.
std::optional<Drop> CheckOptions(const uint8_t* at, const uint8_t* end) {
  constexpr uint8_t kEnd = 0, kNoOperation = 1, kLooseSourceRoute = 131, kStrictSourceRoute = 137;
  while (at < end && *at != kEnd) {
    if (*at == kNoOperation) {
      ++at;
      continue;
    }
    if (end - at < 2 || at[1] < 2 || at[1] > end - at) return Drop::kBadHeader;
    if (*at == kLooseSourceRoute || *at == kStrictSourceRoute) return Drop::kMartian;
    at += at[1];
  }
  return std::nullopt;
}

std::optional<Drop> ParseV4(Packet& p, const rte_ipv4_hdr* ip, uint32_t available) {
  if (available < sizeof *ip) return Drop::kRunt;
  unsigned header = (ip->version_ihl & 15u) * 4;
  unsigned total = rte_be_to_cpu_16(ip->total_length);
  // RFC 1812 5.2.2: the checks every packet passes before anything else looks at it.
  if (header < sizeof *ip || total < header) return Drop::kBadHeader;
  if (total > available) return Drop::kRunt;
  if (rte_raw_cksum(ip, header) != 0xffff) return Drop::kBadHeader;
  if (header > sizeof *ip) [[unlikely]] {
    const auto* data = reinterpret_cast<const uint8_t*>(ip);
    if (auto why = CheckOptions(data + sizeof *ip, data + header)) return why;
  }
  unsigned offset = rte_be_to_cpu_16(ip->fragment_offset);
  p.family = 4;
  p.protocol = ip->next_proto_id;
  p.l4 = static_cast<uint16_t>(header);
  p.length = static_cast<uint16_t>(total);
  p.fragment = (offset & (RTE_IPV4_HDR_MF_FLAG | RTE_IPV4_HDR_OFFSET_MASK)) != 0;
  p.first_fragment = p.fragment && (offset & RTE_IPV4_HDR_OFFSET_MASK) == 0;
  return std::nullopt;
}

// Walks the extension headers from `at` on, inside p.length octets.
std::optional<Drop> WalkV6(Packet& p, const uint8_t* data, uint8_t next) {
  unsigned at = sizeof(rte_ipv6_hdr);
  for (int i = 0; i <= kMaxExtensionHeaders; ++i) {
    bool hop = next == kHopByHop, routing = next == kRouting, options = next == kDestinationOptions;
    // RFC 8200 4.1: hop-by-hop options only directly after the IPv6 header.
    if (hop && i != 0) return Drop::kBadHeader;
    bool walk = hop || routing || options || next == kFragment;
    if (!walk) {
      p.protocol = next;
      p.l4 = static_cast<uint16_t>(at);
      return std::nullopt;
    }
    if (p.length < at + 8) return Drop::kRunt;  // in a first fragment too: RFC 7112 5
    const uint8_t* h = data + at;
    // A routing header with segments left: the destination is not the final one, what follows is not ours to read.
    if (routing && h[3] != 0) {
      p.protocol = kRouting;
      p.l4 = static_cast<uint16_t>(at);
      return std::nullopt;
    }
    unsigned size = next == kFragment ? 8 : 8 + 8u * h[1];
    if (p.length < at + size) return Drop::kRunt;
    if (next == kFragment) {
      if (p.fragment) return Drop::kBadHeader;
      unsigned offset = unsigned{h[2]} << 8 | h[3];
      p.fragment = (offset & ~6u) != 0;  // RFC 6946: an atomic fragment is a whole packet
      p.first_fragment = p.fragment && (offset & 0xfff8) == 0;
      if ((offset & 0xfff8) != 0) {
        p.protocol = h[0];
        p.l4 = static_cast<uint16_t>(at + 8);
        return std::nullopt;
      }
    }
    next = h[0];
    at += size;
  }
  return Drop::kBadHeader;
}

std::optional<Drop> ParseV6(Packet& p, const rte_ipv6_hdr* ip, uint32_t available) {
  if (available < sizeof *ip) return Drop::kRunt;
  unsigned total = sizeof *ip + rte_be_to_cpu_16(ip->payload_len);
  if (total > available || total > 0xffff) return Drop::kRunt;
  p.family = 6;
  p.length = static_cast<uint16_t>(total);
  p.fragment = p.first_fragment = false;
  return WalkV6(p, reinterpret_cast<const uint8_t*>(ip), ip->proto);
}

}  // namespace

std::optional<Drop> ParseIp(Packet& p) {
  const auto* data = rte_pktmbuf_mtod(p.m, const uint8_t*);
  uint32_t available = rte_pktmbuf_data_len(p.m);
  if (available < 1) return Drop::kRunt;
  std::optional<Drop> why;
  if (data[0] >> 4 == 4) {
    why = ParseV4(p, reinterpret_cast<const rte_ipv4_hdr*>(data), available);
  } else if (data[0] >> 4 == 6) {
    why = ParseV6(p, reinterpret_cast<const rte_ipv6_hdr*>(data), available);
  } else {
    why = Drop::kBadHeader;
  }
  if (why) return why;
  if (available > p.length) rte_pktmbuf_trim(p.m, static_cast<uint16_t>(available - p.length));
  return std::nullopt;
}

bool IsMartian(const Packet& p) {
  const auto* data = rte_pktmbuf_mtod(p.m, const uint8_t*);
  if (p.family == 4) {
    const uint8_t* src = data + offsetof(rte_ipv4_hdr, src_addr);
    const uint8_t* dst = data + offsetof(rte_ipv4_hdr, dst_addr);
    bool broadcast = dst[0] == 255 && dst[1] == 255 && dst[2] == 255 && dst[3] == 255;
    return src[0] == 0 || src[0] == 127 || src[0] >= 224 || dst[0] == 0 || dst[0] == 127 || (dst[0] >= 240 && !broadcast);
  }
  const uint8_t* src = data + offsetof(rte_ipv6_hdr, src_addr);
  const uint8_t* dst = data + offsetof(rte_ipv6_hdr, dst_addr);
  auto unspecified_or_loopback = [](const uint8_t* a) {
    return std::all_of(a, a + 15, [](uint8_t b) { return b == 0; }) && a[15] <= 1;
  };
  return src[0] == 0xff || unspecified_or_loopback(src) || unspecified_or_loopback(dst);
}

std::optional<PortPair> PortsOf(const Packet& p) {
  if (p.fragment && !p.first_fragment) return std::nullopt;
  if (p.protocol != 6 && p.protocol != 17 && p.protocol != 132 && p.protocol != 33 && p.protocol != 136) return std::nullopt;
  if (p.length < p.l4 + 4u) return std::nullopt;
  const auto* h = rte_pktmbuf_mtod_offset(p.m, const uint8_t*, p.l4);
  return PortPair{static_cast<uint16_t>(h[0] << 8 | h[1]), static_cast<uint16_t>(h[2] << 8 | h[3])};
}

}  // namespace culvert::dp
