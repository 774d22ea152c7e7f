#include "control/ike/crypto/psk_auth.h"
#include "control/ike/v2/auth.h"
#include "control/ike/v2/intermediate.h"

namespace culvert::ike {

Bytes IdBody(const Identity& id) { return EncodeBody({.id_type = id.type, .data = id.data, .body = {}}); }

Identity OurIdentity(const config::Connection& c, const IpAddress& local) {
  std::optional<Identity> id = c.local.empty() ? std::nullopt : Identity::Parse(c.local.front().id);
  if (id) return *id;
  return {local.family == Family::kV4 ? IdType::kIpv4 : IdType::kIpv6, ToBytes(local.bytes())};
}

Bytes PskAuthOf(const IkeSa& sa, ByteView secret, const Signed& what) {
  const IkeKeys& keys = sa.keying->keys;
  const SecretBytes& sk_p = what.by_initiator ? keys.sk_pi : keys.sk_pr;
  return PskAuth(sa.suite.prf, secret, what.message, what.peer_nonce, sk_p.view(), what.id_body, IntAuthOf(sa));
}

}  // namespace culvert::ike
