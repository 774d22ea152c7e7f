#include "drivers/crypto/suite.h"

#include "drivers/crypto/mb_keys.h"

namespace culvert::crypto {
namespace {

constexpr SuiteInfo Gcm(uint8_t key) { return {key, 4, 0, 8, 16, 4, kGcmKeySize}; }
constexpr SuiteInfo Cbc(uint8_t key, uint8_t integ, uint8_t icv) { return {key, 0, integ, 16, icv, 16, kCbcKeySize}; }

constexpr SuiteInfo kInfo[kSuites] = {
    Gcm(16), Gcm(24), Gcm(32),
    {32, 4, 0, 8, 16, 4, kChaChaKeySize},
    Cbc(16, 32, 16), Cbc(24, 32, 16), Cbc(32, 32, 16),
    Cbc(16, 48, 24), Cbc(24, 48, 24), Cbc(32, 48, 24),
    Cbc(16, 64, 32), Cbc(24, 64, 32), Cbc(32, 64, 32),
};

}  // namespace

const SuiteInfo& Info(Suite s) { return kInfo[static_cast<size_t>(s)]; }

std::optional<Suite> FindSuite(EncrId encr, unsigned encr_key_bits, IntegId integ) {
  if (encr_key_bits % 64 != 0 || encr_key_bits < 128 || encr_key_bits > 256) return std::nullopt;
  auto step = static_cast<uint8_t>((encr_key_bits - 128) / 64);
  auto at = [step](Suite first) { return static_cast<Suite>(static_cast<uint8_t>(first) + step); };
  switch (encr) {
    case EncrId::kAesGcm16:
      return integ == IntegId::kNone ? std::optional(at(Suite::kGcm128)) : std::nullopt;
    case EncrId::kChaCha20Poly1305:
      return integ == IntegId::kNone && encr_key_bits == 256 ? std::optional(Suite::kChaCha20Poly1305) : std::nullopt;
    case EncrId::kAesCbc:
      switch (integ) {
        case IntegId::kHmacSha256_128: return at(Suite::kCbc128Sha256);
        case IntegId::kHmacSha384_192: return at(Suite::kCbc128Sha384);
        case IntegId::kHmacSha512_256: return at(Suite::kCbc128Sha512);
        default: return std::nullopt;
      }
    default:
      return std::nullopt;
  }
}

}  // namespace culvert::crypto
