#pragma once

#include <cstdint>

#include "common/stats/drop.h"
#include "dataplane/worker/packet.h"

// The part of a packet that stays before ESP or AH in transport mode: IP header with its options or extension headers.
namespace culvert::dp {

inline constexpr uint8_t kHopByHop = 0, kRouting = 43, kFragmentHeader = 44, kDestinationOptions = 60;

struct IpFront {
  uint16_t length;   // octets
  uint16_t next_at;  // offset of the octet that names what follows
};

// Octets of an IPv6 extension header that has been walked before, by its kind.
inline uint32_t ExtensionSize(const uint8_t* header, uint8_t kind) {
  return kind == kFragmentHeader ? 8 : 8 + 8u * header[1];
}

// Where an IPsec header goes in a packet that has passed ParseIp: behind IPv4's options, behind hop-by-hop options and
// routing, but before destination options that only the destination reads (RFC 4303 3.1.1, RFC 4302 3.1.1). kCount: found;
// otherwise why the packet cannot be sealed in transport mode.
[[nodiscard]] Drop FindFront(const Packet& p, IpFront& out);

// The same of a packet whose IPsec header, or the UDP header before it, begins at `length`.
[[nodiscard]] IpFront FrontBefore(const uint8_t* data, uint8_t family, uint16_t length);

// Names what now follows the front, and how long the packet now is; the IPv4 checksum is made anew.
void SetFront(uint8_t* data, uint8_t family, const IpFront& front, uint8_t next, uint32_t total);

}  // namespace culvert::dp
