#include "control/ike/crypto/prf.h"

#include <algorithm>

#include "absl/log/check.h"
#include "absl/log/log.h"
#include "control/ike/crypto/mac.h"

namespace culvert::ike {
namespace {

constexpr size_t kSha256Size = 32;  // octets
constexpr size_t kAesKey = 16;                      // octets, of the two PRFs with a fixed key length

Mac KeyedMac(PrfId prf, ByteView key) {
  auto kind = MacOf(prf);
  CHECK(kind) << Name(prf);
  if ((*kind != MacKind::kAesCmac && *kind != MacKind::kAesXcbc) || key.size() == kAesKey) return Mac(*kind, key);
  SecretBytes fitted(kAesKey);
  if (*kind == MacKind::kAesXcbc && key.size() < kAesKey) {
    // RFC 4434 2: a short key of AES-XCBC is filled up with zeros.
    std::ranges::copy(key, fitted.span().begin());
  } else {
    // RFC 4615 3, RFC 4434 2: every other becomes the MAC of itself under a key of zeros.
    static constexpr uint8_t kZeroKey[kAesKey] = {};
    Mac fit(*kind, kZeroKey);
    fit.Update(key);
    fit.Final(fitted.span());
  }
  return Mac(*kind, fitted.view());
}

Bytes Digest(const EVP_MD* hash, std::initializer_list<ByteView> parts) {
  MdCtxPtr ctx(EVP_MD_CTX_new());
  CHECK(hash && ctx);
  CHECK_EQ(EVP_DigestInit_ex2(ctx.get(), hash, nullptr), 1);
  for (ByteView part : parts) CHECK_EQ(EVP_DigestUpdate(ctx.get(), part.data(), part.size()), 1);
  Bytes out(static_cast<size_t>(EVP_MD_get_size(hash)));
  CHECK_EQ(EVP_DigestFinal_ex(ctx.get(), out.data(), nullptr), 1);
  return out;
}

}  // namespace

bool Supports(PrfId prf) { return MacOf(prf).has_value(); }

SecretBytes Prf(PrfId prf, ByteView key, std::initializer_list<ByteView> parts) {
  Mac mac = KeyedMac(prf, key);
  for (ByteView part : parts) mac.Update(part);
  SecretBytes out(Find(prf)->output);
  mac.Final(out.span());
  return out;
}

SecretBytes PrfPlus(PrfId prf, ByteView key, ByteView seed, size_t length) {
  Mac mac = KeyedMac(prf, key);
  const size_t block = Find(prf)->output;
  // RFC 7296 2.13: the block counter is one octet, so prf+ ends after 255 blocks.
  CHECK_LE(length, 255 * block);
  SecretBytes out(length);
  ByteSpan rest = out.span();
  ByteView previous;
  for (uint8_t counter = 1; !rest.empty(); ++counter) {
    mac.Update(previous);
    mac.Update(seed);
    mac.Update({&counter, 1});
    ByteSpan now = rest.first(std::min(block, rest.size()));
    mac.Final(now);
    previous = now;
    rest = rest.subspan(now.size());
  }
  return out;
}

Bytes Sha1(std::initializer_list<ByteView> parts) {
  static EVP_MD* const sha1 = EVP_MD_fetch(nullptr, "SHA1", nullptr);
  return Digest(sha1, parts);
}

Bytes HashOf(PrfId prf, std::initializer_list<ByteView> parts) {
  static EVP_MD* const sha256 = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  static EVP_MD* const sha384 = EVP_MD_fetch(nullptr, "SHA384", nullptr);
  static EVP_MD* const sha512 = EVP_MD_fetch(nullptr, "SHA512", nullptr);
  switch (prf) {
    case PrfId::kHmacSha1: return Sha1(parts);
    case PrfId::kHmacSha256: return Digest(sha256, parts);
    case PrfId::kHmacSha384: return Digest(sha384, parts);
    case PrfId::kHmacSha512: return Digest(sha512, parts);
    default: LOG(FATAL) << Name(prf) << " is no HMAC";
  }
}

Bytes HmacSha256(ByteView key, std::initializer_list<ByteView> parts) {
  Mac mac(MacKind::kHmacSha256, key);
  for (ByteView part : parts) mac.Update(part);
  Bytes out(kSha256Size);
  mac.Final(out);
  return out;
}

}  // namespace culvert::ike
