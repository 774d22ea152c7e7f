#pragma once

#include "common/bytes/secret.h"
#include "common/ipsec/algorithm.h"

namespace culvert::ike {

// A block cipher in CBC mode with IVs that its user chains, as IKEv1 has it (RFC 2409 appendix B); IKEv2's ciphers are
// SkCipher's. Immutable once made; owns its key and wipes it.
class CbcCipher {
 public:
  CbcCipher() = default;
  // Octets of the key; 0: no such cipher here. AES-CBC of 128, 192 and 256 bits, and 3DES.
  static size_t KeySize(EncrId encr, uint16_t key_bits);
  // `key` is of KeySize() octets, which is not 0 (CHECKed: negotiation chooses no other).
  CbcCipher(EncrId encr, uint16_t key_bits, SecretBytes key);

  size_t block() const { return block_; }   // octets; also of an IV

  // In place, whole blocks, `iv` one block (CHECKed).
  void Encrypt(ByteView iv, ByteSpan text) const { Crypt(true, iv, text); }
  void Decrypt(ByteView iv, ByteSpan text) const { Crypt(false, iv, text); }

 private:
  void Crypt(bool seal, ByteView iv, ByteSpan text) const;

  EncrId encr_ = EncrId::kNone;
  uint16_t key_bits_ = 0;
  size_t block_ = 0;
  SecretBytes key_;
};

}  // namespace culvert::ike
