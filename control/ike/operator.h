#pragma once

#include "control/ike/context.h"

// What is not begun by a peer: an operator's commands, a packet that met a trap, a configuration that wants SAs up.
namespace culvert::ike {

void OnInitiate(Context& cx, const Initiate& command);
void OnTerminate(Context& cx, const Terminate& command);
void OnRekey(Context& cx, const Rekey& command);
void OnTrapHit(Context& cx, const TrapHit& hit);
void OnConfigChanged(Context& cx);
// Makes what is looked up from cx.config; before the first event, and by OnConfigChanged().
void TakeConfig(Context& cx);

}  // namespace culvert::ike
