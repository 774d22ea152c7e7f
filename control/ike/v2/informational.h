#pragma once

#include "control/ike/v2/receive.h"

// INFORMATIONAL (RFC 7296 1.4): Delete of either kind, liveness, notifies.
namespace culvert::ike {

// A request of `task`'s.
void SendInformational(Context& cx, IkeSa& sa, Task task, const Chain& chain);
void StartLivenessProbe(Context& cx, IkeSa& sa, Task task);
void StartDeleteChild(Context& cx, IkeSa& sa, Task task);
void StartDeleteIke(Context& cx, IkeSa& sa, Task task);

void OnInformationalRequest(Context& cx, IkeSa& sa, const Inbound& in);
void OnInformationalResponse(Context& cx, IkeSa& sa, const Inbound& in);
// An exchange this build does not have, from an authenticated peer.
void OnUnknownExchange(Context& cx, IkeSa& sa, const Inbound& in);

}  // namespace culvert::ike
