#include <openssl/crypto.h>
#include <openssl/err.h>

#include "absl/log/check.h"
#include "control/ike/crypto/key_exchange_impl.h"

// ML-KEM-512, -768 and -1024 (FIPS 203) as IKEv2 key exchange methods (draft-ietf-ipsecme-ikev2-mlkem): the requester sends
// an encapsulation key, the replier a ciphertext. The two differ in kind but, in ML-KEM-1024, not in length: the role is given.
namespace culvert::ike {
namespace {

constexpr size_t kSecret = 32;  // octets, FIPS 203 7

struct Kem {
  KeGroup group;
  const char* name;     // OpenSSL's
  size_t key;           // octets of the encapsulation key
  size_t ciphertext;
};
constexpr Kem kKems[] = {
    {KeGroup::kMlKem512, "ML-KEM-512", 800, 768},
    {KeGroup::kMlKem768, "ML-KEM-768", 1184, 1088},
    {KeGroup::kMlKem1024, "ML-KEM-1024", 1568, 1568},
};

// OpenSSL 3.5 leaves the shared secret on the stack it used. Called right after it, this covers the same stretch: its frames
// for a key exchange are a few KiB deep.
[[gnu::noinline]] void WipeStackBelow() {
  uint8_t area[16384];
  OPENSSL_cleanse(area, sizeof area);
}

class MlKemRequester final : public KeyExchange {
 public:
  explicit MlKemRequester(const Kem& kem) : kem_(kem), key_(EVP_PKEY_Q_keygen(nullptr, nullptr, kem.name)), public_(kem.key) {
    CHECK(key_) << kem.name;
    size_t length = public_.size();
    CHECK_EQ(EVP_PKEY_get_raw_public_key(key_.get(), public_.data(), &length), 1);
    CHECK_EQ(length, kem.key);
  }

  KeGroup group() const override { return kem_.group; }
  ByteView public_value() const override { return public_; }

  std::optional<SecretBytes> Derive(ByteView ciphertext) override {
    // FIPS 203 7.3: the length is all that is checked; a forged ciphertext decapsulates to an unrelated secret.
    if (ciphertext.size() != kem_.ciphertext) return std::nullopt;
    PkeyCtxPtr ctx(EVP_PKEY_CTX_new_from_pkey(nullptr, key_.get(), nullptr));
    CHECK(ctx);
    CHECK_EQ(EVP_PKEY_decapsulate_init(ctx.get(), nullptr), 1);
    SecretBytes secret(kSecret);
    size_t length = kSecret;
    const int done = EVP_PKEY_decapsulate(ctx.get(), secret.span().data(), &length, ciphertext.data(), ciphertext.size());
    WipeStackBelow();
    if (done != 1 || length != kSecret) {
      ERR_clear_error();
      return std::nullopt;
    }
    return secret;
  }

 private:
  const Kem& kem_;
  PkeyPtr key_;
  Bytes public_;
};

class MlKemReplier final : public KeyExchange {
 public:
  explicit MlKemReplier(const Kem& kem) : kem_(kem) {}

  KeGroup group() const override { return kem_.group; }
  ByteView public_value() const override { return ciphertext_; }

  std::optional<SecretBytes> Derive(ByteView encapsulation_key) override {
    if (encapsulation_key.size() != kem_.key) return std::nullopt;
    // FIPS 203 7.2: decoding refuses a key with a coefficient that is not below q.
    PkeyPtr peer(
        EVP_PKEY_new_raw_public_key_ex(nullptr, kem_.name, nullptr, encapsulation_key.data(), encapsulation_key.size()));
    if (!peer) {
      ERR_clear_error();
      return std::nullopt;
    }
    PkeyCtxPtr ctx(EVP_PKEY_CTX_new_from_pkey(nullptr, peer.get(), nullptr));
    CHECK(ctx);
    CHECK_EQ(EVP_PKEY_encapsulate_init(ctx.get(), nullptr), 1);
    SecretBytes secret(kSecret);
    ciphertext_.resize(kem_.ciphertext);
    size_t length = kSecret, ciphertext_length = kem_.ciphertext;
    CHECK_EQ(EVP_PKEY_encapsulate(ctx.get(), ciphertext_.data(), &ciphertext_length, secret.span().data(), &length), 1);
    WipeStackBelow();
    CHECK(length == kSecret && ciphertext_length == kem_.ciphertext);
    return secret;
  }

 private:
  const Kem& kem_;
  Bytes ciphertext_;
};

}  // namespace

std::unique_ptr<KeyExchange> MakeMlKem(KeGroup group, KeRole role) {
  for (const Kem& kem : kKems) {
    if (kem.group != group) continue;
    if (role == KeRole::kRequester) return std::make_unique<MlKemRequester>(kem);
    return std::make_unique<MlKemReplier>(kem);
  }
  return nullptr;
}

}  // namespace culvert::ike
