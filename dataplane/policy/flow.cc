#include "dataplane/policy/flow.h"

#include <rte_byteorder.h>
#include <rte_ip.h>

#include <cstring>
#include <utility>

namespace culvert::dp {
namespace {

uint64_t Load64(const uint8_t* b) {
  uint64_t v;
  std::memcpy(&v, b, 8);
  return rte_be_to_cpu_64(v);
}

IpAddress Address(uint8_t family, const WideAddress& a) {
  IpAddress out;
  out.family = family == 4 ? Family::kV4 : Family::kV6;
  if (family == 4) return IpAddress::V4(static_cast<uint32_t>(a.low));
  uint64_t words[] = {rte_cpu_to_be_64(a.high), rte_cpu_to_be_64(a.low)};
  std::memcpy(out.octets.data(), words, 16);
  return out;
}

}  // namespace

WideAddress WideAddress::Of(uint8_t family, const uint8_t* octets) {
  if (family != 4) return {Load64(octets), Load64(octets + 8)};
  uint32_t v;
  std::memcpy(&v, octets, 4);
  return {0, rte_be_to_cpu_32(v)};
}

Flow Flow::Of(const Packet& p) {
  const auto* data = rte_pktmbuf_mtod(p.m, const uint8_t*);
  Flow f;
  f.family = p.family;
  f.protocol = p.protocol;
  unsigned source = p.family == 4 ? offsetof(rte_ipv4_hdr, src_addr) : offsetof(rte_ipv6_hdr, src_addr);
  f.source = WideAddress::Of(p.family, data + source);
  f.destination = WideAddress::Of(p.family, data + source + (p.family == 4 ? 4 : 16));
  uint32_t mask = PortMask(p.protocol);
  if (mask == 0 || (p.fragment && !p.first_fragment) || p.length < p.l4 + 4u) return f;
  const uint8_t* h = data + p.l4;
  f.ports_known = true;
  f.source_port = static_cast<uint16_t>(h[0] << 8 | h[1]);
  f.destination_port = mask == 0xffffffff ? static_cast<uint16_t>(h[2] << 8 | h[3]) : f.source_port;
  return f;
}

std::optional<Flow> Flow::QuotedBy(const Packet& p) {
  bool v4 = p.family == 4;
  const uint8_t icmp = v4 ? 1 : 58;
  if (p.protocol != icmp || (p.fragment && !p.first_fragment) || p.length < p.l4 + 8u) return std::nullopt;
  const auto* error = rte_pktmbuf_mtod_offset(p.m, const uint8_t*, p.l4);
  // RFC 1122 3.2.2, RFC 4443 2.1.
  bool is_error = v4 ? error[0] == 3 || error[0] == 4 || error[0] == 5 || error[0] == 11 || error[0] == 12 : error[0] < 128;
  const uint8_t* quote = error + 8;
  unsigned available = p.length - p.l4 - 8u;
  unsigned header = v4 ? sizeof(rte_ipv4_hdr) : sizeof(rte_ipv6_hdr);
  if (!is_error || available < header || quote[0] >> 4 != p.family) return std::nullopt;
  Flow f;
  f.family = p.family;
  f.protocol = v4 ? quote[offsetof(rte_ipv4_hdr, next_proto_id)] : quote[offsetof(rte_ipv6_hdr, proto)];
  unsigned source = v4 ? offsetof(rte_ipv4_hdr, src_addr) : offsetof(rte_ipv6_hdr, src_addr);
  f.source = WideAddress::Of(p.family, quote + source);
  f.destination = WideAddress::Of(p.family, quote + source + (v4 ? 4 : 16));
  if (v4) header = (quote[0] & 15u) * 4;
  uint32_t mask = PortMask(f.protocol);
  bool fragment = v4 && ((quote[6] & 0x1f) | quote[7]) != 0;
  if (mask == 0 || fragment || header < sizeof(rte_ipv4_hdr) || available < header + 4) return f;
  f.ports_known = true;
  f.source_port = static_cast<uint16_t>(quote[header] << 8 | quote[header + 1]);
  f.destination_port =
      mask == 0xffffffff ? static_cast<uint16_t>(quote[header + 2] << 8 | quote[header + 3]) : f.source_port;
  return f;
}

Flow Flow::Reversed() const {
  Flow f = *this;
  std::swap(f.source, f.destination);
  std::swap(f.source_port, f.destination_port);
  return f;
}

IpAddress Flow::SourceAddress() const { return Address(family, source); }
IpAddress Flow::DestinationAddress() const { return Address(family, destination); }

}  // namespace culvert::dp
