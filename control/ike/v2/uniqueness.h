#pragma once

#include "control/ike/context.h"

// One IKE SA of a pair of identities, or several (swanctl.conf's `unique`), and INITIAL_CONTACT (RFC 7296 2.4).
namespace culvert::ike {

// Whether our first IKE_AUTH may say that it knows of no other IKE SA with this peer.
bool IsInitialContact(Context& cx, const IkeSa& sa);

// The peer of `sa` has just authenticated. False where it must be turned away, because it is connected already.
bool AdmitUnique(Context& cx, IkeSa& sa, bool initial_contact);

}  // namespace culvert::ike
