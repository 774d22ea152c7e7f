#pragma once

#include "control/ike/crypto/prf.h"

namespace culvert::ike {

// What an IKE SA negotiated.
struct IkeSuite {
  EncrId encr = EncrId::kNone;
  uint16_t encr_key_bits = 0;
  IntegId integ = IntegId::kNone;   // kNone with an AEAD
  PrfId prf = PrfId::kNone;
  KeGroup group = KeGroup::kNone;
  friend bool operator==(const IkeSuite&, const IkeSuite&) = default;
};
std::string Name(const IkeSuite& s);  // "AES_GCM_16-256/PRF_HMAC_SHA2_256/CURVE_25519"

// RFC 7296 2.14. SK_e* hold the cipher key followed by its salt for AEADs (RFC 5282 7.1); SK_a* are empty for AEADs.
struct IkeKeys {
  SecretBytes sk_d, sk_ai, sk_ar, sk_ei, sk_er, sk_pi, sk_pr;
};

// SKEYSEED = prf(Ni | Nr, g^ir); with a prf of fixed key length (XCBC, CMAC) Ni and Nr are cut to 8 octets each (2.14).
[[nodiscard]] SecretBytes SkeySeed(PrfId prf, ByteView nonce_i, ByteView nonce_r, ByteView shared_secret);
// SKEYSEED of a rekeyed IKE SA (2.18), by the *old* SA's prf: prf(SK_d, g^ir | Ni | Nr).
[[nodiscard]] SecretBytes SkeySeedRekey(PrfId old_prf, ByteView old_sk_d, ByteView shared_secret, ByteView nonce_i,
                                        ByteView nonce_r);
[[nodiscard]] IkeKeys DeriveIkeKeys(const IkeSuite& suite, ByteView skeyseed, ByteView nonce_i, ByteView nonce_r,
                                    uint64_t spi_i, uint64_t spi_r);

// RFC 7296 2.17: KEYMAT = prf+(SK_d, [g^ir |] Ni | Nr), cut into initiator-to-responder keys, then the reverse direction's.
struct ChildKeys {
  SecretBytes encr_i, integ_i;  // of the SA from the exchange's initiator to its responder; encr_* with salt
  SecretBytes encr_r, integ_r;
};
[[nodiscard]] ChildKeys DeriveChildKeys(PrfId prf, ByteView sk_d, ByteView shared_secret_or_empty, ByteView nonce_i,
                                        ByteView nonce_r, const EspSuite& suite);

}  // namespace culvert::ike
