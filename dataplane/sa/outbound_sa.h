#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "common/base/limits.h"
#include "common/ipsec/spi.h"
#include "dataplane/policy/selector_set.h"
#include "dataplane/sa/sa_counters.h"
#include "dataplane/sa/sa_form.h"
#include "dataplane/worker/counters.h"
#include "drivers/crypto/suite.h"
#include "drivers/offload/engine.h"

namespace culvert::dp {

struct SaMove;

// An outbound SA as its worker runs it. Memory of this type is only ever reused for this type, so that a stale pointer in a
// flow cache may be looked at: its generation tells.
//
//   line 0   what every packet reads; main writes `generation` when the SA goes or another goes before it
//   line 1   what the owner writes
//   line 2   what is put before the packet: outer IP header, UDP header or the begin of AH, SPI; in transport mode the
//            packet keeps its own IP header, and of this one the addresses alone are looked at
//   line 3   the way out, kept by the owner; limits
//   line 4   what few SAs have, off the short way
struct alignas(kCacheLine) OutboundSa {
  // line 0
  const void* key;
  std::atomic<uint32_t> generation;  // changes whenever a cached choice of this SA must be made again; 0: gone
  uint32_t sa_index;
  uint32_t installation;  // never reused in this process; what a packet handed over carries
  uint8_t salt[4];
  uint64_t iv_prefix;  // MakeIv(node, generation, 0)
  crypto::Suite suite;
  std::atomic<uint8_t> owner;     // worker; with kOnItsWay: it is not there yet (sa_move.h)
  uint8_t family;                 // of the outer header, 4 or 6
  bool encap;                     // ESP in UDP
  uint8_t header_length;          // octets before the sequence number: outer IP, UDP or half of AH, SPI
  uint8_t iv_length, icv_length;  // octets
  uint8_t pad_to;                 // octets
  bool esn;
  uint8_t tos_mask;  // what of the inner DSCP and ECN is copied to the outer header
  SaForm form;
  std::atomic<offload::Engine> engine;  // the owner writes it
  uint32_t header_sum;  // of the outer IPv4 header without length, DSCP/ECN, ID, DF and checksum; host order, not folded
  uint32_t udp_sum;     // of the IPv6 pseudo-header and UDP header without lengths
  uint16_t tfc_padding;  // kEspTunnelMore: octets an inner packet has at least, or channel::kTfcToMtu
  uint8_t df_mask;       // what of the inner DF is copied to an outer IPv4 header: 0x40 or 0
  bool cut_after;        // what is too long is cut when it is sealed: whatever DF says inside
  bool has_ports;        // selectors that later fragments do not show: cut when sealed, where DF lets it be cut
  uint16_t id_base;      // RFC 6864 4.3: of outer IPv4 IDs, so that SAs between the same ends do not use the same at once
  uint16_t wire_port;    // kEspTransport: the peer's UDP port as it knows it; 0: as the host here does
  uint16_t port_difference;  // as MendChecksum takes it

  // line 1
  Counter sequence;                      // last used; where the port has the numbers, of the last packet given to it
  Counter bytes;                         // octets enciphered
  Counter last_use;                      // TSC (stored with Set)
  Counter first_sequence;                // sequence at install, and what has been left out since: packets = sequence - it
  uint64_t alarm_sequence, alarm_bytes;  // the next threshold
  uint64_t alarm_at;                     // TSC of the hard lifetime; UINT64_MAX: none
  uint64_t last_sequence;                // no number beyond it is ever used

  // line 2
  uint8_t header[64];

  // line 3
  uint64_t route_generation;  // of the Forwarding these two are from; 0: none
  uint32_t next_hop;
  uint16_t out_port;
  uint16_t route_mtu;  // octets of IP packet: the lesser of the link's and path_mtu
  SaLimits limits;
  uint16_t zone;      // port of a link-local destination
  uint16_t path_mtu;  // octets of IP packet that routers on the way let pass; 0: nothing is known
  uint8_t notices;    // SaNotice
  uint8_t device;     // of the engine, by index
  uint16_t in_flight;  // packets lent to it
  const void* session;

  // line 4
  OutboundSa* over;      // of ESP that goes under AH: that AH's SA, in transport mode, of the same worker
  uint16_t over_length;  // octets it puts in
  uint8_t alignment4[2];
  uint32_t dummy_packets;  // to be sent a second
  Counter dummies;         // sent
  SaMove* move;            // while it is on its way
  uint8_t unused4[32];

  uint64_t packets() const { return sequence.get() - first_sequence.get(); }
  // The outer IPv4 ID of the packet with this sequence number, where it has one.
  uint16_t IdOf(uint64_t number) const { return static_cast<uint16_t>(number + id_base); }
};
static_assert(offsetof(OutboundSa, sequence) == 64 && offsetof(OutboundSa, header) == 128 &&
              offsetof(OutboundSa, route_generation) == 192);
static_assert(offsetof(OutboundSa, over) == 256 && sizeof(OutboundSa) == 320);

}  // namespace culvert::dp
