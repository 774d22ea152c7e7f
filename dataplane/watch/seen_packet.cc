#include "dataplane/watch/seen_packet.h"

#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_udp.h>

#include <algorithm>
#include <cstring>

#include "dataplane/stage/ike_ports.h"
#include "dataplane/stage/ip_front.h"
#include "dataplane/stage/octets.h"

namespace culvert::dp {
namespace {

constexpr uint8_t kIcmp = 1, kTcp = 6, kUdp = 17, kDccp = 33, kEsp = 50, kAh = 51, kIcmpV6 = 58, kSctp = 132, kUdpLite = 136;
constexpr size_t kEspHeader = 8, kAhHeader = 12, kIcmpHeader = 8;
constexpr int kMostExtensions = 8;

bool HasPorts(uint8_t protocol) {
  return protocol == kTcp || protocol == kUdp || protocol == kDccp || protocol == kSctp || protocol == kUdpLite;
}

// RFC 3948 2.1: on port 4500 a word that is not zero is an SPI.
size_t SeeEncapsulated(const uint8_t* udp, size_t available, SeenPacket& seen) {
  constexpr size_t kUdpHeader = sizeof(rte_udp_hdr);
  if (seen.source_port != kNattPort && seen.destination_port != kNattPort) return kUdpHeader;
  if (available < kUdpHeader + kEspHeader) return kUdpHeader;
  uint32_t spi = LoadBe32(udp + kUdpHeader);
  if (spi == 0) return kUdpHeader;
  seen.spi = spi;
  seen.sequence = LoadBe32(udp + kUdpHeader + 4);
  return kUdpHeader + kEspHeader;
}

// Octets of the upper-layer header at `at`.
size_t SeeUpper(const uint8_t* at, size_t available, SeenPacket& seen) {
  if (HasPorts(seen.protocol) && available >= 4) {
    seen.has_ports = true;
    seen.source_port = LoadBe16(at);
    seen.destination_port = LoadBe16(at + 2);
  }
  switch (seen.protocol) {
    case kTcp: return available > 12 ? std::max<size_t>(20, (at[12] >> 4) * 4u) : available;
    case kUdp:
    case kUdpLite: return SeeEncapsulated(at, available, seen);
    case kIcmp:
    case kIcmpV6:
      if (available < 2) return available;
      seen.icmp_type = at[0];
      seen.icmp_code = at[1];
      return kIcmpHeader;
    case kEsp:
      if (available < kEspHeader) return available;
      seen.spi = LoadBe32(at);
      seen.sequence = LoadBe32(at + 4);
      return kEspHeader;
    case kAh:
      if (available < kAhHeader) return available;
      seen.spi = LoadBe32(at + 4);
      seen.sequence = LoadBe32(at + 8);
      return kAhHeader;
    case kDccp:
    case kSctp: return 12;
    default: return 0;
  }
}

// Walks the extension headers; where the upper-layer header begins.
size_t WalkV6(const uint8_t* data, size_t available, SeenPacket& seen) {
  size_t at = sizeof(rte_ipv6_hdr);
  uint8_t next = data[offsetof(rte_ipv6_hdr, proto)];
  for (int i = 0; i < kMostExtensions; ++i) {
    bool extension = next == kHopByHop || next == kRouting || next == kDestinationOptions || next == kFragmentHeader;
    if (!extension || at + 8 > available) break;
    if (next == kFragmentHeader) seen.later_fragment = (LoadBe16(data + at + 2) & 0xfff8) != 0;
    uint8_t kind = next;
    next = data[at];
    at += ExtensionSize(data + at, kind);
    if (seen.later_fragment) break;
  }
  seen.protocol = next;
  return std::min(at, available);
}

}  // namespace

SeenPacket SeeIp(const uint8_t* data, size_t available, size_t& headers) {
  SeenPacket seen;
  headers = 0;
  uint8_t version = available == 0 ? 0 : data[0] >> 4;
  size_t at;
  if (version == 4 && available >= sizeof(rte_ipv4_hdr)) {
    at = std::min<size_t>((data[0] & 15u) * 4, available);
    if (at < sizeof(rte_ipv4_hdr)) return seen;
    seen.length = LoadBe16(data + 2);
    seen.protocol = data[offsetof(rte_ipv4_hdr, next_proto_id)];
    seen.later_fragment = (LoadBe16(data + 6) & RTE_IPV4_HDR_OFFSET_MASK) != 0;
    std::memcpy(seen.source, data + offsetof(rte_ipv4_hdr, src_addr), 4);
    std::memcpy(seen.destination, data + offsetof(rte_ipv4_hdr, dst_addr), 4);
  } else if (version == 6 && available >= sizeof(rte_ipv6_hdr)) {
    seen.length = static_cast<uint16_t>(LoadBe16(data + 4) + sizeof(rte_ipv6_hdr));
    std::memcpy(seen.source, data + offsetof(rte_ipv6_hdr, src_addr), 16);
    std::memcpy(seen.destination, data + offsetof(rte_ipv6_hdr, dst_addr), 16);
    at = WalkV6(data, available, seen);
  } else {
    return seen;
  }
  seen.family = version;
  headers = at;
  if (!seen.later_fragment) headers = std::min(available, at + SeeUpper(data + at, available - at, seen));
  return seen;
}

SeenPacket SeeFrame(const uint8_t* data, size_t available, size_t& headers) {
  size_t at = sizeof(rte_ether_hdr);
  headers = std::min(available, at);
  if (available < at) return {};
  uint16_t type = LoadBe16(data + 12);
  if (type == RTE_ETHER_TYPE_VLAN && available >= at + sizeof(rte_vlan_hdr)) {
    type = LoadBe16(data + 16);
    at += sizeof(rte_vlan_hdr);
  }
  headers = type == RTE_ETHER_TYPE_ARP ? available : at;
  if (type != RTE_ETHER_TYPE_IPV4 && type != RTE_ETHER_TYPE_IPV6) return {};
  SeenPacket seen = SeeIp(data + at, available - at, headers);
  headers += at;
  return seen;
}

}  // namespace culvert::dp
