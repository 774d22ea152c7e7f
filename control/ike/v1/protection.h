#pragma once

#include "control/ike/crypto/cbc.h"
#include "control/ike/crypto/kdf_v1.h"
#include "control/ike/v1/exchange.h"

// How messages of an ISAKMP SA are encrypted and shown to be the sender's (RFC 2409 5, appendix B). Pure but for OpenSSL.
namespace culvert::ike::v1 {

struct Protection {
  PrfId prf{};
  SecretBytes skeyid;
  Skeys keys;
  CbcCipher cipher;
  Bytes last_block;      // of phase 1: phase 2's IVs are made of it. Empty while phase 1 is under way
};
// `public_i`, `public_r`: g^xi and g^xr, which make phase 1's first IV. `suite` has a cipher and key length that Create() of
// CbcCipher takes (CHECKed: negotiation chooses no other).
Protection MakeProtection(const IkeSuite& suite, SecretBytes skeyid, Skeys keys);
Bytes Phase1Iv(const Protection& p, ByteView public_i, ByteView public_r);
// RFC 2409 appendix B: of the first message of an exchange of phase 2.
Bytes Phase2Iv(const Protection& p, uint32_t message_id);

// What follows HASH, authenticated: all octets behind the HASH payload up to the last payload's end.
Bytes HashOne(const Protection& p, uint32_t message_id, ByteView rest);
Bytes HashTwo(const Protection& p, uint32_t message_id, ByteView nonce_i, ByteView rest);
Bytes HashThree(const Protection& p, uint32_t message_id, ByteView nonce_i, ByteView nonce_r);

// Zero padding to whole blocks; none where there are such. The last block is the chain's next IV.
Bytes Encrypt(const Protection& p, ByteView iv, ByteView plain);
// nullopt: not whole blocks, or none.
std::optional<Bytes> Decrypt(const Protection& p, ByteView iv, ByteView sealed);

}  // namespace culvert::ike::v1
