#pragma once

#include "control/ike/v1/context.h"

// NAT traversal of an ISAKMP SA in force (RFC 3947, RFC 3948).
namespace culvert::ike::v1 {

// An authenticated message came this way: a peer behind a NAT may have been given another address or port.
void FollowPeer(Context& cx, IkeSa& sa, const DatagramIn& d);
void OnPeerMovedByEsp(Context& cx, const PeerMovedByEsp& moved);

// Keepalives: while we are behind a NAT and nothing else goes out.
void StartKeepalives(Context& cx, IkeSa& sa);
void OnKeepaliveTimer(Context& cx, IkeSa& sa);

}  // namespace culvert::ike::v1
