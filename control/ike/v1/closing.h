#pragma once

#include "control/ike/sa/ending.h"
#include "control/ike/v1/context.h"

// How ISAKMP SAs and their children end.
namespace culvert::ike::v1 {

// At once, without a word to the peer, children and all; what their close_action or dpd_action asks for is begun.
void CloseIke(Context& cx, IkeSa& sa, Why why);
// The same, with Deletes (RFC 2408 3.15), which nobody answers.
void DeleteIke(Context& cx, IkeSa& sa, Why why);
// The Delete of the ISAKMP SA alone.
void SayDelete(Context& cx, IkeSa& sa);
// The ISAKMP SA alone ends, by its lifetime or by the peer's Delete. Its children go on with another one, or with none
// (kDeparted).
void EndPhase1(Context& cx, IkeSa& sa, Why why);
// The peer did not answer what `exchange` last said. Ends the exchange, and may end the SA.
void OnUnanswered(Context& cx, IkeSa& sa, Exchange& exchange);
// Phase 1 came to nothing: the next of keyingtries, or the end.
void CallAgainOrFail(Context& cx, IkeSa& sa, std::string_view why);
// It would come to nothing again: whoever waits is told.
void FailCall(Context& cx, IkeSa& sa, std::string_view why);

}  // namespace culvert::ike::v1
