#pragma once

#include "control/ike/v1/context.h"

// Who is who, where identities do not say: a group's members share one and have users' names (XAUTH); a host behind a NAT may
// be known by its private address, which another host has behind another NAT. Of two ISAKMP SAs that are past phase 1.
namespace culvert::ike::v1 {

// Both peers are where the same packets reach them; behind one NAT several are told apart by their ports alone.
bool SamePlace(const IkeSa& a, const IkeSa& b);
// Both are of one connection and one peer, wherever it is by now.
bool SamePeer(const IkeSa& a, const IkeSa& b);

// Other SAs with the same peer, whatever their state but kDead.
std::vector<IkeSa*> OthersOfPeer(Context& cx, const IkeSa& sa);

}  // namespace culvert::ike::v1
