#include "control/ike/crypto/psk_auth.h"

namespace culvert::ike {

Bytes PskAuth(PrfId prf, ByteView secret, ByteView message, ByteView peer_nonce, ByteView sk_p, ByteView id_body,
              ByteView int_auth) {
  // RFC 7296 2.15: 17 ASCII characters without null termination.
  static constexpr std::string_view kKeyPad = "Key Pad for IKEv2";
  SecretBytes padded = Prf(prf, secret, {AsBytes(kKeyPad)});
  SecretBytes maced_id = Prf(prf, sk_p, {id_body});
  return ToBytes(Prf(prf, padded.view(), {message, peer_nonce, maced_id.view(), int_auth}).view());
}

Bytes AuthOctets(PrfId prf, ByteView message, ByteView peer_nonce, ByteView sk_p, ByteView id_body, ByteView int_auth) {
  SecretBytes maced_id = Prf(prf, sk_p, {id_body});
  Bytes out;
  out.reserve(message.size() + peer_nonce.size() + maced_id.size() + int_auth.size());
  Append(out, message);
  Append(out, peer_nonce);
  Append(out, maced_id.view());
  Append(out, int_auth);
  return out;
}

}  // namespace culvert::ike
