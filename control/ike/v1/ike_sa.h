#pragma once

#include <deque>
#include <list>
#include <memory>
#include <optional>
#include <set>

#include "control/ike/admission/half_open.h"
#include "control/ike/admission/token_bucket.h"
#include "control/ike/sa/sa_base.h"
#include "control/ike/sa/task.h"
#include "control/ike/v1/exchange.h"
#include "control/ike/v1/fragments.h"
#include "control/ike/v1/protection.h"

namespace culvert::ike::v1 {

// Of an ISAKMP SA. Who is at which message of phase 1 is Phase1::step's to say.
enum class IkeState : uint8_t {
  kRouting,      // initiator: asks which local address reaches the peer
  kPhase1,       // main mode or aggressive mode
  kUser,         // authenticated; XAUTH and mode config, before quick mode may begin
  kEstablished,
  kReplaced,     // another has taken its place and its children: lives until its Delete
  kDeparted,     // its lifetime is over and no other was made; the children live on, and whoever needs an exchange calls anew
  kDead,         // freed when the event at hand is done with
};
const char* Name(IkeState s);  // as VICI prints it; static storage

// What a peer's vendor ids and ours have agreed on.
struct Abilities {
  bool xauth = false, dpd = false, unity = false, fragments = false;
  // How NAT traversal is spoken: payloads, encapsulation modes and the port to float to depend on it.
  enum class NatT : uint8_t { kNone, kDraft02, kDraft03, kRfc3947 } nat_t = NatT::kNone;
};

struct Phase1;         // phase1_state.h: while main mode or aggressive mode is under way
struct UserPhase;      // user_state.h: XAUTH and mode config, and what they have given

// An ISAKMP SA. Children belong to the peer (RFC 2408 has no tie between the two): they are kept by the newest ISAKMP SA with
// it, and handed on (children.h).
struct IkeSa : SaBase {
  IkeSa();
  ~IkeSa();

  IkeState state{};
  bool aggressive = false;
  IkeSuite suite;                             // without INTEG: nothing but HASH authenticates (RFC 2409)
  AuthMethod method{};
  std::chrono::seconds life{0};               // that the peer keeps it for; 0: it does not say
  Abilities peer;
  Exchange first;                             // phase 1: message ID 0
  std::unique_ptr<Phase1> phase1;             // null once it is done
  std::optional<Protection> protection;       // once the peer's public value is there
  std::unique_ptr<UserPhase> user;            // null: neither is wanted
  std::list<Exchange> exchanges;              // quick mode and transactions, ours and the peer's; addresses stay
  std::set<uint32_t> heard_ids;               // message IDs the peer has begun exchanges with: none names two
  std::deque<Bytes> informed_by;              // hashes of its last informational messages, as octets
  FragmentsIn fragments;
  Tasks tasks;
  unsigned attempt = 1;                       // of keyingtries
  Time begun{};                               // phase 1
  IkeId replaces = 0;                         // that it was begun to take the place of
  bool peer_contacted = false;                // INITIAL-CONTACT has been heard or said
  uint32_t dpd_sequence = 0;                  // of our last R-U-THERE (RFC 3706 5.4)
  Time dpd_since{};                           // of the first R-U-THERE that is unanswered; Time{}: none is
  struct { TokenBucket exchanges{200, 100}, children{100, 10}; } allowance;   // of what the peer begins (D12, D14)

  // The peer is authenticated and the SA carries exchanges.
  bool secured() const { return state == IkeState::kUser || state == IkeState::kEstablished || state == IkeState::kReplaced; }
  // CKY-I | CKY-R, as its SPI is written (RFC 2407 4.6.3.3, RFC 2408 3.15), or the other way round.
  Bytes Cookies(bool initiators_first = true) const;
  Exchange* FindExchange(uint32_t message_id);
  Exchange* FindExchangeOfJob(JobId job);     // also `first`
  size_t ExchangesUnderWay() const;
  // One more is begun: of those that are over and only answer repeats the oldest goes, where there are many.
  void MakeRoomForExchange();
};
inline constexpr size_t kMaxChildren = 256, kMaxExchanges = 64;   // under way at once, each
inline constexpr size_t kMaxKeptExchanges = 256;                  // those that are over among them
// Beyond as many exchanges the peer needs a new ISAKMP SA; of informational ones the last few are remembered.
inline constexpr size_t kMaxHeardIds = 65536, kMaxInformedBy = 64;

}  // namespace culvert::ike::v1
