#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "common/ipsec/algorithm.h"

namespace culvert::crypto {

// How the ciphers that are no AEAD, and the MACs beside them, are numbered within Suite.
enum class Cipher : uint8_t { kNull, kCtr128, kCtr192, kCtr256, kCbc128, kCbc192, kCbc256, kCount };
enum class Mac : uint8_t { kHmacSha1, kHmacSha256, kHmacSha384, kHmacSha512, kAesXcbc, kAesCmac, kCount };

// What an engine can run, as one small index: the data path switches on it and never on IANA numbers. The order is that of
// families, the most used first, so that each is told by one or two comparisons.
enum class Suite : uint8_t {
  kGcm128, kGcm192, kGcm256,
  kChaCha20Poly1305,
  kGcm128Icv8, kGcm192Icv8, kGcm256Icv8, kGcm128Icv12, kGcm192Icv12, kGcm256Icv12,
  kGmac128, kGmac192, kGmac256,
  kCcm128Icv8, kCcm256Icv8, kCcm128Icv12, kCcm256Icv12, kCcm128Icv16, kCcm256Icv16,  // IPsec-MB has no CCM of 192 bits
  kCipherMac,  // and on from here every Cipher with every Mac: CipherMac()
  kCount = kCipherMac + static_cast<int>(Cipher::kCount) * static_cast<int>(Mac::kCount)
};
inline constexpr size_t kSuites = static_cast<size_t>(Suite::kCount);

inline constexpr Suite CipherMac(Cipher c, Mac m) {
  return static_cast<Suite>(static_cast<int>(Suite::kCipherMac) + static_cast<int>(c) * static_cast<int>(Mac::kCount) +
                            static_cast<int>(m));
}
inline constexpr Cipher CipherOf(Suite s) {  // of a CipherMac suite
  return static_cast<Cipher>((static_cast<int>(s) - static_cast<int>(Suite::kCipherMac)) / static_cast<int>(Mac::kCount));
}
inline constexpr Mac MacOf(Suite s) {  // likewise
  return static_cast<Mac>((static_cast<int>(s) - static_cast<int>(Suite::kCipherMac)) % static_cast<int>(Mac::kCount));
}

inline constexpr bool IsGcm(Suite s) { return s <= Suite::kGcm256; }  // with 16 octets of ICV
inline constexpr bool IsGcmShort(Suite s) { return s >= Suite::kGcm128Icv8 && s <= Suite::kGcm256Icv12; }
inline constexpr bool IsGmac(Suite s) { return s >= Suite::kGmac128 && s <= Suite::kGmac256; }
inline constexpr bool IsCcm(Suite s) { return s >= Suite::kCcm128Icv8 && s <= Suite::kCcm256Icv16; }
inline constexpr bool IsCipherMac(Suite s) { return s >= Suite::kCipherMac; }
inline constexpr bool IsCbc(Suite s) { return s >= CipherMac(Cipher::kCbc128, Mac{}); }
inline constexpr bool IsCtr(Suite s) { return s >= CipherMac(Cipher::kCtr128, Mac{}) && !IsCbc(s); }
// Nonce = 4 octets of salt and 8 of IV; AAD = SPI and sequence number (RFC 4106, RFC 4543, RFC 7634).
inline constexpr bool IsSaltedAead(Suite s) { return s <= Suite::kGmac256; }

// How the suite lies on the wire and in memory; octets.
struct SuiteInfo {
  uint8_t cipher_key;     // without salt
  uint8_t salt;
  uint8_t integ_key;
  uint8_t iv;             // explicit, after the ESP sequence number
  uint8_t icv;
  uint8_t pad_to;         // RFC 4303 2.4: the cipher's block, at least 4
  uint16_t expanded;      // octets of the expanded key, a multiple of a cache line
};
const SuiteInfo& Info(Suite s);

// nullopt where no engine of this build runs it. ESP's.
std::optional<Suite> FindSuite(EncrId encr, unsigned encr_key_bits, IntegId integ);
// AH's: of no cipher, or GMAC. The integrity key is the suite's whole key then, cipher key and salt or integrity key.
std::optional<Suite> FindAhSuite(IntegId integ);

}  // namespace culvert::crypto
