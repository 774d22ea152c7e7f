#pragma once

#include <rte_ether.h>

#include <optional>

#include "common/base/decoded.h"
#include "common/bytes/bytes.h"
#include "common/net/ip_address.h"

namespace culvert::dp {

// ARP (RFC 826, RFC 5227) and IPv6 neighbour discovery (RFC 4861) as one thing: who asks for whom, who tells what.
struct NeighbourMessage {
  bool request = false;                 // ARP request or neighbour solicitation; otherwise reply or advertisement
  IpAddress sender;                     // of a request: who asks; unspecified in a probe (RFC 5227 2.1, RFC 4862 5.4)
  IpAddress target;                     // of a request: who is asked for; of a reply: whose MAC is told
  std::optional<rte_ether_addr> mac;    // of a request: the sender's; of a reply: the target's
  bool solicited = false;               // it answers a request
  bool override_mac = false;            // it may replace a known MAC
};

// A whole Ethernet frame with ARP or neighbour discovery in it. Everything RFC 4861 7.1 and RFC 826 demand is checked, but
// the hop limit, which the worker has checked.
Decoded<NeighbourMessage> DecodeNeighbour(ByteView frame);

struct NeighbourSpeaker {
  rte_ether_addr mac;
  IpAddress address;    // own; link-local for IPv6
};
// Asks who has `target`: `to` its last known MAC, or everybody.
Bytes EncodeRequest(const NeighbourSpeaker& us, const IpAddress& target, const rte_ether_addr* to);
// Tells our MAC for our address. Without `asker` it is an announcement to everybody; an asker without address (a probe) is
// answered to everybody too.
struct Asker {
  rte_ether_addr mac;
  IpAddress address;
};
Bytes EncodeReply(const NeighbourSpeaker& us, const Asker* asker);

// fe80::/64 with the modified EUI-64 of the MAC, RFC 4291 2.5.1 and appendix A.
IpAddress LinkLocalOf(const rte_ether_addr& mac);

}  // namespace culvert::dp
