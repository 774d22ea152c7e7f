#pragma once

#include "control/ike/context.h"

// One IKE SA of a pair of identities, or several (swanctl.conf's `unique`), and INITIAL_CONTACT (RFC 7296 2.4).
namespace culvert::ike {

// Whether our first IKE_AUTH may say that it knows of no other IKE SA with this peer.
bool IsInitialContact(Context& cx, const IkeSa& sa);

// The peer of `sa` has just authenticated. False where it must be turned away, because it is connected already. `abandoned`
// gets the IKE SAs it has no more, to be closed once `sa`'s own child stands.
bool AdmitUnique(Context& cx, IkeSa& sa, bool initial_contact, std::vector<IkeId>& abandoned);
// Closes them. A child that `successor` takes the place of is handed over first: it still takes what is under way, and
// sends until its successor does, for the peer's data plane may have outlived its IKE (as ours does).
void CloseAbandoned(Context& cx, IkeSa& sa, const std::vector<IkeId>& abandoned, ChildSa* successor);

}  // namespace culvert::ike
