#pragma once

#include "control/ike/context.h"
#include "control/ike/resolver.h"

// A peer that is called by its name: what the name stands for is asked for anew with every call, beside the IKE thread. Names
// that lead nowhere are asked for again, with a growing wait, until they do or the operator who waits has had his keyingtries.
namespace culvert::ike {

void LookUpPeer(Context& cx, IkeSa& sa, std::string name);
void OnPeerLookedUp(Context& cx, IkeSa& sa, const ResolveJob& job);

}  // namespace culvert::ike
