#include "control/ike/crypto/cbc.h"

#include "absl/log/check.h"
#include "control/ike/crypto/sk_cipher_impl.h"

namespace culvert::ike {

size_t CbcCipher::KeySize(EncrId encr, uint16_t key_bits) {
  const bool cbc = encr == EncrId::kAesCbc || encr == EncrId::k3Des;
  return cbc && SkEvpCipher(encr, key_bits) ? key_bits / 8u : 0;
}

CbcCipher::CbcCipher(EncrId encr, uint16_t key_bits, SecretBytes key)
    : encr_(encr), key_bits_(key_bits), block_(Find(encr)->block), key_(std::move(key)) {
  CHECK(key_.size() != 0 && key_.size() == KeySize(encr, key_bits));
}

// Contexts live for one message: an idle SA is not to hold kilobytes of them.
void CbcCipher::Crypt(bool seal, ByteView iv, ByteSpan text) const {
  CHECK(iv.size() == block_ && text.size() % block_ == 0);
  CipherCtxPtr ctx(EVP_CIPHER_CTX_new());
  CHECK(ctx);
  CHECK_EQ(EVP_CipherInit_ex2(ctx.get(), SkEvpCipher(encr_, key_bits_), key_.view().data(), iv.data(), seal, nullptr), 1);
  CHECK_EQ(EVP_CIPHER_CTX_set_padding(ctx.get(), 0), 1);
  int length = 0;
  CHECK_EQ(EVP_CipherUpdate(ctx.get(), text.data(), &length, text.data(), static_cast<int>(text.size())), 1);
  CHECK_EQ(static_cast<size_t>(length), text.size());
}

}  // namespace culvert::ike
