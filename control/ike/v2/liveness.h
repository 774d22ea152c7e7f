#pragma once

#include "control/ike/context.h"

// Is the peer still there (RFC 7296 2.4)? Asked with an empty INFORMATIONAL after dpd_delay of silence; a request already in
// flight asks the same question by its own retransmissions, so none is added to it.
namespace culvert::ike {

void StartLiveness(Context& cx, IkeSa& sa);
void OnLivenessTimer(Context& cx, IkeSa& sa);
// The data plane's answer is in (or overdue): ESP with a good ICV proves the peer alive. Without UDP encapsulation it proves
// nothing of the way IKE takes, which is still probed, at a slower pace.
void ProbeUnlessAlive(Context& cx, IkeSa& sa);

}  // namespace culvert::ike
