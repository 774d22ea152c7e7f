#pragma once

#include <optional>

#include "common/stats/drop.h"
#include "dataplane/worker/packet.h"

namespace culvert::dp {

// Reads the IP header at the start of p.m's data and fills family, protocol, l4, length and the fragment flags; cuts what
// lies behind the IP packet's own length. IPv6 extension headers (hop-by-hop, routing, destination options, fragment) are
// walked up to a fixed depth. Returns why the packet must be dropped, or nothing. Used on what came from a port and on what
// came out of an SA. The header checksum of IPv4 is checked (RFC 1812 5.2.2), and source routes are refused.
[[nodiscard]] std::optional<Drop> ParseIp(Packet& p);

// An address that may not be on a wire as it stands there (RFC 1812 5.3.7, RFC 4291): loopback, a source that is no unicast
// address, "this network", class E. The unspecified IPv6 source is one too: only neighbour discovery uses it, and asks first.
[[nodiscard]] bool IsMartian(const Packet& p);

struct PortPair {
  uint16_t source, destination;  // host byte order
};
// Of TCP, UDP, UDP-Lite, SCTP and DCCP; nothing where the protocol has none or they lie in another fragment.
[[nodiscard]] std::optional<PortPair> PortsOf(const Packet& p);

}  // namespace culvert::dp
