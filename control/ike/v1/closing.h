#pragma once

#include "control/ike/v1/context.h"
#include "control/ike/sa/ending.h"

// How ISAKMP SAs and their children end.
namespace culvert::ike::v1 {

// At once, without a word to the peer. Children that another SA with the peer can keep are handed to it; otherwise they go, and
// what their close_action or dpd_action asks for is begun.
void CloseIke(Context& cx, IkeSa& sa, Why why);
// With a Delete (RFC 2408 3.15), which nobody answers.
void DeleteIke(Context& cx, IkeSa& sa, Why why);
// The peer did not answer what `exchange` last said.
void OnUnanswered(Context& cx, IkeSa& sa, Exchange& exchange);
// Phase 1 came to nothing: the next of keyingtries, or the end.
void CallAgainOrFail(Context& cx, IkeSa& sa, std::string_view why);

}  // namespace culvert::ike::v1
