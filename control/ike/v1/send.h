#pragma once

#include <span>

#include "control/ike/v1/context.h"

// A message's way out: HASH, encryption, fragments; repeated as octets until it is answered (traps: never encrypted anew).
namespace culvert::ike::v1 {

enum class Next : uint8_t {
  kAwait,      // the peer's next message is due: repeated by timer until it comes, then given up (OnUnanswered)
  kAnswerable, // the peer's next message is due, and it is the peer that repeats: a responder before authentication (D07)
  kDone,       // the exchange is over; kept for a while to answer repeats of the peer's last message
};

// Phase 1: in clear, or encrypted where `sealed`; HASH and SIG are the caller's own payloads.
struct Phase1Message {
  std::span<const Payload> payloads;
  bool sealed = false;
  Next next = Next::kAwait;
};
void SendPhase1(Context& cx, IkeSa& sa, const Phase1Message& message);

// Phase 2: HASH goes in front, of `form`; always encrypted. The commit bit (RFC 2408 3.1) is the peer's to set, never ours.
struct Phase2Message {
  std::span<const Payload> payloads;         // without HASH; none with kThree
  HashForm form = HashForm::kOne;
  Next next = Next::kAwait;
};
void SendInExchange(Context& cx, IkeSa& sa, Exchange& exchange, const Phase2Message& message);

// A new exchange of ours, with a message ID that no other has.
Exchange& BeginExchange(Context& cx, IkeSa& sa, ExchangeType type);
// Over, though nothing more is said: what was said last still answers repeats, unless it has been cleared.
void FinishExchange(Context& cx, IkeSa& sa, Exchange& exchange);
// Gone at once: nobody's repeats are answered.
void EndExchange(Context& cx, IkeSa& sa, Exchange& exchange);

// One message, never answered (RFC 2409 5.7): sealed where there is a phase 1 to seal it with. Before that nothing is sent.
// Returns what has gone out.
Datagrams SendInformational(Context& cx, IkeSa& sa, std::span<const Payload> payloads);
// A notify of phase 1 in clear to a stranger, rationed (D07).
void RefuseInClear(Context& cx, const DatagramIn& d, const Header& header, NotifyType type);

// The same octets again.
void Repeat(Context& cx, IkeSa& sa, Exchange& exchange);
void OnRetransmitTimer(Context& cx, IkeSa& sa);    // of all the SA's exchanges

}  // namespace culvert::ike::v1
