#pragma once

#include <memory>
#include <optional>

#include "control/ike/action.h"
#include "control/ike/negotiate/proposal.h"
#include "control/ike/sa/spi_lease.h"

namespace culvert::ike {

// A connection as it was loaded when the SA that holds it was made; a reload makes new ones.
using ConnectionRef = std::shared_ptr<const config::Connection>;

// The child of that name; nullptr where there is none.
const config::Child* FindChild(const config::Connection& connection, std::string_view name);

// A packet that met a trap (RFC 7296 2.9): goes first into the traffic selectors we propose.
struct TriggeringPacket {
  TrafficSelector local, remote;
};

// A child that somebody asks about, whichever SA has it.
struct ChildName {
  const std::string& connection;
  const std::string& child;
  ChildId except = 0;
  const TriggeringPacket* packet = nullptr;
};

// The additional key exchanges of a CREATE_CHILD_SA (RFC 9370 2.2.4): one IKE_FOLLOWUP_KE each.
struct FollowUp {
  AdditionalGroups left{};                    // to be exchanged yet
  Bytes link;                                 // the replier's name for what they belong to, in the next exchange
  std::unique_ptr<KeyExchange> key;           // requester: of the exchange under way
  SecretBytes secrets;                        // SK(1) | SK(2) | ... as far as they have come

  void Add(const SecretBytes& secret);        // of the first of `left`, which is done with
};

// A Child SA under negotiation, on either side of it.
struct ChildNegotiation {
  ConnectionRef connection;
  const config::Child* config = nullptr;      // inside `connection`; its mode is the SA's, for neither side falls back
  bool requester = false;
  ChildId replaces = 0;                       // 0: not a rekeying
  IpsecProtocol protocol = IpsecProtocol::kEsp;
  SpiLease spi;                               // ours
  SaPayload offer;                            // requester: what we sent
  SelectorList local_ts, remote_ts;           // requester: as proposed, then as answered; replier: as narrowed
  std::optional<OriginalAddresses> original;  // of transport mode through a NAT
  Bytes nonce_i, nonce_r;                     // "i" is this exchange's requester
  KeGroup group = KeGroup::kNone;             // of the key exchange; kNone: no PFS
  std::unique_ptr<KeyExchange> key;
  SecretBytes shared_secret;
  FollowUp more;
  EspSuite suite;
  uint32_t peer_spi = 0;
  bool takes_padding = true;                  // the peer did not say that it takes no TFC padding
};

// One direction of a Child SA in the data plane.
enum class HalfState : uint8_t { kAbsent, kInstalling, kUp, kRemoved };

enum class ChildState : uint8_t {
  kInstalling,   // the data plane has not confirmed it yet
  kInstalled,
  kRekeying,     // our CREATE_CHILD_SA for its successor is under way
  kRekeyed,      // has a successor; to be deleted by whoever made that
  kDeleting,     // our Delete is queued or out
  kRetired,      // deleted; its inbound half still takes stragglers
};
const char* Name(ChildState s);  // as VICI prints it; static storage

// RFC 7296 2.8: make before break. Successors install inbound at once; a requester sends on its successor as soon as the
// answer has come, a replier once the old SA's Delete or traffic on the successor shows that the peer is ready.
struct ChildSa {
  ChildId id = 0;
  ConnectionRef connection;
  const config::Child* config = nullptr;
  uint32_t reqid = 0;
  ChildState state = ChildState::kInstalling;
  bool requester = false;          // the exchange that made it was ours
  bool confirmed = false;          // the peer is known to have it: it may not have heard our answer yet
  bool announced = false;          // its Notice has been given
  bool handed_over = false;        // its peer has lost the IKE SA that made it: only a successor will end it
  ChildId replaces = 0, replaced_by = 0;
  IkeId awaited_by = 0;            // the IKE SA, perhaps another, whose answer waits until the data plane has it
  uint32_t preference = 0;
  IpsecProtocol protocol = IpsecProtocol::kEsp;
  EspSuite suite;
  KeGroup group = KeGroup::kNone;
  SelectorList local_ts, remote_ts;
  std::optional<OriginalAddresses> original; // of transport mode through a NAT
  bool takes_padding = false;                // as in ChildNegotiation; an IKEv1 peer is never known to
  uint32_t spi_in = 0, spi_out = 0;
  SecretBytes in_encr_key, in_integ_key;     // until that half is handed to the data plane
  SecretBytes out_encr_key, out_integ_key;   // ditto
  HalfState in = HalfState::kAbsent, out = HalfState::kAbsent;
  uint64_t life_seconds = 0, life_bytes = 0; // as agreed with the peer (IKEv1); 0: as configured
  Time installed{}, rekey_at{}, expires_at{};
  std::vector<RequestId> requests;           // operators waiting for it to come up

  bool installing() const { return in == HalfState::kInstalling || out == HalfState::kInstalling; }
  // May be the one a request names: in force, not on its way out.
  bool live() const {
    return state == ChildState::kInstalling || state == ChildState::kInstalled || state == ChildState::kRekeying;
  }
  const std::string& name() const { return config->name; }
  // The configured limits; where the peer's are lower, those.
  config::Lifetime time_limits() const;
  config::Lifetime byte_limits() const;
};

}  // namespace culvert::ike
