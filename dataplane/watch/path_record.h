#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "common/base/limits.h"
#include "common/ipsec/spi.h"
#include "common/stats/drop.h"
#include "dataplane/watch/seen_packet.h"
#include "dataplane/watch/stage.h"

// What a worker tells main of one packet it has watched: the passes it went through in that worker, and octets of it at the
// places where they were asked for. Plain values, copied through a ring of this process.
namespace culvert::dp {

// How a packet left the worker's hands.
enum class Exit : uint8_t {
  kNone,        // not yet
  kTransmitted,
  kDropped,
  kConsumed,
  kHandedOver,  // to another worker
  kToMain,
  kToHost,
  kHeld,        // for the rest of its fragments, or by a crypto device
  kCut,         // into fragments, which go on
  kCount
};
const char* Name(Exit e);  // "transmitted"; static storage

inline constexpr uint32_t kNoSa = UINT32_MAX;
inline constexpr uint16_t kNoStepPort = UINT16_MAX;

// A packet enters a pass.
struct PathStep {
  uint64_t tsc;
  uint32_t sa_index;  // kNoSa, or what the pass does is by this SA: inbound in kOpen, outbound in kSeal
  uint16_t port;      // kReceive: in by; kTransmit: out by; else kNoStepPort
  uint16_t length;    // octets: of the frame in kReceive, else of the IP packet; 0: nothing new
  Stage stage;
  uint8_t seen;       // among PathRecord::seen, as it entered; kNothingSeen: nothing new
  uint8_t unused[6];
};
inline constexpr uint8_t kNothingSeen = UINT8_MAX;

// Where octets were taken.
enum class Place : uint8_t { kReceived, kInside, kSent, kCount };
inline constexpr size_t kPlaces = static_cast<size_t>(Place::kCount);

struct PathFrame {
  uint64_t tsc;
  uint16_t port;      // kInside: where the packet, or the outer one it came in, was received
  uint16_t length;    // octets there were
  uint16_t captured;  // octets that follow the record
  uint16_t headers;   // of these, as SeeFrame says; kInside: as SeeIp does
  bool readable;      // IPsec of a port's inline crypto: not yet enciphered, or not any more
  bool inner;         // of its inline protocol: the packet inside alone
};

struct PathRecord {
  static constexpr size_t kSteps = 18, kSeen = 5;

  uint32_t id;        // of the packet, whatever it becomes and whichever worker has it
  uint32_t path;      // of this part of its way, what Packet::path says
  uint64_t end_tsc;
  uint8_t worker;
  uint8_t steps_n, seen_n;
  Exit exit;
  Stage exit_stage;
  Drop drop;          // kDropped
  uint8_t to;         // kHandedOver: worker, kToMain: MainKind
  bool ipsec;         // was to be opened here
  bool opened;        // came out of an SA
  bool sealed;        // went into one
  bool protected_;    // is known to be under a policy that protects it, sealed or not
  bool by_port;       // goes to the port in clear, which seals it whole
  bool own;           // made by the gateway's own programs: IKE, ARP, neighbour discovery
  bool earlier;       // there were other parts of its way
  bool continues;     // there may be others
  uint16_t exit_port; // kTransmitted, kToHost
  uint32_t sa_in, sa_out;  // kNoSa: none
  Spi spi_in, spi_out;     // as on the wire; 0: none
  uint32_t sequence_in, sequence_out;
  SeenPacket seen[kSeen];
  PathStep steps[kSteps];
  PathFrame frames[kPlaces];  // `length` 0: nothing was taken there
};
static_assert(std::is_trivially_copyable_v<PathRecord>);

}  // namespace culvert::dp
