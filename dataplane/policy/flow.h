#pragma once

#include <compare>
#include <cstdint>
#include <optional>

#include "common/net/ip_address.h"
#include "dataplane/worker/packet.h"

namespace culvert::dp {

// An address as a number, so that ranges compare in two instructions; a v4 address in `low`.
struct WideAddress {
  uint64_t high = 0, low = 0;

  static WideAddress Of(uint8_t family, const uint8_t* octets);  // network byte order
  static WideAddress Of(const IpAddress& a) { return Of(static_cast<uint8_t>(a.family), a.octets.data()); }
  friend auto operator<=>(const WideAddress&, const WideAddress&) = default;
};

// What selectors see of a packet (RFC 4301 4.4.1.1). Ports in host byte order; of ICMP both are type << 8 | code.
struct Flow {
  WideAddress source, destination;
  uint16_t source_port = 0, destination_port = 0;
  uint8_t family = 0, protocol = 0;
  bool ports_known = false;  // false for a fragment but the first, and for protocols without

  static Flow Of(const Packet& p);
  // Of the packet that an ICMP error is about, as far as the error quotes it; nothing where p is none, or quotes too little.
  static std::optional<Flow> QuotedBy(const Packet& p);
  Flow Reversed() const;
  IpAddress SourceAddress() const;
  IpAddress DestinationAddress() const;
};

// How many of the first octets of an upper-layer header are its selectors: as a mask over them read as one little-endian
// word. All four where there are ports, type and code of ICMP, else none.
inline constexpr uint32_t PortMask(uint8_t protocol) {
  switch (protocol) {
    case 6:
    case 17:
    case 33:
    case 132:
    case 136: return 0xffffffff;
    case 1:
    case 58: return 0x0000ffff;
    default: return 0;
  }
}

}  // namespace culvert::dp
