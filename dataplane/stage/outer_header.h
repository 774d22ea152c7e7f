#pragma once

#include <cstdint>

#include "common/ipsec/spi.h"
#include "common/net/ip_address.h"

namespace culvert::dp {

// What stands before the sequence number of every packet of an SA, but for lengths, DSCP/ECN, ID, DF and checksums: outer IPv4
// or IPv6 header, UDP header where encapsulated (RFC 3948), SPI. Of AH (RFC 4302 2) its first four octets too, the next header
// being zero. TTL 64; the flow label is the SA's own, so that its packets go one way and nothing is told of the flows inside
// (RFC 4301 5.1.2.2, RFC 6437 3).
struct OuterHeader {
  uint8_t octets[64] = {};
  uint8_t length = 0;  // octets in use: 24, 28, 32, 44, 48 or 52
  uint8_t family = 4;
  uint32_t header_sum = 0;  // ones' complement sum of the IPv4 header as it stands here; host order, not folded
  uint32_t udp_sum = 0;     // the same of the IPv6 pseudo-header and UDP header, without lengths
};

// Both endpoints are of one family.
OuterHeader MakeOuterHeader(const Endpoint& local, const Endpoint& remote, bool encap, Spi spi);
OuterHeader MakeAhOuterHeader(const Endpoint& local, const Endpoint& remote, uint32_t icv_field, Spi spi);

// RFC 8200 8.1: over IPv6 a UDP checksum is made even for ESP, which has no use for it. `length` counts from `udp` on, the UDP
// header's length field says so too, its checksum is zero; `ports_sum` as in OuterHeader::udp_sum.
void FillUdpChecksum(uint8_t* udp, uint32_t length, uint32_t ports_sum);

// Folds a ones' complement sum of 16-bit words.
inline uint16_t FoldSum(uint64_t sum) {
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>((sum & 0xffff) + (sum >> 16));
}

}  // namespace culvert::dp
