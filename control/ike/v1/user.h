#pragma once

#include "control/ike/v1/receive.h"

// Between phase 1 and quick mode: XAUTH (draft-beaulieu-ike-xauth) and mode config (draft-ietf-ipsec-isakmp-mode-cfg),
// both as transactions; and what of it lasts: addresses leased, the user's name.
namespace culvert::ike::v1 {

// Phase 1 is done and both sides are authenticated as far as it goes. Begins what the connection asks for, or waits for the
// peer to; ends in OnReady (established.h), at once where there is nothing to do.
void OnAuthenticated(Context& cx, IkeSa& sa);
// The first message of a transaction of the peer's; HASH was good, Accept() called.
void OnTransactionRequest(Context& cx, IkeSa& sa, Exchange& exchange, const Inbound& in);
// The answer to one of ours.
void OnTransactionAnswer(Context& cx, IkeSa& sa, Exchange& exchange, const Inbound& in);
// Of a transaction's `job`: a look-up of the user (RADIUS).
void OnTransactionJob(Context& cx, IkeSa& sa, Exchange& exchange, JobDone& done);
// TimerKind::kHandshake of an SA in IkeState::kUser: the peer has not gone on.
void OnUserTimer(Context& cx, IkeSa& sa);
// The SA ends, or hands all it has to its successor: leases go back, or on.
void ReleaseUser(Context& cx, IkeSa& sa);
void HandOnUser(Context& cx, IkeSa& from, IkeSa& to);

// Whether both peers are the same user, or neither is one. Those of one group share their phase 1 identity.
bool SameUser(const IkeSa& a, const IkeSa& b);
// Who the peer is, for a log line and VICI: its user name, or its identity of phase 1.
std::string PeerName(const IkeSa& sa);

}  // namespace culvert::ike::v1
