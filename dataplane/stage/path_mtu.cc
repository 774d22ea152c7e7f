#include "dataplane/stage/path_mtu.h"

#include <rte_byteorder.h>
#include <rte_ip.h>
#include <rte_udp.h>

#include <algorithm>
#include <cstring>

#include "dataplane/stage/ike_ports.h"
#include "dataplane/stage/octets.h"
#include "dataplane/stage/outer_header.h"

namespace culvert::dp {
namespace {

constexpr uint8_t kIcmp = 1, kIcmpV6 = 58, kUdp = 17, kEsp = 50, kAh = 51;
constexpr uint32_t kIcmpHeader = 8;

// RFC 1191 7.1: what to try where an old router does not say what fits.
uint32_t PlateauBelow(uint32_t length) {
  constexpr uint32_t kPlateaus[] = {32000, 17914, 8166, 4352, 2002, 1492, 1006};
  for (uint32_t p : kPlateaus) {
    if (p < length) return p;
  }
  return kLeastV4Path;
}

bool ChecksumFits(const Packet& p, const uint8_t* data) {
  const uint8_t* icmp = data + p.l4;
  uint32_t size = p.length - uint32_t{p.l4}, sum = rte_raw_cksum(icmp, size);
  if (p.family == 6) {  // RFC 4443 2.3
    sum += rte_raw_cksum(data + offsetof(rte_ipv6_hdr, src_addr), 32);
    sum += rte_cpu_to_be_16(static_cast<uint16_t>(size)) + uint32_t{rte_cpu_to_be_16(kIcmpV6)};
  }
  return FoldSum(sum) == 0xffff;
}

// SPI and sequence number behind the quoted IP header, straight or in UDP; what follows extension headers is not looked for,
// because this gateway puts none before its IPsec.
bool ReadQuotedIpsec(const uint8_t* at, uint32_t available, uint8_t protocol, TooBigNotice& out) {
  if (protocol == kUdp) {
    if (available < sizeof(rte_udp_hdr) || LoadBe16(at) != kNattPort) return false;
    at += sizeof(rte_udp_hdr);
    available -= static_cast<uint32_t>(sizeof(rte_udp_hdr));
    protocol = kEsp;
  }
  uint32_t before = protocol == kAh ? 4 : 0;  // octets of AH ahead of its SPI
  if ((protocol != kEsp && protocol != kAh) || available < before + 8) return false;
  out.protocol = protocol;
  out.spi = LoadBe32(at + before);
  out.sequence = LoadBe32(at + before + 4);
  return true;
}

}  // namespace

std::optional<TooBigNotice> ReadTooBig(const Packet& p) {
  bool v4 = p.family == 4;
  uint32_t header = v4 ? sizeof(rte_ipv4_hdr) : sizeof(rte_ipv6_hdr);
  if (p.protocol != (v4 ? kIcmp : kIcmpV6) || p.fragment || p.length < p.l4 + kIcmpHeader + header) return std::nullopt;
  const auto* data = rte_pktmbuf_mtod(p.m, const uint8_t*);
  const uint8_t *icmp = data + p.l4, *quote = icmp + kIcmpHeader;
  bool too_big = v4 ? icmp[0] == 3 && icmp[1] == 4 : icmp[0] == 2;
  if (!too_big || quote[0] >> 4 != p.family || !ChecksumFits(p, data)) return std::nullopt;
  uint32_t available = p.length - p.l4 - kIcmpHeader, mtu;
  TooBigNotice n{};
  n.family = p.family;
  uint8_t protocol;
  if (v4) {
    header = (quote[0] & 15u) * 4;
    if (header < sizeof(rte_ipv4_hdr) || available < header || (LoadBe16(quote + 6) & RTE_IPV4_HDR_OFFSET_MASK) != 0)
      return std::nullopt;
    protocol = quote[offsetof(rte_ipv4_hdr, next_proto_id)];
    std::memcpy(n.source, quote + offsetof(rte_ipv4_hdr, src_addr), 4);
    std::memcpy(n.destination, quote + offsetof(rte_ipv4_hdr, dst_addr), 4);
    mtu = LoadBe16(icmp + 6);
    uint32_t length = LoadBe16(quote + 2);
    if (mtu == 0) mtu = PlateauBelow(length);
    mtu = std::max(mtu, kLeastV4Path);
  } else {
    protocol = quote[offsetof(rte_ipv6_hdr, proto)];
    std::memcpy(n.source, quote + offsetof(rte_ipv6_hdr, src_addr), 16);
    std::memcpy(n.destination, quote + offsetof(rte_ipv6_hdr, dst_addr), 16);
    mtu = LoadBe32(icmp + 4);
    if (mtu < kLeastV6Path) return std::nullopt;
  }
  n.mtu = static_cast<uint16_t>(std::min(mtu, 0xffffu));
  if (!ReadQuotedIpsec(quote + header, available - header, protocol, n)) return std::nullopt;
  return n;
}

}  // namespace culvert::dp
