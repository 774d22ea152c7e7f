#include "control/radius/digest.h"

#include <openssl/core_names.h>
#include <openssl/params.h>

#include "absl/log/check.h"
#include "control/ike/crypto/openssl_ptr.h"

namespace culvert::radius {
namespace {

const EVP_MD* FetchMd5() {
  static const EVP_MD* const md5 = EVP_MD_fetch(nullptr, "MD5", nullptr);
  CHECK(md5) << "OpenSSL has no MD5";
  return md5;
}
EVP_MAC* FetchHmac() {
  static EVP_MAC* const hmac = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
  CHECK(hmac) << "OpenSSL has no HMAC";
  return hmac;
}

}  // namespace

Digest Md5(std::initializer_list<ByteView> pieces) {
  ike::MdCtxPtr ctx(EVP_MD_CTX_new());
  CHECK(ctx);
  CHECK_EQ(EVP_DigestInit_ex2(ctx.get(), FetchMd5(), nullptr), 1);
  for (ByteView piece : pieces) CHECK_EQ(EVP_DigestUpdate(ctx.get(), piece.data(), piece.size()), 1);
  Digest out{};
  unsigned size = 0;
  CHECK_EQ(EVP_DigestFinal_ex(ctx.get(), out.data(), &size), 1);
  CHECK_EQ(size, out.size());
  return out;
}

Digest HmacMd5(ByteView key, std::initializer_list<ByteView> pieces) {
  ike::MacCtxPtr ctx(EVP_MAC_CTX_new(FetchHmac()));
  CHECK(ctx);
  char name[] = "MD5";
  const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0), OSSL_PARAM_construct_end()};
  CHECK_EQ(EVP_MAC_init(ctx.get(), key.data(), key.size(), params), 1);
  for (ByteView piece : pieces) CHECK_EQ(EVP_MAC_update(ctx.get(), piece.data(), piece.size()), 1);
  Digest out{};
  size_t size = 0;
  CHECK_EQ(EVP_MAC_final(ctx.get(), out.data(), &size, out.size()), 1);
  CHECK_EQ(size, out.size());
  return out;
}

}  // namespace culvert::radius
