#pragma once

#include "control/ike/context.h"

namespace culvert::ike {

// The peer is authenticated, or has authenticated the IKE SA this one succeeds: its upkeep begins.
void Establish(Context& cx, IkeSa& sa);
void OnRekeyIkeTimer(Context& cx, IkeSa& sa);

}  // namespace culvert::ike
