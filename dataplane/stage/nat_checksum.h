#pragma once

#include <cstdint>

#include "dataplane/worker/packet.h"

// RFC 3948 3.1.2: what was sent in transport mode through a NAT has checksums over a pseudo-header of other addresses than it
// arrives with. They are mended by the difference of the addresses, so that what was wrong stays wrong (RFC 1624).
namespace culvert::dp {

// Of two ends as the sender wrote them and as they are here, in octets of one family: what MendChecksum adds. 0: the same.
[[nodiscard]] uint16_t AddressDifference(const uint8_t* before, const uint8_t* after, uint8_t family);

// The same of a port in a header that the checksum covers, host order.
[[nodiscard]] uint16_t PortDifference(uint16_t before, uint16_t after);

// The sum of two of them.
[[nodiscard]] uint16_t SumOfDifferences(uint16_t a, uint16_t b);

// The packet has passed ParseIp and is whole. TCP, UDP, UDP-Lite, DCCP and ICMPv6 have such a checksum; all else stays as it
// is.
void MendChecksum(Packet& p, uint16_t difference);

}  // namespace culvert::dp
