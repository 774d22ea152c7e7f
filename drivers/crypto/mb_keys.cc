#include "drivers/crypto/mb_keys.h"

#include <intel-ipsec-mb.h>

#include "common/bytes/secret.h"

namespace culvert::crypto {

static_assert(sizeof(gcm_key_data) <= kGcmKeySize && kGcmKeySize % 64 == 0);

namespace {

void ExpandCipher(IMB_MGR* mb, bool decipher, ByteView key, uint8_t (&round_keys)[15 * 16]) {
  alignas(16) uint8_t other[sizeof round_keys];
  void* enc = decipher ? other : round_keys;
  void* dec = decipher ? round_keys : other;
  switch (key.size()) {
    case 0: return;
    case 16: IMB_AES_KEYEXP_128(mb, key.data(), enc, dec); break;
    case 24: IMB_AES_KEYEXP_192(mb, key.data(), enc, dec); break;
    default: IMB_AES_KEYEXP_256(mb, key.data(), enc, dec); break;
  }
  WipeBytes(other);
}

void ExpandAesMac(IMB_MGR* mb, Mac mac, ByteView key, AesMacKey* out) {
  if (mac == Mac::kAesXcbc) {
    IMB_AES_XCBC_KEYEXP(mb, key.data(), out->mac_round_keys, out->last[0], out->last[1]);
    return;
  }
  alignas(16) uint8_t unused[sizeof out->mac_round_keys];
  IMB_AES_KEYEXP_128(mb, key.data(), out->mac_round_keys, unused);
  IMB_AES_CMAC_SUBKEY_GEN_128(mb, out->mac_round_keys, out->last[0], out->last[1]);
  WipeBytes(unused);
}

void ExpandCipherMac(IMB_MGR* mb, Suite s, bool decipher, ByteView cipher_key, ByteView integ_key, void* out) {
  const Mac mac = MacOf(s);
  if (mac >= Mac::kAesXcbc) {
    auto* key = static_cast<AesMacKey*>(out);
    ExpandCipher(mb, decipher, cipher_key, key->round_keys);
    ExpandAesMac(mb, mac, integ_key, key);
    return;
  }
  constexpr IMB_HASH_ALG kHash[] = {IMB_AUTH_HMAC_SHA_1, IMB_AUTH_HMAC_SHA_256, IMB_AUTH_HMAC_SHA_384, IMB_AUTH_HMAC_SHA_512};
  auto* key = static_cast<HmacKey*>(out);
  ExpandCipher(mb, decipher, cipher_key, key->round_keys);
  imb_hmac_ipad_opad(mb, kHash[static_cast<size_t>(mac)], integ_key.data(), integ_key.size(), key->ipad, key->opad);
}

}  // namespace

bool ExpandKeys(IMB_MGR* mb, Suite s, Use use, ByteView cipher_key, ByteView integ_key, void* out) {
  const SuiteInfo& info = Info(s);
  if (cipher_key.size() != info.cipher_key || integ_key.size() != info.integ_key) return false;
  if (s == Suite::kChaCha20Poly1305) {
    std::memcpy(static_cast<ChaChaKey*>(out)->key, cipher_key.data(), cipher_key.size());
    return true;
  }
  if (IsCipherMac(s)) {
    ExpandCipherMac(mb, s, use == Use::kOpen && IsCbc(s), cipher_key, integ_key, out);
    return true;
  }
  if (IsCcm(s)) {
    ExpandCipher(mb, false, cipher_key, static_cast<CcmKey*>(out)->round_keys);
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
