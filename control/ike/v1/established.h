#pragma once

#include "control/ike/v1/context.h"

// An ISAKMP SA from the moment quick mode may begin.
namespace culvert::ike::v1 {

// Phase 1, XAUTH and mode config are done: uniqueness, the children of those it takes the place of, timers, what waits.
void OnReady(Context& cx, IkeSa& sa);
// The peer knows of no other SA with us (RFC 2407 4.6.3.3): what there is of older ones is gone.
void OnInitialContact(Context& cx, IkeSa& sa);
// Whether we may say so ourselves.
bool IsInitialContact(Context& cx, const IkeSa& sa);

// Its lifetime nears its end: there is no rekeying of phase 1 but another one (RFC 2409 5), which takes the children over.
void OnReauthTimer(Context& cx, IkeSa& sa);
void Reauthenticate(Context& cx, IkeSa& sa, RequestId request);
void OnExpireTimer(Context& cx, IkeSa& sa);
// Of a replaced one: it goes, now that both sides have changed over.
void OnLingerTimer(Context& cx, IkeSa& sa);

}  // namespace culvert::ike::v1
