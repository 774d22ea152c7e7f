#pragma once

#include "control/ike/v1/receive.h"

// Phase 1: main mode and aggressive mode (RFC 2409 5), with pre-shared keys, signatures, hybrid and XAUTH methods.
namespace culvert::ike::v1 {

// Initiator: sa.path and sa.connection are settled; sends the first message (after a job where it carries a public value).
void BeginPhase1(Context& cx, IkeSa& sa);
// Responder: a first message (cookie_r is 0), decoded, of main or aggressive mode. Admission, choice of a connection, answer.
void OnPhase1Request(Context& cx, const DatagramIn& d, const Header& header, const Chain& chain);
// Every further message; ends in OnAuthenticated (user.h) or in CloseIke.
void OnPhase1Message(Context& cx, IkeSa& sa, const Inbound& in);
// Of sa.first.job: a key exchange or an AuthJob.
void OnPhase1Job(Context& cx, IkeSa& sa, JobDone& done);
// A message of phase 2 while phase 1 waits for a job: the peer may be done with it already, and goes on at once. Kept for as
// long as that, and then heard; where there is none to wait for it is counted and dropped.
void HoldForPhase2(Context& cx, IkeSa& sa, const DatagramIn& d);
// An error notify of phase 1 in clear. Nothing authenticates it: it is logged and no more, the answer may yet come.
void OnPhase1Error(Context& cx, IkeSa& sa, const Inbound& in);
// An informational exchange under phase 1's own keys while it is under way, HASH good: whoever agreed on them with us does not
// believe us (and is not authenticated by that).
void OnPhase1Refused(Context& cx, IkeSa& sa, const Inbound& in);
// A half-open SA of the peer's has had its time; or, authenticated, its user has (user.h).
void OnHandshakeTimer(Context& cx, IkeSa& sa);

}  // namespace culvert::ike::v1
