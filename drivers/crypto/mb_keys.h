#pragma once

#include <cstddef>
#include <cstdint>

#include "common/bytes/bytes.h"
#include "drivers/crypto/suite.h"

struct IMB_MGR;

namespace culvert::crypto {

// Expanded keys as IPsec-MB reads them. They live in a KeyArena, apart from the SAs' hot state, and never move.
struct alignas(64) HmacKey {    // a cipher, or none, and HMAC
  uint8_t round_keys[15 * 16];  // of the one direction the SA runs in; CTR enciphers in both
  uint8_t unused[16];
  uint8_t ipad[64], opad[64];   // the hash states after the padded HMAC key
};
struct alignas(64) AesMacKey {  // a cipher, or none, and AES-XCBC or AES-CMAC
  uint8_t round_keys[15 * 16];
  uint8_t unused[16];
  uint8_t mac_round_keys[11 * 16];
  uint8_t last[2][16];          // what is added to the last block: XCBC's K2 and K3, CMAC's two subkeys
};
struct alignas(64) CcmKey {
  uint8_t round_keys[15 * 16];
  uint8_t unused[16];
};
struct alignas(64) ChaChaKey {
  uint8_t key[32];
  uint8_t unused[32];
};
inline constexpr uint16_t kGcmKeySize = 1280;  // gcm_key_data (1,264 in IPsec-MB 2.0), to whole lines; asserted in mb_keys.cc
inline constexpr uint16_t kHmacKeySize = sizeof(HmacKey);
inline constexpr uint16_t kAesMacKeySize = sizeof(AesMacKey);
inline constexpr uint16_t kCcmKeySize = sizeof(CcmKey);
inline constexpr uint16_t kChaChaKeySize = sizeof(ChaChaKey);

enum class Use : uint8_t { kSeal, kOpen };

// Expands into `out`, cache-line aligned and Info(s).expanded octets long. `cipher_key` comes without its salt. Any thread,
// with an engine manager of that thread. False where a length is not the suite's.
[[nodiscard]] bool ExpandKeys(IMB_MGR* mb, Suite s, Use use, ByteView cipher_key, ByteView integ_key, void* out);

}  // namespace culvert::crypto
