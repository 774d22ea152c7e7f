#include <openssl/err.h>

#include "absl/log/check.h"
#include "control/ike/crypto/key_exchange_impl.h"

// X25519 and X448 (RFC 7748, RFC 8031). Public values and secrets are opaque strings of one length.
namespace culvert::ike {
namespace {

struct Curve {
  KeGroup group;
  const char* name;  // OpenSSL's
  size_t size;       // octets of key, public value and secret
};
constexpr Curve kCurves[] = {{KeGroup::kX25519, "X25519", 32}, {KeGroup::kX448, "X448", 56}};

class MontgomeryKeyExchange final : public KeyExchange {
 public:
  MontgomeryKeyExchange(const Curve& curve, PkeyPtr key) : curve_(curve), key_(std::move(key)), public_(curve.size) {
    size_t length = public_.size();
    CHECK_EQ(EVP_PKEY_get_raw_public_key(key_.get(), public_.data(), &length), 1);
    CHECK_EQ(length, curve.size);
  }

  KeGroup group() const override { return curve_.group; }
  ByteView public_value() const override { return public_; }

  std::optional<SecretBytes> Derive(ByteView peer_public) override {
    if (peer_public.size() != curve_.size) return std::nullopt;
    PkeyPtr peer(EVP_PKEY_new_raw_public_key_ex(nullptr, curve_.name, nullptr, peer_public.data(), peer_public.size()));
    CHECK(peer);  // any string of the right length is a public key
    // RFC 8031 5, RFC 7748 6.1: OpenSSL refuses the all-zero output, in constant time.
    return DeriveSecret(key_.get(), peer.get(), curve_.size);
  }

 private:
  const Curve& curve_;
  PkeyPtr key_;
  Bytes public_;
};

PkeyPtr MakeKey(const Curve& curve, const FixedKey* fixed) {
  PkeyPtr key;
  if (fixed) {
    ByteView scalar = fixed->private_key;
    key.reset(EVP_PKEY_new_raw_private_key_ex(nullptr, curve.name, nullptr, scalar.data(), scalar.size()));
    if (!key) ERR_clear_error();
  } else {
    key.reset(EVP_PKEY_Q_keygen(nullptr, nullptr, curve.name));
    CHECK(key) << curve.name;
  }
  return key;
}

}  // namespace

std::unique_ptr<KeyExchange> MakeMontgomery(KeGroup group, const FixedKey* fixed) {
  for (const Curve& curve : kCurves) {
    if (curve.group != group) continue;
    PkeyPtr key = MakeKey(curve, fixed);
    return key ? std::make_unique<MontgomeryKeyExchange>(curve, std::move(key)) : nullptr;
  }
  return nullptr;
}

}  // namespace culvert::ike
