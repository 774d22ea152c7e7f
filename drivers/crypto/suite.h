#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "common/ipsec/algorithm.h"

namespace culvert::crypto {

// What an engine can run, as one small index: the data path switches on it and never on IANA numbers.
enum class Suite : uint8_t {
  kGcm128, kGcm192, kGcm256,
  kChaCha20Poly1305,
  kCbc128Sha256, kCbc192Sha256, kCbc256Sha256,
  kCbc128Sha384, kCbc192Sha384, kCbc256Sha384,
  kCbc128Sha512, kCbc192Sha512, kCbc256Sha512,
  kCount
};
inline constexpr size_t kSuites = static_cast<size_t>(Suite::kCount);

inline constexpr bool IsGcm(Suite s) { return s <= Suite::kGcm256; }
inline constexpr bool IsCbc(Suite s) { return s >= Suite::kCbc128Sha256; }

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

// nullopt where no engine of this build runs it.
std::optional<Suite> FindSuite(EncrId encr, unsigned encr_key_bits, IntegId integ);

}  // namespace culvert::crypto
