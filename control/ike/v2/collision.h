#pragma once

#include "control/ike/sa/ike_sa.h"

// Both peers rekey the same SA at once (RFC 7296 2.8.1, 2.8.2).
namespace culvert::ike {

// The four nonces are compared as octet strings; the SA made by the exchange that holds the lowest is redundant.
bool OursIsRedundant(ByteView our_nonce_i, ByteView our_nonce_r, ByteView their_nonce_i, ByteView their_nonce_r);

// Our rekeying of that child, from the moment its request may have been seen by the peer; nullptr where there is none.
ChildRequest* OurRekeyOf(IkeSa& sa, ChildId child);
// Our rekeying of the IKE SA, likewise.
IkeRekeyRequest* OurIkeRekey(IkeSa& sa);

// What the peer's simultaneous rekeying of `child` made, as long as it exists; 0 where there was none.
ChildId CollisionSuccessor(IkeSa& sa, ChildId child);

}  // namespace culvert::ike
