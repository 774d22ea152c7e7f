#pragma once

#include "control/ike/crypto/prf.h"

namespace culvert::ike {

// RFC 7296 2.15: prf(prf(secret, "Key Pad for IKEv2"), message | peer_nonce | prf(SK_p, id_body)).
// `message` is the sender's first message as it went on the wire (the last IKE_SA_INIT request with its cookie), without
// the non-ESP marker; `id_body` is the ID payload without its generic header. `int_auth` follows where IKE_INTERMEDIATE came
// before (RFC 9242 3.3.2).
[[nodiscard]] Bytes PskAuth(PrfId prf, ByteView secret, ByteView message, ByteView peer_nonce, ByteView sk_p, ByteView id_body,
                            ByteView int_auth = {});

// The octets a signature covers: message | peer_nonce | prf(SK_p, id_body) | int_auth.
[[nodiscard]] Bytes AuthOctets(PrfId prf, ByteView message, ByteView peer_nonce, ByteView sk_p, ByteView id_body,
                               ByteView int_auth = {});

}  // namespace culvert::ike
