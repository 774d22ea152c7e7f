#include "drivers/crypto/suite.h"

#include <array>

#include "drivers/crypto/mb_keys.h"

namespace culvert::crypto {
namespace {

constexpr SuiteInfo Gcm(uint8_t key, uint8_t icv) { return {key, 4, 0, 8, icv, 4, kGcmKeySize}; }
constexpr SuiteInfo Ccm(uint8_t key, uint8_t icv) { return {key, 3, 0, 8, icv, 4, kCcmKeySize}; }

struct CipherShape {
  uint8_t key, salt, iv, pad_to;
};
constexpr CipherShape kCiphers[] = {{0, 0, 0, 4},   {16, 4, 8, 4},   {24, 4, 8, 4},  {32, 4, 8, 4},
                                    {16, 0, 16, 16}, {24, 0, 16, 16}, {32, 0, 16, 16}};
struct MacShape {
  uint8_t key, icv;
  uint16_t expanded;
};
constexpr MacShape kMacs[] = {{20, 12, kHmacKeySize}, {32, 16, kHmacKeySize},   {48, 24, kHmacKeySize},
                              {64, 32, kHmacKeySize}, {16, 12, kAesMacKeySize}, {16, 12, kAesMacKeySize}};
static_assert(std::size(kCiphers) == static_cast<size_t>(Cipher::kCount));
static_assert(std::size(kMacs) == static_cast<size_t>(Mac::kCount));

constexpr std::array<SuiteInfo, kSuites> kInfo = [] {
  std::array<SuiteInfo, kSuites> all{
      Gcm(16, 16), Gcm(24, 16), Gcm(32, 16),
      SuiteInfo{32, 4, 0, 8, 16, 4, kChaChaKeySize},
      Gcm(16, 8), Gcm(24, 8), Gcm(32, 8), Gcm(16, 12), Gcm(24, 12), Gcm(32, 12),
      Gcm(16, 16), Gcm(24, 16), Gcm(32, 16),  // GMAC (RFC 4543): laid out as GCM is
      Ccm(16, 8), Ccm(32, 8), Ccm(16, 12), Ccm(32, 12), Ccm(16, 16), Ccm(32, 16)};
  for (size_t s = static_cast<size_t>(Suite::kCipherMac); s < kSuites; ++s) {
    const CipherShape& c = kCiphers[static_cast<size_t>(CipherOf(static_cast<Suite>(s)))];
    const MacShape& m = kMacs[static_cast<size_t>(MacOf(static_cast<Suite>(s)))];
    all[s] = {c.key, c.salt, m.key, c.iv, m.icv, c.pad_to, m.expanded};
  }
  return all;
}();

std::optional<Mac> FindMac(IntegId integ) {
  switch (integ) {
    case IntegId::kHmacSha1_96: return Mac::kHmacSha1;
    case IntegId::kHmacSha256_128: return Mac::kHmacSha256;
    case IntegId::kHmacSha384_192: return Mac::kHmacSha384;
    case IntegId::kHmacSha512_256: return Mac::kHmacSha512;
    case IntegId::kAesXcbc96: return Mac::kAesXcbc;
    case IntegId::kAesCmac96: return Mac::kAesCmac;
    case IntegId::kAesGmac128:
    case IntegId::kAesGmac192:
    case IntegId::kAesGmac256:
    case IntegId::kNone: break;
  }
  return std::nullopt;
}

// The AEAD's suite of the shortest key and how many follow for longer ones.
struct AeadRow {
  EncrId encr;
  Suite first;
  uint8_t key_lengths;  // 3: 128, 192, 256; 2: 128, 256; 1: 256
};
constexpr AeadRow kAeads[] = {
    {EncrId::kAesGcm16, Suite::kGcm128, 3},       {EncrId::kAesGcm12, Suite::kGcm128Icv12, 3},
    {EncrId::kAesGcm8, Suite::kGcm128Icv8, 3},    {EncrId::kNullGmac, Suite::kGmac128, 3},
    {EncrId::kAesCcm8, Suite::kCcm128Icv8, 2},    {EncrId::kAesCcm12, Suite::kCcm128Icv12, 2},
    {EncrId::kAesCcm16, Suite::kCcm128Icv16, 2},  {EncrId::kChaCha20Poly1305, Suite::kChaCha20Poly1305, 1},
};

}  // namespace

const SuiteInfo& Info(Suite s) { return kInfo[static_cast<size_t>(s)]; }

std::optional<Suite> FindSuite(EncrId encr, unsigned encr_key_bits, IntegId integ) {
  for (const AeadRow& row : kAeads) {
    if (row.encr != encr) continue;
    if (integ != IntegId::kNone) return std::nullopt;
    for (uint8_t i = 0; i < row.key_lengths; ++i) {
      auto s = static_cast<Suite>(static_cast<uint8_t>(row.first) + i);
      if (Info(s).cipher_key * 8u == encr_key_bits) return s;
    }
    return std::nullopt;
  }
  auto mac = FindMac(integ);
  if (!mac) return std::nullopt;
  if (encr == EncrId::kNull) return encr_key_bits == 0 ? std::optional(CipherMac(Cipher::kNull, *mac)) : std::nullopt;
  if (encr_key_bits % 64 != 0 || encr_key_bits < 128 || encr_key_bits > 256) return std::nullopt;
  auto step = static_cast<uint8_t>((encr_key_bits - 128) / 64);
  if (encr == EncrId::kAesCbc) return CipherMac(static_cast<Cipher>(static_cast<uint8_t>(Cipher::kCbc128) + step), *mac);
  if (encr == EncrId::kAesCtr) return CipherMac(static_cast<Cipher>(static_cast<uint8_t>(Cipher::kCtr128) + step), *mac);
  return std::nullopt;
}

std::optional<Suite> FindAhSuite(IntegId integ) {
  switch (integ) {
    case IntegId::kAesGmac128: return Suite::kGmac128;
    case IntegId::kAesGmac192: return Suite::kGmac192;
    case IntegId::kAesGmac256: return Suite::kGmac256;
    default: return FindSuite(EncrId::kNull, 0, integ);
  }
}

}  // namespace culvert::crypto
