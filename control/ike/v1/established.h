#pragma once

#include "control/ike/v1/context.h"

namespace culvert::ike::v1 {

// Phase 1, XAUTH and mode config are done: uniqueness, the children of the SA it replaces, timers, what waits to be done.
void OnReady(Context& cx, IkeSa& sa);
// Its lifetime nears its end: another phase 1 is begun by whoever began this one, and takes the children over.
void OnReauthTimer(Context& cx, IkeSa& sa);
void OnExpireTimer(Context& cx, IkeSa& sa);
// DPD (RFC 3706).
void OnLivenessTimer(Context& cx, IkeSa& sa);

}  // namespace culvert::ike::v1
