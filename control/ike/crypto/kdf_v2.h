#pragma once

#include <array>

#include "control/ike/crypto/prf.h"

namespace culvert::ike {

// The key exchanges beyond the first (RFC 9370), by number of their transform type; kNone: none.
using AdditionalGroups = std::array<KeGroup, 7>;
// The first there is; kNone where there is none.
KeGroup First(const AdditionalGroups& groups);
inline bool Any(const AdditionalGroups& groups) { return First(groups) != KeGroup::kNone; }
// Leaves the first out.
void PopFirst(AdditionalGroups& groups);

// What an IKE SA negotiated.
struct IkeSuite {
  EncrId encr = EncrId::kNone;
  uint16_t encr_key_bits = 0;
  IntegId integ = IntegId::kNone;   // kNone with an AEAD
  PrfId prf = PrfId::kNone;
  KeGroup group = KeGroup::kNone;
  AdditionalGroups additional{};
  friend bool operator==(const IkeSuite&, const IkeSuite&) = default;
};
std::string Name(const IkeSuite& s);  // "AES_GCM_16-256/PRF_HMAC_SHA2_256/CURVE_25519"

// RFC 7296 2.14. SK_e* hold the cipher key followed by its salt for AEADs (RFC 5282 7.1); SK_a* are empty for AEADs.
struct IkeKeys {
  SecretBytes sk_d, sk_ai, sk_ar, sk_ei, sk_er, sk_pi, sk_pr;
};

// SKEYSEED = prf(Ni | Nr, g^ir); with a prf of fixed key length (XCBC, CMAC) Ni and Nr are cut to 8 octets each (2.14).
[[nodiscard]] SecretBytes SkeySeed(PrfId prf, ByteView nonce_i, ByteView nonce_r, ByteView shared_secret);
// SKEYSEED of a rekeyed IKE SA (2.18), by the *old* SA's prf: prf(SK_d, g^ir | Ni | Nr | SK(1) | SK(2) ...), `more` being what
// additional key exchanges agreed on (RFC 9370 2.2.4). Without them also the SKEYSEED(n) that an IKE_INTERMEDIATE makes of SK_d
// and SK(n) (RFC 9370 2.2.2).
[[nodiscard]] SecretBytes SkeySeedRekey(PrfId old_prf, ByteView old_sk_d, ByteView shared_secret, ByteView nonce_i,
                                        ByteView nonce_r, ByteView more = {});
[[nodiscard]] IkeKeys DeriveIkeKeys(const IkeSuite& suite, ByteView skeyseed, ByteView nonce_i, ByteView nonce_r,
                                    uint64_t spi_i, uint64_t spi_r);

// RFC 8784 3: SK_d, SK_pi and SK_pr each become prf+(PPK, itself). In place; what they were before is wiped.
void MixPpk(PrfId prf, ByteView ppk, IkeKeys& keys);

// RFC 7296 2.17, RFC 9370 2.2.4: KEYMAT = prf+(SK_d, [g^ir |] Ni | Nr [| SK(1) | SK(2) ...]), cut into the keys from initiator
// to responder, then the reverse direction's.
struct ChildKeys {
  SecretBytes encr_i, integ_i;  // of the SA from the exchange's initiator to its responder; encr_* with salt
  SecretBytes encr_r, integ_r;
};
[[nodiscard]] ChildKeys DeriveChildKeys(PrfId prf, ByteView sk_d, ByteView shared_secret_or_empty, ByteView nonce_i,
                                        ByteView nonce_r, const EspSuite& suite, ByteView more = {});

}  // namespace culvert::ike
