#pragma once

#include <rte_byteorder.h>

#include <cstring>
#include <optional>

#include "common/stats/drop.h"
#include "dataplane/worker/packet.h"

namespace culvert::dp {

// Reads the IP header at the start of p.m's data and fills family, protocol, l4, length and the fragment flags; cuts what
// lies behind the IP packet's own length. IPv6 extension headers (hop-by-hop, routing, destination options, fragment) are
// walked up to a fixed depth. Returns why the packet must be dropped, or nothing. Used on what came from a port and on what
// came out of an SA. The header checksum of IPv4 is checked (RFC 1812 5.2.2), and source routes are refused.
[[nodiscard]] std::optional<Drop> ParseIp(Packet& p);

// What ParseIp finds in an IPv4 header without options that belongs to a whole packet, in a few instructions. False, with p as
// it was, for any other header, wrong ones included. `available`: octets from `header` on. Cuts nothing.
[[nodiscard]] inline bool ParseUsualV4(const uint8_t* header, uint32_t available, Packet& p) {
  uint32_t w[5];
  if (available < sizeof w) return false;
  std::memcpy(w, header, sizeof w);
  uint32_t length = rte_be_to_cpu_16(static_cast<uint16_t>(w[0] >> 16));
  uint64_t sum = uint64_t{w[0]} + w[1] + w[2] + w[3] + w[4];
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  constexpr uint32_t kFragmentBits = uint32_t{RTE_BE16(0x3fff)} << 16;  // more fragments, offset
  bool usual =
      (w[0] & 0xff) == 0x45 && length >= sizeof w && length <= available && (w[1] & kFragmentBits) == 0 && sum == 0xffff;
  if (!usual) return false;
  p.family = 4;
  p.protocol = static_cast<uint8_t>(w[2] >> 8);
  p.l4 = sizeof w;
  p.length = static_cast<uint16_t>(length);
  p.fragment = p.first_fragment = false;
  return true;
}

// An address that may not be on a wire as it stands there (RFC 1812 5.3.7, RFC 4291): loopback, a source that is no unicast
// address, "this network", class E. The unspecified IPv6 source is one too: only neighbour discovery uses it, and asks first.
[[nodiscard]] bool IsMartian(const Packet& p);

struct PortPair {
  uint16_t source, destination;  // host byte order
};
// Of TCP, UDP, UDP-Lite, SCTP and DCCP; nothing where the protocol has none or they lie in another fragment.
[[nodiscard]] std::optional<PortPair> PortsOf(const Packet& p);

}  // namespace culvert::dp
