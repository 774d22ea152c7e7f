#pragma once

#include <rte_ether.h>

#include <string>

#include "common/bytes/bytes.h"
#include "common/net/ip_address.h"

// Frames and packets as bytes, with right lengths and checksums, for tests to send or to spoil. Shares no code with dataplane/.
namespace culvert::testing {

inline IpAddress Ip(const char* text) { return *IpAddress::Parse(text); }
inline constexpr rte_ether_addr kBroadcastMac = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};

struct IpOptions {
  uint8_t ttl = 64;
  uint8_t tos = 0;
  uint16_t id = 0;
  bool df = false;
  bool more = false;       // more fragments follow
  uint32_t offset = 0;     // octets; with `more` or an offset the packet is a fragment (IPv6: by a fragment header)
};

Bytes Ethernet(const rte_ether_addr& to, const rte_ether_addr& from, uint16_t type, ByteView payload);
Bytes IpPacket(const IpAddress& from, const IpAddress& to, uint8_t protocol, ByteView payload, const IpOptions& o = {});
struct Ports {
  uint16_t from, to;
};
Bytes UdpDatagram(const IpAddress& from, const IpAddress& to, Ports ports, ByteView payload);
Bytes EchoRequest(const IpAddress& from, const IpAddress& to, ByteView payload);  // ICMP or ICMPv6, without IP header

// One's complement sum of RFC 1071 over pseudo header and payload, complemented: 0 where a checksum in it is right.
uint16_t PseudoChecksum(const IpAddress& from, const IpAddress& to, uint8_t protocol, ByteView payload);
uint16_t Checksum(ByteView data);
std::string MacText(const rte_ether_addr& mac);  // "02:00:00:00:00:01"

// What a frame carries, read independently. Aborts the test on a frame that is not IP or is shorter than it says.
struct Seen {
  std::string to, from;    // as MacText
  uint16_t type = 0;
  IpAddress source, destination;
  uint8_t protocol = 0, ttl = 0;
  Bytes packet;            // the IP packet
  Bytes payload;           // behind the IP header (and an IPv6 fragment header, then protocol is what follows it)
};
Seen Read(ByteView frame);

}  // namespace culvert::testing
