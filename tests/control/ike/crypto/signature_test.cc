#include "control/ike/crypto/signature.h"

#include <gmock/gmock.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "control/ike/crypto/signature_impl.h"
#include "tests/control/ike/crypto/signature_vectors.h"
#include "tests/control/ike/crypto/test_util.h"

namespace culvert::ike {
namespace {

const SignatureTestKey& KeyNamed(std::string_view name) {
  return *std::ranges::find_if(kSignatureKeys, [name](const auto& k) { return name == k.name; });
}

PkeyPtr ReadPublic(const Bytes& der) {
  const unsigned char* at = der.data();
  return PkeyPtr(d2i_PUBKEY(nullptr, &at, static_cast<long>(der.size())));
}

SignatureKey Public(std::string_view name) {
  std::string why;
  auto key = SignatureKey::From(ReadPublic(Unhex(KeyNamed(name).spki)), why);
  EXPECT_TRUE(key) << why;
  return *key;
}

SignatureKey Pair(std::string_view name) {
  Bytes der = Unhex(KeyNamed(name).pkcs8);
  const unsigned char* at = der.data();
  std::string why;
  auto key = SignatureKey::From(PkeyPtr(d2i_AutoPrivateKey(nullptr, &at, static_cast<long>(der.size()))), why);
  EXPECT_TRUE(key && key->is_pair()) << why;
  return *key;
}

ByteView Message() { return AsBytes(kSignatureMessage); }

TEST(Signature, OthersSignaturesAsTheyAre) {
  for (const auto& c : kSignatureCases) {
    auto verdict = VerifyAuth(static_cast<AuthMethod>(c.method), Unhex(c.data), Public(c.key), Message());
    EXPECT_EQ(verdict.has_value(), c.good) << c.about << ": " << (verdict ? "good" : verdict.error());
  }
}

TEST(Signature, NoOctetOfItMayBeAnother) {
  for (const auto& c : kSignatureCases) {
    if (!c.good) continue;
    SignatureKey key = Public(c.key);
    const Bytes data = Unhex(c.data);
    for (size_t at = 0; at < data.size(); at += data.size() > 100 && at > 20 ? 13 : 1) {
      Bytes changed = data;
      changed[at] ^= 0x40;
      EXPECT_FALSE(VerifyAuth(static_cast<AuthMethod>(c.method), changed, key, Message())) << c.about << " octet " << at;
    }
    for (size_t size = 0; size < data.size(); size += size > 20 ? 17 : 1) {
      EXPECT_FALSE(VerifyAuth(static_cast<AuthMethod>(c.method), ByteView(data).first(size), key, Message())) << c.about << " cut to " << size;
    }
    Bytes longer = data;
    longer.push_back(0);
    EXPECT_FALSE(VerifyAuth(static_cast<AuthMethod>(c.method), longer, key, Message())) << c.about;
    EXPECT_FALSE(VerifyAuth(static_cast<AuthMethod>(c.method), data, key, AsBytes("another message"))) << c.about;
    EXPECT_TRUE(VerifyAuth(static_cast<AuthMethod>(c.method), data, key, Message())) << c.about;
  }
}

// RFC 8247 4: good to nobody but who asks for it by name, and then as exact as any other.
TEST(Signature, BySha1) {
  size_t seen = 0;
  for (const auto& c : kSignatureCases) {
    const auto method = static_cast<AuthMethod>(c.method);
    const Bytes data = Unhex(c.data);
    auto scheme = VerifySha1Auth(method, data, Public(c.key), Message());
    const bool is_sha1 = std::string_view(c.about).find("SHA-1") != std::string_view::npos;
    const bool pss = std::string_view(c.about).find("PSS") != std::string_view::npos;
    EXPECT_EQ(scheme.has_value(), is_sha1 && !pss) << c.about;
    if (!scheme) continue;
    ++seen;
    EXPECT_EQ(scheme->hash, HashAlgorithm::kSha1) << c.about;
    EXPECT_FALSE(VerifyAuth(method, data, Public(c.key), Message())) << c.about;
    Bytes changed = data;
    changed.back() ^= 1;
    EXPECT_FALSE(VerifySha1Auth(method, changed, Public(c.key), Message())) << c.about;
    EXPECT_FALSE(VerifySha1Auth(method, data, Public(c.key), AsBytes("another message"))) << c.about;
  }
  EXPECT_GE(seen, 4u) << "RSA by both methods and ECDSA";
  // Nor is any way of signing by it chosen, unless it is the one asked for.
  const std::vector<uint16_t> sha1_only{1}, all{1, 2, 3, 4, 5};
  struct {
    const char* key;
    SignatureScheme scheme;
    std::vector<uint16_t> hashes;
    int method;
  } rows[] = {{"Rsa2048", {KeyKind::kRsa, HashAlgorithm::kSha1}, sha1_only, 14},
              {"Rsa2048", {KeyKind::kRsa, HashAlgorithm::kSha1}, {}, 1},
              {"P256", {KeyKind::kEcdsa256, HashAlgorithm::kSha1}, all, 14},
              {"P384", {KeyKind::kEcdsa384, HashAlgorithm::kSha1}, sha1_only, 14}};
  for (const auto& row : rows) {
    const SignatureKey pair = Pair(row.key);
    auto usual = ChooseSigning(pair, row.hashes, {});
    EXPECT_TRUE(!usual || usual->scheme.hash != HashAlgorithm::kSha1) << row.key;
    auto choice = ChooseSigning(pair, row.hashes, {&row.scheme, 1});
    ASSERT_TRUE(choice) << row.key;
    EXPECT_EQ(static_cast<int>(choice->method), row.method);
    auto data = SignAuth(*choice, pair, Message());
    ASSERT_TRUE(data);
    EXPECT_EQ(VerifySha1Auth(choice->method, *data, Public(row.key), Message()), row.scheme);
    EXPECT_FALSE(VerifyAuth(choice->method, *data, Public(row.key), Message()));
    EXPECT_EQ(Name(row.scheme), std::string(Name(row.scheme.key)) + " with SHA-1");
  }
  // RFC 4754 7: methods 9 to 11 have the hash of their curve.
  const SignatureScheme ecdsa{KeyKind::kEcdsa256, HashAlgorithm::kSha1};
  EXPECT_FALSE(ChooseSigning(Pair("P256"), {}, {&ecdsa, 1}));
}

TEST(Signature, EachKeyVerifiesItsOwnAndNobodyElsesInEveryWay) {
  for (const auto& k : kSignatureKeys) {
    SignatureKey pair = Pair(k.name);
    EXPECT_TRUE(pair.SamePublicKey(Public(k.name)));
    EXPECT_FALSE(Public(k.name).is_pair());
    const std::vector<uint16_t> all{2, 3, 4, 5};
    for (const auto& hashes : {std::vector<uint16_t>{}, {2}, {3}, {4}, {5}, all}) {
      auto choice = ChooseSigning(pair, hashes, {});
      if (!choice) continue;
      auto data = SignAuth(*choice, pair, Message());
      ASSERT_TRUE(data) << k.name;
      auto verdict = VerifyAuth(choice->method, *data, Public(k.name), Message());
      ASSERT_TRUE(verdict) << k.name << ": " << verdict.error();
      EXPECT_EQ(*verdict, choice->scheme) << k.name;
      for (const auto& other : kSignatureKeys) {
        if (std::string_view(other.name) == k.name) continue;
        EXPECT_FALSE(VerifyAuth(choice->method, *data, Public(other.name), Message())) << k.name << " as " << other.name;
      }
    }
  }
}

TEST(Signature, TheWayOfSigningObeysThePeersHashes) {
  struct Case {
    const char* key;
    std::vector<uint16_t> hashes;
    int method;              // 0: none
    SignatureScheme scheme;
  };
  using enum HashAlgorithm;
  const Case cases[] = {
      {"Rsa2048", {2, 3, 4, 5}, 14, {KeyKind::kRsa, kSha256, true}},
      {"Rsa2048", {4}, 14, {KeyKind::kRsa, kSha512, true}},
      {"Rsa2048", {1}, 0, {}},     // SHA-1 alone: nothing
      {"Rsa2048", {5}, 0, {}},
      {"Rsa2048", {}, 1, {KeyKind::kRsa, kSha256, false}},
      {"P256", {2, 3}, 14, {KeyKind::kEcdsa256, kSha256}},
      {"P256", {3}, 14, {KeyKind::kEcdsa256, kSha384}},
      {"P256", {}, 9, {KeyKind::kEcdsa256, kSha256}},
      {"P384", {2, 3, 4}, 14, {KeyKind::kEcdsa384, kSha384}},
      {"P384", {}, 10, {KeyKind::kEcdsa384, kSha384}},
      {"P521", {2, 3, 4}, 14, {KeyKind::kEcdsa521, kSha512}},
      {"P521", {}, 11, {KeyKind::kEcdsa521, kSha512}},
      {"Ed25519", {2, 5}, 14, {KeyKind::kEd25519, kIdentity}},
      {"Ed448", {2, 5}, 14, {KeyKind::kEd448, kIdentity}},
      {"Ed25519", {2, 3, 4}, 0, {}},  // RFC 8420 2: Identity must be in the list
      {"Ed448", {}, 0, {}},           // and there is no method of old
  };
  for (const Case& c : cases) {
    auto choice = ChooseSigning(Pair(c.key), c.hashes, {});
    ASSERT_EQ(choice.has_value(), c.method != 0) << c.key;
    if (!choice) continue;
    EXPECT_EQ(static_cast<int>(choice->method), c.method) << c.key;
    EXPECT_EQ(choice->scheme, c.scheme) << c.key << " " << Name(choice->scheme);
  }
  const SignatureScheme only[] = {{KeyKind::kRsa, kSha384, false}};
  EXPECT_EQ(ChooseSigning(Pair("Rsa2048"), std::vector<uint16_t>{2, 3}, only)->scheme, only[0]);
  EXPECT_FALSE(ChooseSigning(Pair("Rsa2048"), std::vector<uint16_t>{2}, only));
}

// RFC 7427 A, RFC 8420 A: octet by octet.
TEST(Signature, AlgorithmIdentifiersAreExact) {
  using enum HashAlgorithm;
  auto of = [](SignatureScheme s) { return ToHex(AlgorithmOf(s)); };
  EXPECT_EQ(of({KeyKind::kRsa, kSha256}), "300d06092a864886f70d01010b0500");
  EXPECT_EQ(of({KeyKind::kRsa, kSha384}), "300d06092a864886f70d01010c0500");
  EXPECT_EQ(of({KeyKind::kRsa, kSha512}), "300d06092a864886f70d01010d0500");
  EXPECT_EQ(of({KeyKind::kEcdsa256, kSha256}), "300a06082a8648ce3d040302");
  EXPECT_EQ(of({KeyKind::kEcdsa384, kSha384}), "300a06082a8648ce3d040303");
  EXPECT_EQ(of({KeyKind::kEcdsa521, kSha512}), "300a06082a8648ce3d040304");
  EXPECT_EQ(of({KeyKind::kRsa, kSha1}), "300d06092a864886f70d0101050500");
  EXPECT_EQ(of({KeyKind::kEcdsa256, kSha1}), "300906072a8648ce3d0401");
  EXPECT_EQ(of({KeyKind::kEd25519, kIdentity}), "300506032b6570");
  EXPECT_EQ(of({KeyKind::kEd448, kIdentity}), "300506032b6571");
  EXPECT_EQ(of({KeyKind::kRsa, kSha256, true}),
            "304106092a864886f70d01010a3034a00f300d06096086480165030402010500a11c301a06092a864886f70d010108"
            "300d06096086480165030402010500a203020120");
}

PkeyPtr Generate(const char* type, std::initializer_list<OSSL_PARAM> parameters) {
  PkeyCtxPtr ctx(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* key = nullptr;
  std::vector<OSSL_PARAM> list(parameters);
  list.push_back(OSSL_PARAM_construct_end());
  EXPECT_EQ(EVP_PKEY_keygen_init(ctx.get()), 1);
  EXPECT_EQ(EVP_PKEY_CTX_set_params(ctx.get(), list.data()), 1);
  EXPECT_EQ(EVP_PKEY_generate(ctx.get(), &key), 1) << type;
  return PkeyPtr(key);
}

std::string WhyNot(PkeyPtr key) {
  std::string why;
  return SignatureKey::From(std::move(key), why) ? "" : why;
}

// B35.
TEST(Signature, KeysThatMayNotBeUsed) {
  size_t bits = 1024;
  EXPECT_THAT(WhyNot(Generate("RSA", {OSSL_PARAM_construct_size_t(OSSL_PKEY_PARAM_RSA_BITS, &bits)})), testing::HasSubstr("1024 bits"));
  char brainpool[] = "brainpoolP256r1", p256[] = "P-256", explicit_[] = "explicit", k1[] = "secp256k1";
  auto curve = [](char* name) { return OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, name, 0); };
  EXPECT_THAT(WhyNot(Generate("EC", {curve(brainpool)})), testing::HasSubstr("brainpoolP256r1"));
  EXPECT_THAT(WhyNot(Generate("EC", {curve(k1)})), testing::HasSubstr("secp256k1"));
  EXPECT_THAT(WhyNot(Generate("EC", {curve(p256), OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_EC_ENCODING, explicit_, 0)})),
              testing::HasSubstr("parameters"));
  EXPECT_THAT(WhyNot(Generate("X25519", {})), testing::HasSubstr("X25519"));
  EXPECT_EQ(WhyNot(Generate("EC", {curve(p256)})), "");
}

PkeyPtr RsaOf(const BIGNUM* n, unsigned long e) {
  BIGNUM* exponent = BN_new();
  BN_set_word(exponent, e);
  OSSL_PARAM_BLD* build = OSSL_PARAM_BLD_new();
  OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n);
  OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, exponent);
  OSSL_PARAM* params = OSSL_PARAM_BLD_to_param(build);
  PkeyCtxPtr ctx(EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr));
  EVP_PKEY* key = nullptr;
  EVP_PKEY_fromdata_init(ctx.get());
  EXPECT_EQ(EVP_PKEY_fromdata(ctx.get(), &key, EVP_PKEY_PUBLIC_KEY, params), 1);
  OSSL_PARAM_free(params);
  OSSL_PARAM_BLD_free(build);
  BN_free(exponent);
  return PkeyPtr(key);
}

TEST(Signature, RsaExponentsAndModuliThatAreNone) {
  BIGNUM* n = nullptr;
  ASSERT_EQ(EVP_PKEY_get_bn_param(Public("Rsa2048").get(), OSSL_PKEY_PARAM_RSA_N, &n), 1);
  for (unsigned long e : {0ul, 1ul, 2ul, 65536ul}) EXPECT_NE(WhyNot(RsaOf(n, e)), "") << e;
  EXPECT_EQ(WhyNot(RsaOf(n, 3)), "");
  BN_sub_word(n, 1);
  EXPECT_NE(WhyNot(RsaOf(n, 65537)), "");
  BN_lshift(n, n, 65536 - 2048);
  BN_add_word(n, 1);
  EXPECT_NE(WhyNot(RsaOf(n, 65537)), "") << "65,536 bits";
  BN_free(n);
}

}  // namespace
}  // namespace culvert::ike
