#pragma once

#include "control/auth/auth_job.h"
#include "control/ike/v1/phase1_auth.h"

// The steps of main mode and aggressive mode, as phase1.cc's tables name them.
namespace culvert::ike::v1 {

// ---- main mode, initiator ----
void BeginMainMode(Context& cx, IkeSa& sa);
void OnMainSa(Context& cx, IkeSa& sa, const Inbound& in);                    // message 2
void OnMainKeyMade(Context& cx, IkeSa& sa, KeyExchangeJob& job);
void OnMainKey(Context& cx, IkeSa& sa, const Inbound& in);                   // message 4
void OnMainDerived(Context& cx, IkeSa& sa, KeyExchangeJob& job);
void OnMainSigned(Context& cx, IkeSa& sa, auth::AuthJob& job);
void OnMainAuth(Context& cx, IkeSa& sa, const Inbound& in);                  // message 6
void OnMainVerified(Context& cx, IkeSa& sa, auth::AuthJob& job);

// ---- main mode, responder ----
// A first message that `connection` takes by `chosen`; the SA stands, half-open.
void AnswerMainMode(Context& cx, IkeSa& sa, const Inbound& in);
void OnMainPeerKey(Context& cx, IkeSa& sa, const Inbound& in);               // message 3
void OnMainAnswerKey(Context& cx, IkeSa& sa, KeyExchangeJob& job);
void OnMainPeerAuth(Context& cx, IkeSa& sa, const Inbound& in);              // message 5
void OnMainJudged(Context& cx, IkeSa& sa, auth::AuthJob& job);

// ---- aggressive mode, initiator ----
void BeginAggressiveMode(Context& cx, IkeSa& sa);
void OnAggressiveKeyMade(Context& cx, IkeSa& sa, KeyExchangeJob& job);
void OnAggressiveAnswer(Context& cx, IkeSa& sa, const Inbound& in);          // message 2
void OnAggressiveDerived(Context& cx, IkeSa& sa, KeyExchangeJob& job);
void OnAggressiveJudged(Context& cx, IkeSa& sa, auth::AuthJob& job);

// ---- aggressive mode, responder ----
void AnswerAggressiveMode(Context& cx, IkeSa& sa, const Inbound& in);
void OnAggressiveAnswerKey(Context& cx, IkeSa& sa, KeyExchangeJob& job);
void OnAggressiveAnswerSigned(Context& cx, IkeSa& sa, auth::AuthJob& job);
void OnAggressiveProof(Context& cx, IkeSa& sa, const Inbound& in);           // message 3
void OnAggressiveProven(Context& cx, IkeSa& sa, auth::AuthJob& job);

}  // namespace culvert::ike::v1
