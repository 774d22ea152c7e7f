#pragma once

#include "control/ike/v2/receive.h"

// IKE_AUTH (RFC 7296 1.2, 2.15) with pre-shared keys, and the first Child SA in it.
namespace culvert::ike {

void SendAuth(Context& cx, IkeSa& sa);
// The same to another of those who answered IKE_SA_INIT, whose keys the SA has now.
void SendAuthAgain(Context& cx, IkeSa& sa);
void OnAuthResponse(Context& cx, IkeSa& sa, const Inbound& in);
void OnAuthRequest(Context& cx, IkeSa& sa, const Inbound& in);

// The ID payload's body, as AUTH covers it: type, three zero octets, data.
Bytes IdBody(const Identity& id);
// Who we are in that connection: local.id, or where that is open our own address.
Identity OurIdentity(const config::Connection& c, const IpAddress& local);
// AUTH of either side from `secret`. RFC 7296 2.15: over the first message its sender sent, the other's nonce and its own ID.
struct Signed {
  bool by_initiator = false;
  ByteView message, peer_nonce, id_body;
};
Bytes PskAuthOf(const IkeSa& sa, ByteView secret, const Signed& what);

}  // namespace culvert::ike
