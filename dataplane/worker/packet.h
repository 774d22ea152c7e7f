#pragma once

#include <rte_mbuf.h>

#include <cstddef>
#include <cstdint>

namespace culvert::dp {

inline constexpr uint16_t kBurstMax = 64;
inline constexpr uint8_t kOpenedByPort = 255;  // Packet::protocol, with by_port, until it is parsed; reserved by IANA

// What the passes know of one packet of the burst in hand. Lives in the worker's scratch or, by value, in an in-process
// ring; the mbuf is owned by whoever holds the Packet. Offsets count octets from the start of the mbuf's data, which begins
// at the IP header once parsed (the Ethernet header is stripped by rte_pktmbuf_adj in parse and prepended again by transmit).
struct Packet {
  rte_mbuf* m = nullptr;
  uint16_t port = 0;      // where it came in; of an opened packet: where its outer packet came in
  uint8_t family = 0;     // 4 or 6; 0: not IP (ARP)
  uint8_t protocol = 0;   // of the last header walked: the upper-layer protocol, 50 for ESP
  uint16_t l4 = 0;        // offset of the upper-layer header
  uint16_t length = 0;    // octets of the IP packet; link padding is already cut
  bool fragment = false;  // any fragment; `first_fragment` tells the one with the upper-layer header
  bool first_fragment = false;
  bool opened = false;        // came out of an SA: the reverse policy check was done against the SA's own selectors
  bool local_origin = false;  // made or injected here
  bool from_host = false;     // with local_origin: made by the host's stack, came in by the TAP of `port`
  uint16_t split_to = 0;      // octets: goes on in fragments of at most that length (stage/fragment.h)
  uint32_t next_hop = 0;      // a NextHop (fib/neighbour_table.h), 0 = not yet known
  uint16_t out_port = 0;
  bool framed = false;          // carries its Ethernet header already: transmit sends it as it is
  bool dummy = false;           // of no meaning, to be sealed as such (RFC 4303 2.6)
  bool link_broadcast = false;  // came in a broadcast or multicast frame: never forwarded, never answered with an error
  // Inline protocol. On the way out: in clear, and the port seals it; `family` and `protocol` are of what it becomes. On the
  // way in: the port has opened it, `tag` and `sequence` say of which SA and with which number (its low half).
  bool by_port = false;
  void* sa = nullptr;           // InboundSa* or OutboundSa* between two passes of one burst; never kept in a ring
  uint64_t tag = 0;             // of the stage that hands the packet to another worker: SA slot and generation
  uint32_t path = 0;            // of whoever watches (dataplane/watch/watch.h); 0: nobody did
  uint32_t sequence = 0;        // with by_port, on the way in
};
// Whole words to its end: a blank one is made of zeros in one store each, and copied in the same.
static_assert(sizeof(Packet) == 64 && offsetof(Packet, sequence) == 60);

// Packets on their way from one stage to the next. They stay where they are, in the worker's PacketSlots: to copy one whose
// fields have just been written one by one would stall on every wide load.
struct Burst {
  uint16_t n = 0;
  Packet* p[kBurstMax];

  void Add(Packet& x) { p[n++] = &x; }
  bool full() const { return n == kBurstMax; }
};

// Where the packets of one turn live: those received, and as many made on the way.
class PacketSlots {
 public:
  // Blank, valid until the next Clear(). At most kSlots of one turn.
  Packet& New() { return slots_[used_++] = Packet(); }
  void Clear() { used_ = 0; }

  static constexpr uint16_t kSlots = 2 * kBurstMax;

 private:
  uint16_t used_ = 0;
  Packet slots_[kSlots];
};

}  // namespace culvert::dp
