#pragma once

#include "control/ike/v1/payload_list.h"
#include "control/ike/v1/receive.h"

// NAT traversal while phase 1 is under way: NAT-D and the change of ports (RFC 3947 3, 4; drafts 02 and 03 with their numbers).
namespace culvert::ike::v1 {

// HASH(CKY-I | CKY-R | address | port) with the negotiated hash. Both cookies and the suite are settled.
Bytes NatHash(const IkeSa& sa, const Endpoint& e);
// Nothing where the peer does not speak it. With `encap = yes` our own address is one that cannot match: the peer then takes us
// for being behind a NAT and encapsulates in UDP.
void AddNatDetection(IkeSa& sa, PayloadList& list);
// What the peer's payloads say of the way they came.
void DetectNat(IkeSa& sa, const Inbound& in);
// The peer has shown by this message who it is: the initiator chooses the ports to go on from.
void GoOnWhereItCame(Context& cx, IkeSa& sa, const DatagramIn& d);

}  // namespace culvert::ike::v1
