#include "drivers/crypto/mb_keys.h"

#include <intel-ipsec-mb.h>

#include "common/bytes/secret.h"

namespace culvert::crypto {

static_assert(sizeof(gcm_key_data) <= kGcmKeySize && kGcmKeySize % 64 == 0);

namespace {

void ExpandCbc(IMB_MGR* mb, Use use, ByteView cipher_key, CbcKey* out) {
  alignas(16) uint8_t other[sizeof out->round_keys];
  void* enc = use == Use::kSeal ? out->round_keys : other;
  void* dec = use == Use::kSeal ? other : out->round_keys;
  switch (cipher_key.size()) {
    case 16: IMB_AES_KEYEXP_128(mb, cipher_key.data(), enc, dec); break;
    case 24: IMB_AES_KEYEXP_192(mb, cipher_key.data(), enc, dec); break;
    default: IMB_AES_KEYEXP_256(mb, cipher_key.data(), enc, dec); break;
  }
  WipeBytes(other);
}

IMB_HASH_ALG HmacOf(size_t integ_key) {
  return integ_key == 32 ? IMB_AUTH_HMAC_SHA_256 : integ_key == 48 ? IMB_AUTH_HMAC_SHA_384 : IMB_AUTH_HMAC_SHA_512;
}

}  // namespace

bool ExpandKeys(IMB_MGR* mb, Suite s, Use use, ByteView cipher_key, ByteView integ_key, void* out) {
  const SuiteInfo& info = Info(s);
  if (cipher_key.size() != info.cipher_key || integ_key.size() != info.integ_key) return false;
  if (s == Suite::kChaCha20Poly1305) {
    std::memcpy(static_cast<ChaChaKey*>(out)->key, cipher_key.data(), cipher_key.size());
    return true;
  }
  if (IsCbc(s)) {
    auto* key = static_cast<CbcKey*>(out);
    ExpandCbc(mb, use, cipher_key, key);
    imb_hmac_ipad_opad(mb, HmacOf(integ_key.size()), integ_key.data(), integ_key.size(), key->ipad, key->opad);
    return true;
  }
  auto* key = static_cast<gcm_key_data*>(out);
  switch (cipher_key.size()) {
    case 16: IMB_AES128_GCM_PRE(mb, cipher_key.data(), key); break;
    case 24: IMB_AES192_GCM_PRE(mb, cipher_key.data(), key); break;
    default: IMB_AES256_GCM_PRE(mb, cipher_key.data(), key); break;
  }
  return true;
}

}  // namespace culvert::crypto
