#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "common/base/limits.h"
#include "common/ipsec/replay_window.h"
#include "common/ipsec/spi.h"
#include "dataplane/policy/selector_set.h"
#include "dataplane/sa/sa_counters.h"
#include "dataplane/sa/sa_form.h"
#include "dataplane/worker/counters.h"
#include "drivers/crypto/suite.h"
#include "drivers/offload/engine.h"

namespace culvert::dp {

struct SaMove;

// An inbound SA as its worker runs it. Built by main (install.h), then the owning worker's; keys and selectors lie elsewhere.
//
//   line 0   what every packet reads and nobody writes
//   line 1   what the owner writes
//   line 2   what is compared after opening: the selectors' usual form, and the peer's endpoint
//   line 3   limits; looked at when a threshold of line 1 is met
//   line 4…  the words of the replay window
struct alignas(kCacheLine) InboundSa {
  // line 0
  const void* key;
  Spi spi;  // host order
  uint32_t sa_index;
  uint32_t generation;  // of the installation, never reused in this process
  uint8_t salt[4];
  const SelectorSet* selectors;
  crypto::Suite suite;
  std::atomic<uint8_t> owner;     // worker; with kOnItsWay: it is not there yet (sa_move.h)
  uint8_t iv_length, icv_length;  // octets
  uint8_t block;                  // the text's granule, octets; at least 2, so that the trailer is there
  bool esn;
  bool encap;  // as negotiated, or as its peer's last move has it; either form is accepted (RFC 7296 2.23)
  bool copy_dscp, copy_ecn;
  bool plain_selectors;  // one IPv4 pair without protocol or ports: line 2 tells all
  SaForm form;
  offload::Engine engine;
  uint16_t nat_difference;  // transport mode: of the addresses, as MendChecksum takes it; 0: the same at both ends
  uint16_t wire_port, host_port;  // the peer's UDP port as it writes it and as the host here sees it; 0: the same
  uint8_t device;        // of the engine, by index
  uint8_t unused0[5];
  const void* session;   // of that device

  // line 1
  ReplayWindow window;
  Counter packets, bytes;               // opened and accepted
  Counter last_use;                     // TSC (stored with Set)
  uint64_t alarm_packets, alarm_bytes;  // the next threshold
  uint64_t alarm_at;                    // TSC of the hard lifetime; UINT64_MAX: none

  // line 2: IPv4, host order
  uint32_t source_first, source_last, destination_first, destination_last;
  uint8_t peer_address[16];  // network order
  uint8_t peer_family;
  uint8_t notices;     // SaNotice
  uint16_t peer_port;  // host order; compared where the packet was encapsulated and the SA is
  uint8_t alignment[4];
  uint64_t next_move;  // TSC before which no further move is reported
  uint32_t in_flight;  // packets lent to the device
  uint8_t alignment2[4];
  const InboundSa* over;  // of ESP that has to come under AH: that AH's SA, of the same worker

  // line 3
  SaLimits limits;
  SaMove* move;  // while it is on its way
  uint8_t unused3[24];

  uint64_t* words() { return reinterpret_cast<uint64_t*>(this + 1); }
  const uint64_t* words() const { return reinterpret_cast<const uint64_t*>(this + 1); }
  static constexpr size_t SizeFor(uint32_t window) {  // octets, words included
    return sizeof(InboundSa) + (ReplayWindow::WordsFor(window) * 8 + kCacheLine - 1) / kCacheLine * kCacheLine;
  }
};
static_assert(offsetof(InboundSa, window) == 64 && offsetof(InboundSa, source_first) == 128 &&
              offsetof(InboundSa, limits) == 192);
static_assert(sizeof(InboundSa) == 256);

}  // namespace culvert::dp
