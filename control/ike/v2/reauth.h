#pragma once

#include "control/ike/v2/payload_list.h"
#include "control/ike/v2/receive.h"

// Authenticating again from scratch before what was authenticated is too old: after reauth_time, or because the peer asks
// (RFC 4478). Make before break: whoever has called makes a new IKE SA with the same children; then the old one goes.
namespace culvert::ike {

// The SA's peer has authenticated, or did so for the SA this one succeeds: sets its timers.
void ScheduleReauth(Context& cx, IkeSa& sa);
// AUTH_LIFETIME (RFC 4478 3) in the called side's IKE_AUTH answer, and what the caller makes of it, then or later.
void AddAuthLifetime(const config::Connection& c, PayloadList& list);
void TakeAuthLifetime(Context& cx, IkeSa& sa, const Inbound& in);

void OnReauthTimer(Context& cx, IkeSa& sa);
// The SA has no further child to make: what it was made in place of goes.
void FinishReauth(Context& cx, IkeSa& sa);
// The SA is closing before it came to that.
void GiveUpReauth(Context& cx, IkeSa& sa);

// Where MOBIKE has the IKE SA that `sa` is to take the place of; nullptr: there is none, or it has always been where its
// connection says.
const Path* WayOfReplaced(Context& cx, const IkeSa& sa);
// Another IKE SA of a peer that comes from the very same place: it authenticates again, and deletes the old one itself.
bool LooksLikeReauth(const IkeSa& old, const IkeSa& sa);

}  // namespace culvert::ike
