#pragma once

#include <cstddef>
#include <cstdint>

namespace culvert::dp {

// What the outermost headers of a packet say, as far as they are there. Numbers in host byte order, addresses as they lie in
// the packet. Trivially copyable.
struct SeenPacket {
  uint8_t source[16] = {}, destination[16] = {};  // IPv4 in the first four octets
  uint32_t spi = 0, sequence = 0;                 // of ESP, AH, and ESP in UDP; 0: neither
  uint16_t source_port = 0, destination_port = 0;
  uint16_t length = 0;     // octets of the IP packet as its header says
  uint8_t family = 0;      // 4, 6; 0: not IP, and nothing else is known
  uint8_t protocol = 0;    // upper layer
  uint8_t icmp_type = 0, icmp_code = 0;
  bool has_ports = false;  // of TCP, UDP and the like; not of a later fragment
  bool later_fragment = false;

  friend bool operator==(const SeenPacket&, const SeenPacket&) = default;
};

// Reads what begins with an IP header. Trusts nothing: `available` octets may be read, whatever the packet says. `headers`
// gets how many of its first octets are headers up to and with the upper-layer one: ports, type and code, SPI and sequence
// number; options and extension headers before it counted. It is never beyond `available`.
SeenPacket SeeIp(const uint8_t* data, size_t available, size_t& headers);

// The same of an Ethernet frame, with or without one VLAN tag. Of what carries no IP the Ethernet header alone is headers; ARP
// is headers altogether.
SeenPacket SeeFrame(const uint8_t* data, size_t available, size_t& headers);

}  // namespace culvert::dp
