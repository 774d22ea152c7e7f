#pragma once

#include <array>

#include "common/bytes/secret.h"
#include "control/ike/crypto/openssl_ptr.h"

namespace culvert::ike {

// CCM (RFC 3610) over a block cipher of 16 octets that OpenSSL has in CBC and CTR but not in CCM: Camellia (RFC 5528). The
// mode alone is put together here. Single-threaded; the contexts hold the key and wipe it.
class Ccm {
 public:
  // `cbc` and `ctr` are one cipher with one key length, that of `key` (CHECKed); borrowed for ever. `tag_size` is 4 to 16
  // and even, the nonces' size 7 to 13 octets.
  Ccm(const EVP_CIPHER* cbc, const EVP_CIPHER* ctr, ByteView key, size_t tag_size);

  // In place; `tag` is tag_size octets. `text` is shorter than 2^(8 * (15 - nonce size)) octets (CHECKed), and `associated`
  // than 2^32. A nonce is used once.
  void Seal(ByteView nonce, ByteView associated, ByteSpan text, ByteSpan tag);
  // False: not authentic, and `text` is wiped.
  [[nodiscard]] bool Open(ByteView nonce, ByteView associated, ByteSpan text, ByteView tag);

 private:
  static constexpr size_t kBlock = 16;
  using Block = std::array<uint8_t, kBlock>;
  void Mac(ByteView nonce, ByteView associated, ByteView text, Block& out);
  // Both over `text` and, with the first counter block, over the tag.
  void Crypt(ByteView nonce, ByteSpan text, Block& tag);

  const size_t tag_size_;  // octets
  CipherCtxPtr cbc_, ctr_;
};

}  // namespace culvert::ike
