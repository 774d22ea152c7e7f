#include <mutex>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>

#include "absl/log/check.h"
#include "control/ike/crypto/key_exchange_impl.h"

// NIST P-256, P-384 and P-521 (RFC 5903) and brainpool (RFC 6954). On the wire a point is x | y, each as long as the
// field's prime, without the 0x04 of the X9.62 encoding that OpenSSL reads and writes.
namespace culvert::ike {
namespace {

constexpr uint8_t kUncompressed = 0x04;

struct Curve {
  KeGroup group;
  const char* name;       // OpenSSL's
  size_t field;           // octets of one coordinate
};
constexpr Curve kCurves[] = {
    {KeGroup::kEcp256, "P-256", 32},
    {KeGroup::kEcp384, "P-384", 48},
    {KeGroup::kEcp521, "P-521", 66},
    {KeGroup::kBrainpool224, "brainpoolP224r1", 28},
    {KeGroup::kBrainpool256, "brainpoolP256r1", 32},
    {KeGroup::kBrainpool384, "brainpoolP384r1", 48},
    {KeGroup::kBrainpool512, "brainpoolP512r1", 64},
};

// Built once per curve and shared by all threads: looking a curve up by name for every key costs more than decoding a point.
EVP_PKEY* Parameters(const Curve& curve) {
  struct Slot {
    std::once_flag once;
    EVP_PKEY* parameters = nullptr;  // never freed: helper threads may outlive main's statics
  };
  static Slot slots[std::size(kCurves)];
  Slot& slot = slots[&curve - kCurves];
  std::call_once(slot.once, [&] {
    PkeyCtxPtr ctx(EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr));
    CHECK(ctx);
    CHECK_EQ(EVP_PKEY_paramgen_init(ctx.get()), 1);
    CHECK_EQ(EVP_PKEY_CTX_set_group_name(ctx.get(), curve.name), 1) << curve.name;
    CHECK_EQ(EVP_PKEY_paramgen(ctx.get(), &slot.parameters), 1) << curve.name;
  });
  return slot.parameters;
}

class EcpKeyExchange final : public KeyExchange {
 public:
  EcpKeyExchange(const Curve& curve, PkeyPtr key) : curve_(curve), key_(std::move(key)) {
    uint8_t* point = nullptr;
    size_t length = EVP_PKEY_get1_encoded_public_key(key_.get(), &point);
    CHECK(length == 1 + 2 * curve.field && point[0] == kUncompressed) << curve.name;
    public_.assign(point + 1, point + length);
    OPENSSL_free(point);
  }

  KeGroup group() const override { return curve_.group; }
  ByteView public_value() const override { return public_; }

  std::optional<SecretBytes> Derive(ByteView peer_public) override {
    // RFC 5903 9, RFC 6989 2.3: exactly two coordinates; the length leaves no encoding of the point at infinity.
    if (peer_public.size() != 2 * curve_.field) return std::nullopt;
    Bytes point{kUncompressed};
    Append(point, peer_public);
    PkeyPtr peer(EVP_PKEY_new());
    CHECK(peer);
    CHECK_EQ(EVP_PKEY_copy_parameters(peer.get(), Parameters(curve_)), 1);
    // Decoding fails for coordinates not below the prime and for points not on the curve (RFC 6989 2.3).
    if (EVP_PKEY_set1_encoded_public_key(peer.get(), point.data(), point.size()) != 1) {
      ERR_clear_error();
      return std::nullopt;
    }
    return DeriveSecret(key_.get(), peer.get(), curve_.field);
  }

 private:
  const Curve& curve_;
  PkeyPtr key_;
  Bytes public_;
};

PkeyPtr FixedEcpKey(const Curve& curve, const FixedKey& fixed) {
  Bytes point{kUncompressed};
  Append(point, fixed.public_value);
  BIGNUM* scalar = BN_bin2bn(fixed.private_key.data(), static_cast<int>(fixed.private_key.size()), nullptr);
  OSSL_PARAM_BLD* build = OSSL_PARAM_BLD_new();
  CHECK(scalar && build);
  CHECK_EQ(OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, curve.name, 0), 1);
  CHECK_EQ(OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()), 1);
  CHECK_EQ(OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_PRIV_KEY, scalar), 1);
  OSSL_PARAM* params = OSSL_PARAM_BLD_to_param(build);
  PkeyCtxPtr ctx(EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr));
  EVP_PKEY* key = nullptr;
  CHECK_EQ(EVP_PKEY_fromdata_init(ctx.get()), 1);
  if (EVP_PKEY_fromdata(ctx.get(), &key, EVP_PKEY_KEYPAIR, params) != 1) ERR_clear_error();
  OSSL_PARAM_free(params);
  OSSL_PARAM_BLD_free(build);
  BN_clear_free(scalar);
  return PkeyPtr(key);
}

}  // namespace

std::unique_ptr<KeyExchange> MakeEcp(KeGroup group, const FixedKey* fixed) {
  for (const Curve& curve : kCurves) {
    if (curve.group != group) continue;
    PkeyPtr key = fixed ? FixedEcpKey(curve, *fixed) : GenerateFrom(Parameters(curve));
    return key ? std::make_unique<EcpKeyExchange>(curve, std::move(key)) : nullptr;
  }
  return nullptr;
}

}  // namespace culvert::ike
