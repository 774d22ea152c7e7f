#pragma once

#include "control/ike/crypto/prf.h"

// Keys of IKEv1 (RFC 2409). The prf is HMAC of the negotiated hash: no other was ever standardised. Thread-safe, pure.
namespace culvert::ike::v1 {

// RFC 2409 5: with pre-shared keys prf(key, Ni | Nr), with signatures prf(Ni | Nr, g^xy).
[[nodiscard]] SecretBytes SkeyIdOfSecret(PrfId prf, ByteView secret, ByteView nonce_i, ByteView nonce_r);
[[nodiscard]] SecretBytes SkeyIdOfSignature(PrfId prf, ByteView nonce_i, ByteView nonce_r, ByteView shared_secret);

struct Skeys {
  SecretBytes d, a, e;   // SKEYID_d, SKEYID_a, SKEYID_e: each as long as the prf's output
};
[[nodiscard]] Skeys DeriveSkeys(PrfId prf, ByteView skeyid, ByteView shared_secret, uint64_t cookie_i, uint64_t cookie_r);

// RFC 2409 appendix B: the first octets of SKEYID_e, or where it is too short of K1 | K2 | ..., K1 = prf(SKEYID_e, 0).
[[nodiscard]] SecretBytes CipherKey(PrfId prf, ByteView skeyid_e, size_t length);

// RFC 2409 appendix B: the first octets of the hash of `a` and `b`: of both public values in phase 1; afterwards of the last
// block of phase 1 and the message ID.
[[nodiscard]] Bytes FirstIv(PrfId prf, ByteView a, ByteView b, size_t length);

// RFC 2409 5.5: K1 | K2 | ..., K1 = prf(SKEYID_d, [g(qm)^xy |] protocol | SPI | Ni | Nr), K2 = prf(SKEYID_d, K1 | the same).
// Of one SA: each direction's has its receiver's SPI. The cipher's key comes first, then its salt, then the integrity key.
struct KeymatOf {
  uint8_t protocol = 0;             // v1::ProtocolId
  uint32_t spi = 0;
  ByteView nonce_i, nonce_r;
  ByteView shared_secret = {};      // of a key exchange in quick mode
};
[[nodiscard]] SecretBytes Keymat(PrfId prf, ByteView skeyid_d, const KeymatOf& sa, size_t length);

}  // namespace culvert::ike::v1
