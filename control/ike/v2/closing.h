#pragma once

#include "control/ike/context.h"
#include "control/ike/sa/ending.h"

// How IKE SAs and Child SAs end.
namespace culvert::ike {

// Ends an IKE SA at once, without a word to the peer: its children leave the data plane, operators waiting are answered, and
// what the children's close_action or dpd_action asks for is begun. An SA whose last act was an answer, as `answered` says or
// the reason does, stays as a tombstone that repeats it for a while.
void CloseIke(Context& cx, IkeSa& sa, Why why, bool answered = false);
// No answer to our request, however often it was sent.
void GiveUp(Context& cx, IkeSa& sa);

// Takes a Child SA out of the data plane and the books.
void EraseChild(Context& cx, IkeSa& sa, ChildId child);
// The same for one we did not want to lose: its close_action follows.
void LoseChild(Context& cx, IkeSa& sa, ChildId child);
// One that cannot go on: the peer is sent a Delete, and its close_action follows.
void EndChild(Context& cx, IkeSa& sa, const ChildSa& child);

void OnLingerTimer(Context& cx, IkeSa& sa);
void OnExpireIkeTimer(Context& cx, IkeSa& sa);
void OnHardExpired(Context& cx, ChildId child);

}  // namespace culvert::ike
