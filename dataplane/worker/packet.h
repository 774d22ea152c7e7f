#pragma once

#include <rte_mbuf.h>

#include <cstdint>

namespace culvert::dp {

inline constexpr uint16_t kBurstMax = 64;

// What the passes know of one packet of the burst in hand. Lives in the worker's scratch or, by value, in an in-process
// ring; the mbuf is owned by whoever holds the Packet. Offsets count octets from the start of the mbuf's data, which begins
// at the IP header once parsed (the Ethernet header is stripped by rte_pktmbuf_adj in parse and prepended again by transmit).
struct Packet {
  rte_mbuf* m = nullptr;
  uint16_t port = 0;          // where it came in; of an opened packet: where its outer packet came in
  uint8_t family = 0;         // 4 or 6; 0: not IP (ARP)
  uint8_t protocol = 0;       // of the last header walked: the upper-layer protocol, 50 for ESP
  uint16_t l4 = 0;            // offset of the upper-layer header
  uint16_t length = 0;        // octets of the IP packet; link padding is already cut
  bool fragment = false;      // any fragment; `first_fragment` tells the one with the upper-layer header
  bool first_fragment = false;
  bool opened = false;        // came out of an SA: the reverse policy check was done against the SA's own selectors
  bool local_origin = false;  // made or injected here
  uint32_t next_hop = 0;      // a NextHop (fib/neighbour_table.h), 0 = not yet known
  uint16_t out_port = 0;
  bool framed = false;        // carries its Ethernet header already: transmit sends it as it is
  bool link_broadcast = false;  // came in a broadcast or multicast frame: never forwarded, never answered with an error
  void* sa = nullptr;         // InboundSa* or OutboundSa* between two passes of one burst; never kept in a ring
  uint64_t tag = 0;           // of the stage that hands the packet to another worker: SA slot and generation
};

struct Burst {
  uint16_t n = 0;
  Packet p[kBurstMax];

  Packet& Add(const Packet& x) { return p[n++] = x; }
  bool full() const { return n == kBurstMax; }
};

}  // namespace culvert::dp
