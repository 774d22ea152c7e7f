#include "control/ike/crypto/key_exchange.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>

#include "absl/log/check.h"
#include "control/ike/crypto/key_exchange_impl.h"

namespace culvert::ike {

bool KeyExchange::Supports(KeGroup group) {
  return Find(group) != nullptr;  // every row of the registry table has its family below; the unit test holds them together
}

std::unique_ptr<KeyExchange> KeyExchange::Create(KeGroup group, KeRole role) {
  if (auto ke = MakeMlKem(group, role)) return ke;
  if (auto ke = MakeMontgomery(group, nullptr)) return ke;
  if (auto ke = MakeEcp(group, nullptr)) return ke;
  return MakeModp(group, nullptr);
}

std::unique_ptr<KeyExchange> KeyExchangeFrom(KeGroup group, const FixedKey& key) {
  if (auto ke = MakeMontgomery(group, &key)) return ke;
  if (auto ke = MakeEcp(group, &key)) return ke;
  return MakeModp(group, &key);
}

std::optional<SecretBytes> DeriveSecret(EVP_PKEY* own, EVP_PKEY* peer, size_t size) {
  // For MODP alone: without it OpenSSL strips leading zeros. Other exchanges ignore the parameter.
  int pad = 1;
  const OSSL_PARAM params[] = {OSSL_PARAM_construct_int(OSSL_EXCHANGE_PARAM_PAD, &pad), OSSL_PARAM_construct_end()};
  PkeyCtxPtr ctx(EVP_PKEY_CTX_new_from_pkey(nullptr, own, nullptr));
  CHECK(ctx);
  CHECK_EQ(EVP_PKEY_derive_init_ex(ctx.get(), params), 1);
  SecretBytes secret(size);
  size_t length = size;
  // The last argument asks OpenSSL for its own full check of the public key, on top of ours.
  if (EVP_PKEY_derive_set_peer_ex(ctx.get(), peer, 1) != 1 ||
      EVP_PKEY_derive(ctx.get(), secret.span().data(), &length) != 1 || length != size) {
    ERR_clear_error();
    return std::nullopt;
  }
  return secret;
}

PkeyPtr GenerateFrom(EVP_PKEY* parameters) {
  PkeyCtxPtr ctx(EVP_PKEY_CTX_new_from_pkey(nullptr, parameters, nullptr));
  CHECK(ctx);
  CHECK_EQ(EVP_PKEY_keygen_init(ctx.get()), 1);
  EVP_PKEY* key = nullptr;
  CHECK_EQ(EVP_PKEY_generate(ctx.get(), &key), 1);
  return PkeyPtr(key);
}

}  // namespace culvert::ike
