#pragma once

#include "control/auth/auth_job.h"
#include "control/ike/v2/receive.h"

// Several answers to one IKE_SA_INIT (RFC 7296 2.4, trap 5): whoever can see our request can answer it before the responder
// does. Every one of them that may be true is asked to authenticate; the first that does is the responder.
namespace culvert::ike {

void OnRivalAnswer(Context& cx, IkeSa& sa, const Inbound& in);
// IKE_AUTH to the answer being followed is out: asks the others as far as they are, and takes the key, as long as it is here,
// to the next that has no shared secret yet.
void AskRivals(Context& cx, IkeSa& sa);
void OnRivalJob(Context& cx, IkeSa& sa, InitAnswer& rival, KeyExchangeJob& job);
void OnRivalSigned(Context& cx, IkeSa& sa, InitAnswer& rival, auth::AuthJob& job);
InitAnswer* RivalOfJob(IkeSa& sa, JobId job);

// The answer being followed came to nothing: on with the rival that is furthest. False where there is none.
bool FollowNextRival(Context& cx, IkeSa& sa);
// It failed to authenticate. True where there are others to wait for.
bool GoOnWithRival(Context& cx, IkeSa& sa);
// Opens what a rival sealed, and follows that rival from then on.
std::optional<Bytes> OpenAsRival(IkeSa& sa, uint64_t spi_r, ByteView datagram, ByteView body);
// Repeats IKE_AUTH to the others.
void RepeatToRivals(Context& cx, IkeSa& sa);

}  // namespace culvert::ike
