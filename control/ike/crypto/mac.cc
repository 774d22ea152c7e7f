#include "control/ike/crypto/mac.h"

#include <array>

#include <openssl/core_names.h>
#include <openssl/params.h>

#include "absl/log/check.h"

namespace culvert::ike {
namespace {

constexpr size_t kAesKey = 16;  // octets
constexpr size_t kLongestTag = EVP_MAX_MD_SIZE;

struct KindRow {
  MacKind kind;
  const char* mac;        // OpenSSL's names
  const char* parameter;
  const char* algorithm;
};
constexpr KindRow kKinds[] = {
    {MacKind::kHmacSha1, "HMAC", OSSL_MAC_PARAM_DIGEST, "SHA1"},
    {MacKind::kHmacSha256, "HMAC", OSSL_MAC_PARAM_DIGEST, "SHA256"},
    {MacKind::kHmacSha384, "HMAC", OSSL_MAC_PARAM_DIGEST, "SHA384"},
    {MacKind::kHmacSha512, "HMAC", OSSL_MAC_PARAM_DIGEST, "SHA512"},
    {MacKind::kAesCmac, "CMAC", OSSL_MAC_PARAM_CIPHER, "AES-128-CBC"},
};
constexpr size_t kKindCount = std::size(kKinds);

using Templates = std::array<MacCtxPtr, kKindCount>;

Templates MakeTemplates() {
  Templates out;
  for (const KindRow& row : kKinds) {
    EVP_MAC* mac = EVP_MAC_fetch(nullptr, row.mac, nullptr);
    CHECK(mac) << row.mac;
    MacCtxPtr ctx(EVP_MAC_CTX_new(mac));
    EVP_MAC_free(mac);  // the context holds its own reference
    CHECK(ctx);
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(row.parameter, const_cast<char*>(row.algorithm), 0), OSSL_PARAM_construct_end()};
    CHECK_EQ(EVP_MAC_CTX_set_params(ctx.get(), params), 1) << row.algorithm;
    if (row.kind == MacKind::kAesCmac) {
      // OpenSSL does not copy a CMAC without a key; this one is replaced in every copy.
      static constexpr uint8_t kZeroKey[kAesKey] = {};
      CHECK_EQ(EVP_MAC_init(ctx.get(), kZeroKey, kAesKey, nullptr), 1);
    }
    out[static_cast<size_t>(row.kind)] = std::move(ctx);
  }
  return out;
}

// Contexts that know their algorithm but no secret: copying one costs a third less than a new one with parameters, and a
// seventh of what a fetch by name per call would. Never destroyed: helper threads may outlive main's statics.
const EVP_MAC_CTX* TemplateOf(MacKind kind) {
  static const Templates& templates = *new Templates(MakeTemplates());
  return templates[static_cast<size_t>(kind)].get();
}

}  // namespace

std::optional<MacKind> MacOf(PrfId prf) {
  switch (prf) {
    case PrfId::kHmacSha1: return MacKind::kHmacSha1;
    case PrfId::kHmacSha256: return MacKind::kHmacSha256;
    case PrfId::kHmacSha384: return MacKind::kHmacSha384;
    case PrfId::kHmacSha512: return MacKind::kHmacSha512;
    case PrfId::kAesCmac: return MacKind::kAesCmac;
    case PrfId::kAesXcbc: return MacKind::kAesXcbc;
    default: return std::nullopt;
  }
}

std::optional<MacKind> MacOf(IntegId integ) {
  switch (integ) {
    case IntegId::kHmacSha1_96: return MacKind::kHmacSha1;
    case IntegId::kHmacSha256_128: return MacKind::kHmacSha256;
    case IntegId::kHmacSha384_192: return MacKind::kHmacSha384;
    case IntegId::kHmacSha512_256: return MacKind::kHmacSha512;
    case IntegId::kAesCmac96: return MacKind::kAesCmac;
    case IntegId::kAesXcbc96: return MacKind::kAesXcbc;
    default: return std::nullopt;
  }
}

Mac::Mac(MacKind kind, ByteView key) {
  if (kind == MacKind::kAesXcbc) {
    xcbc_ = std::make_unique<AesXcbc>(key);
    return;
  }
  ctx_.reset(EVP_MAC_CTX_dup(TemplateOf(kind)));
  CHECK(ctx_);
  if (kind == MacKind::kAesCmac) CHECK_EQ(key.size(), kAesKey);
  // A null pointer would mean "keep the old key", also for a key of no octets.
  static constexpr uint8_t kNoKey = 0;
  CHECK_EQ(EVP_MAC_init(ctx_.get(), key.empty() ? &kNoKey : key.data(), key.size(), nullptr), 1);
}

void Mac::Update(ByteView data) {
  if (xcbc_) return xcbc_->Update(data);
  CHECK_EQ(EVP_MAC_update(ctx_.get(), data.data(), data.size()), 1);
}

void Mac::Final(ByteSpan out) {
  uint8_t tag[kLongestTag];
  size_t length = AesXcbc::kTag;
  if (xcbc_) {
    xcbc_->Final(ByteSpan(tag).first(length));
  } else {
    CHECK_EQ(EVP_MAC_final(ctx_.get(), tag, &length, sizeof tag), 1);
    CHECK_EQ(EVP_MAC_init(ctx_.get(), nullptr, 0, nullptr), 1);
  }
  CHECK_LE(out.size(), length);
  std::copy_n(tag, out.size(), out.begin());
  OPENSSL_cleanse(tag, sizeof tag);
}

}  // namespace culvert::ike
