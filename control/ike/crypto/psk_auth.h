#pragma once

#include "control/ike/crypto/prf.h"

namespace culvert::ike {

// RFC 7296 2.15: prf(prf(secret, "Key Pad for IKEv2"), message | peer_nonce | prf(SK_p, id_body)).
// `message` is the sender's first message as it went on the wire (the last IKE_SA_INIT request with its cookie), without
// the non-ESP marker; `id_body` is the ID payload without its generic header.
[[nodiscard]] Bytes PskAuth(PrfId prf, ByteView secret, ByteView message, ByteView peer_nonce, ByteView sk_p, ByteView id_body);

// The octets a signature covers: message | peer_nonce | prf(SK_p, id_body).
[[nodiscard]] Bytes AuthOctets(PrfId prf, ByteView message, ByteView peer_nonce, ByteView sk_p, ByteView id_body);

}  // namespace culvert::ike
