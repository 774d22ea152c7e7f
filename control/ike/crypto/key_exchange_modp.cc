#include <algorithm>
#include <mutex>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>

#include "absl/log/check.h"
#include "control/ike/crypto/key_exchange_impl.h"

// The MODP groups of RFC 2409 and RFC 3526: safe primes with generator 2. Values on the wire are big-endian, padded with
// zeros to the length of the prime (RFC 7296 3.4).
namespace culvert::ike {
namespace {

struct Group {
  KeGroup group;
  const char* name;                 // OpenSSL's; nullptr for MODP-1024, which it knows only as a number
  size_t size;                      // octets of the prime
};
constexpr Group kGroups[] = {
    {KeGroup::kModp1024, nullptr, 128},       {KeGroup::kModp1536, "modp_1536", 192}, {KeGroup::kModp2048, "modp_2048", 256},
    {KeGroup::kModp3072, "modp_3072", 384},   {KeGroup::kModp4096, "modp_4096", 512}, {KeGroup::kModp6144, "modp_6144", 768},
    {KeGroup::kModp8192, "modp_8192", 1024},
};
// For MODP-1024, bits: twice its strength, as OpenSSL itself chooses for the groups it knows by name.
constexpr int kModp1024PrivateBits = 160;

struct Prepared {
  EVP_PKEY* parameters = nullptr;   // never freed: helper threads may outlive main's statics
  Bytes largest;                    // p - 2, the largest value a peer may send
};

// nullptr where the numbers are no key.
EVP_PKEY* FromData(OSSL_PARAM_BLD* build, int selection) {
  OSSL_PARAM* params = OSSL_PARAM_BLD_to_param(build);
  PkeyCtxPtr ctx(EVP_PKEY_CTX_new_from_name(nullptr, "DH", nullptr));
  CHECK(params && ctx);
  EVP_PKEY* key = nullptr;
  CHECK_EQ(EVP_PKEY_fromdata_init(ctx.get()), 1);
  if (EVP_PKEY_fromdata(ctx.get(), &key, selection, params) != 1) ERR_clear_error();
  OSSL_PARAM_free(params);
  return key;
}

// `p` and `g` stay referenced until the parameters are built; the caller frees them.
void PushGroup(const Group& group, OSSL_PARAM_BLD* build, BIGNUM*& p, BIGNUM*& g) {
  if (group.name) {
    CHECK_EQ(OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, group.name, 0), 1);
    return;
  }
  p = BN_get_rfc2409_prime_1024(nullptr);
  g = BN_new();
  CHECK(p && g);
  CHECK_EQ(BN_set_word(g, 2), 1);
  CHECK_EQ(OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_FFC_P, p), 1);
  CHECK_EQ(OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_FFC_G, g), 1);
  CHECK_EQ(OSSL_PARAM_BLD_push_int(build, OSSL_PKEY_PARAM_DH_PRIV_LEN, kModp1024PrivateBits), 1);
}

const Prepared& Prepare(const Group& group) {
  struct Slot {
    std::once_flag once;
    Prepared prepared;
  };
  static Slot* const slots = new Slot[std::size(kGroups)];
  Slot& slot = slots[&group - kGroups];
  std::call_once(slot.once, [&] {
    OSSL_PARAM_BLD* build = OSSL_PARAM_BLD_new();
    BIGNUM *p = nullptr, *g = nullptr;
    CHECK(build);
    PushGroup(group, build, p, g);
    EVP_PKEY* parameters = FromData(build, EVP_PKEY_KEY_PARAMETERS);
    CHECK(parameters);
    OSSL_PARAM_BLD_free(build);
    BN_free(p);
    BN_free(g);

    BIGNUM* limit = nullptr;
    CHECK_EQ(EVP_PKEY_get_bn_param(parameters, OSSL_PKEY_PARAM_FFC_P, &limit), 1);
    CHECK_EQ(static_cast<size_t>(BN_num_bytes(limit)), group.size);
    CHECK_EQ(BN_sub_word(limit, 2), 1);
    slot.prepared.largest.resize(group.size);
    BN_bn2bin(limit, slot.prepared.largest.data());
    BN_free(limit);
    slot.prepared.parameters = parameters;
  });
  return slot.prepared;
}

// RFC 6989 2.1: 2 <= r <= p - 2. With a safe prime nothing else is needed.
bool InRange(ByteView value, ByteView largest) {
  auto nonzero = std::ranges::find_if(value, [](uint8_t b) { return b != 0; });
  bool below_two = nonzero == value.end() || (nonzero + 1 == value.end() && *nonzero == 1);
  return !below_two && !std::ranges::lexicographical_compare(largest, value);
}

class ModpKeyExchange final : public KeyExchange {
 public:
  ModpKeyExchange(const Group& group, PkeyPtr key) : group_(group), key_(std::move(key)), public_(group.size) {
    BIGNUM* value = nullptr;
    CHECK_EQ(EVP_PKEY_get_bn_param(key_.get(), OSSL_PKEY_PARAM_PUB_KEY, &value), 1);
    CHECK_EQ(BN_bn2binpad(value, public_.data(), static_cast<int>(public_.size())), static_cast<int>(group.size));
    BN_free(value);
  }

  KeGroup group() const override { return group_.group; }
  ByteView public_value() const override { return public_; }

  std::optional<SecretBytes> Derive(ByteView peer_public) override {
    const Prepared& prepared = Prepare(group_);
    if (peer_public.size() != group_.size || !InRange(peer_public, prepared.largest)) return std::nullopt;
    PkeyPtr peer(EVP_PKEY_new());
    CHECK(peer);
    CHECK_EQ(EVP_PKEY_copy_parameters(peer.get(), prepared.parameters), 1);
    if (EVP_PKEY_set1_encoded_public_key(peer.get(), peer_public.data(), peer_public.size()) != 1) {
      ERR_clear_error();
      return std::nullopt;
    }
    return DeriveSecret(key_.get(), peer.get(), group_.size);
  }

 private:
  const Group& group_;
  PkeyPtr key_;
  Bytes public_;
};

PkeyPtr FixedModpKey(const Group& group, const FixedKey& fixed) {
  OSSL_PARAM_BLD* build = OSSL_PARAM_BLD_new();
  BIGNUM *p = nullptr, *g = nullptr;
  BIGNUM* priv = BN_bin2bn(fixed.private_key.data(), static_cast<int>(fixed.private_key.size()), nullptr);
  BIGNUM* pub = BN_bin2bn(fixed.public_value.data(), static_cast<int>(fixed.public_value.size()), nullptr);
  CHECK(build && priv && pub);
  PushGroup(group, build, p, g);
  CHECK_EQ(OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_PRIV_KEY, priv), 1);
  CHECK_EQ(OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_PUB_KEY, pub), 1);
  PkeyPtr key(FromData(build, EVP_PKEY_KEYPAIR));
  OSSL_PARAM_BLD_free(build);
  BN_clear_free(priv);
  BN_free(pub);
  BN_free(p);
  BN_free(g);
  return key;
}

}  // namespace

std::unique_ptr<KeyExchange> MakeModp(KeGroup group, const FixedKey* fixed) {
  for (const Group& row : kGroups) {
    if (row.group != group) continue;
    PkeyPtr key = fixed ? FixedModpKey(row, *fixed) : GenerateFrom(Prepare(row).parameters);
    return key ? std::make_unique<ModpKeyExchange>(row, std::move(key)) : nullptr;
  }
  return nullptr;
}

}  // namespace culvert::ike
