#pragma once

#include "control/ike/v2/receive.h"

// IKE_INTERMEDIATE (RFC 9242) and the additional key exchanges in it (RFC 9370 2.2.2): after IKE_SA_INIT, one exchange for each
// method agreed on beyond the first. Each is sealed with the keys before it and makes new ones of all that came before and its
// own shared secret. Nobody is authenticated meanwhile: AUTH covers all of these messages (IntAuth).
namespace culvert::ike {

// ---- initiator ----
// The keys of IKE_SA_INIT, or of the last round, are there: on with the next round, or with IKE_AUTH.
void GoOnFromKeys(Context& cx, IkeSa& sa);
void OnRoundJob(Context& cx, IkeSa& sa, KeyExchangeJob& job);
void OnIntermediateResponse(Context& cx, IkeSa& sa, const Inbound& in);

// ---- responder ----
void OnIntermediateRequest(Context& cx, IkeSa& sa, const Inbound& in);
void OnRoundReplyJob(Context& cx, IkeSa& sa, KeyExchangeJob& job);
// RFC 9370 2.2.2: IKE_AUTH comes after all rounds agreed on.
inline bool AwaitsRound(const IkeSa& sa) { return sa.intermediate && Any(sa.intermediate->left); }

// ---- both ----
// What AUTH covers of the rounds: IntAuth_i | IntAuth_r | IKE_AUTH's first message ID (RFC 9242 3.3.2). Empty without any.
Bytes IntAuthOf(const IkeSa& sa);

}  // namespace culvert::ike
