#include "dataplane/stage/outer_header.h"

#include <rte_byteorder.h>
#include <rte_ip.h>
#include <rte_udp.h>

#include <algorithm>
#include <cstring>

#include "dataplane/stage/ah_header.h"

namespace culvert::dp {
namespace {

constexpr uint8_t kTtl = 64, kEsp = 50, kAh = 51, kUdp = 17;

uint32_t SumWords(const uint8_t* data, size_t octets) {
  uint32_t sum = 0;
  for (size_t i = 0; i + 1 < octets; i += 2) sum += static_cast<uint32_t>(data[i]) << 8 | data[i + 1];
  return sum;
}

// Never 0, which is no label (RFC 6437 3).
uint32_t FlowLabel(Spi spi) { return std::max(1u, spi * 0x9e3779b1u >> 12); }

OuterHeader MakeIpHeader(const Endpoint& local, const Endpoint& remote, uint8_t next, Spi spi) {
  OuterHeader h;
  if (local.address.family == Family::kV4) {
    rte_ipv4_hdr ip{};
    ip.version_ihl = 0x45;
    ip.time_to_live = kTtl;
    ip.next_proto_id = next;
    std::memcpy(&ip.src_addr, local.address.octets.data(), 4);
    std::memcpy(&ip.dst_addr, remote.address.octets.data(), 4);
    std::memcpy(h.octets, &ip, sizeof ip);
    h.header_sum = SumWords(h.octets, sizeof ip);
    h.length = sizeof ip;
    h.family = 4;
  } else {
    rte_ipv6_hdr ip{};
    ip.vtc_flow = rte_cpu_to_be_32(6u << 28 | FlowLabel(spi));
    ip.proto = next;
    ip.hop_limits = kTtl;
    std::memcpy(&ip.src_addr, local.address.octets.data(), 16);
    std::memcpy(&ip.dst_addr, remote.address.octets.data(), 16);
    std::memcpy(h.octets, &ip, sizeof ip);
    h.udp_sum = SumWords(h.octets + offsetof(rte_ipv6_hdr, src_addr), 32) + kUdp + local.port + remote.port;
    h.length = sizeof ip;
    h.family = 6;
  }
  return h;
}

void PutSpi(OuterHeader& h, Spi spi) {
  uint32_t be = rte_cpu_to_be_32(spi);
  std::memcpy(h.octets + h.length, &be, 4);
  h.length = static_cast<uint8_t>(h.length + 4);
}

}  // namespace

OuterHeader MakeOuterHeader(const Endpoint& local, const Endpoint& remote, bool encap, Spi spi) {
  OuterHeader h = MakeIpHeader(local, remote, encap ? kUdp : kEsp, spi);
  if (encap) {
    rte_udp_hdr udp{};
    udp.src_port = rte_cpu_to_be_16(local.port);
    udp.dst_port = rte_cpu_to_be_16(remote.port);
    std::memcpy(h.octets + h.length, &udp, sizeof udp);
    h.length = static_cast<uint8_t>(h.length + sizeof udp);
  }
  PutSpi(h, spi);
  return h;
}

OuterHeader MakeAhOuterHeader(const Endpoint& local, const Endpoint& remote, uint32_t icv_field, Spi spi) {
  OuterHeader h = MakeIpHeader(local, remote, kAh, spi);
  // RFC 4302 2.2: in words of 32 bits, less two.
  h.octets[h.length + 1] = static_cast<uint8_t>(AhLength(h.family, icv_field) / 4 - 2);
  h.length = static_cast<uint8_t>(h.length + 4);
  PutSpi(h, spi);
  return h;
}

void FillUdpChecksum(uint8_t* udp, uint32_t length, uint32_t ports_sum) {
  // The ports are in `ports_sum`; the length counts twice, in the pseudo-header too.
  uint64_t sum = ports_sum + 2 * uint64_t{length} +
                 rte_be_to_cpu_16(rte_raw_cksum(udp + sizeof(rte_udp_hdr), length - sizeof(rte_udp_hdr)));
  auto checksum = rte_cpu_to_be_16(static_cast<uint16_t>(~FoldSum(sum)));
  if (checksum == 0) checksum = 0xffff;
  std::memcpy(udp + offsetof(rte_udp_hdr, dgram_cksum), &checksum, sizeof checksum);
}

}  // namespace culvert::dp
