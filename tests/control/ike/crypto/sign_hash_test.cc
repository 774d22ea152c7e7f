#include <gtest/gtest.h>
#include <openssl/rsa.h>

#include "control/ike/crypto/signature.h"
#include "tests/support/test_pki.h"

// IKEv1's SIG: over a digest as it stands.
namespace culvert::ike {
namespace {

SignatureKey KeyOf(KeyKind kind) { return auth::Make({.subject = "CN=a", .key = kind}).pair(); }

const Bytes kHash(32, 0x5a);

TEST(SignHash, OfRsaHasNoDigestInfo) {
  const SignatureKey key = KeyOf(KeyKind::kRsa);
  auto signature = SignHash(key, kHash);
  ASSERT_TRUE(signature);
  // RFC 8017 8.2.1 backwards: 00 01 FF ... 00 and the hash itself (RFC 2409 5.1).
  EVP_PKEY_CTX* ctx = EVP_PKEY_CTX_new(key.get(), nullptr);
  ASSERT_EQ(EVP_PKEY_verify_recover_init(ctx), 1);
  ASSERT_EQ(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING), 1);
  Bytes block(signature->size());
  size_t length = block.size();
  ASSERT_EQ(EVP_PKEY_verify_recover(ctx, block.data(), &length, signature->data(), signature->size()), 1);
  EVP_PKEY_CTX_free(ctx);
  Bytes expected{0, 1};
  expected.resize(block.size() - kHash.size() - 1, 0xff);
  expected.push_back(0);
  Append(expected, kHash);
  EXPECT_EQ(block, expected);
}

TEST(SignHash, OfEcdsaIsTwoNumbersOfTheCurvesWidth) {
  for (auto [kind, octets] : {std::pair(KeyKind::kEcdsa256, 64u), std::pair(KeyKind::kEcdsa384, 96u),
                              std::pair(KeyKind::kEcdsa521, 132u)}) {
    auto signature = SignHash(KeyOf(kind), kHash);
    ASSERT_TRUE(signature) << Name(kind);
    EXPECT_EQ(signature->size(), octets) << Name(kind);
  }
}

TEST(SignHash, IsBelievedAsItIsAndNotOtherwise) {
  for (KeyKind kind : {KeyKind::kRsa, KeyKind::kEcdsa256, KeyKind::kEcdsa384, KeyKind::kEcdsa521}) {
    const SignatureKey key = KeyOf(kind), other = KeyOf(kind);
    for (size_t size : {20u, 32u, 48u, 64u}) {
      const Bytes hash(size, 0x5a);
      auto signature = SignHash(key, hash);
      ASSERT_TRUE(signature) << Name(kind);
      EXPECT_TRUE(VerifyHash(key, hash, *signature)) << Name(kind) << " " << size;
      EXPECT_FALSE(VerifyHash(other, hash, *signature)) << Name(kind);
      Bytes wrong = hash;
      wrong[0] ^= 1;
      EXPECT_FALSE(VerifyHash(key, wrong, *signature)) << Name(kind);
      Bytes bent = *signature;
      bent.back() ^= 1;
      EXPECT_FALSE(VerifyHash(key, hash, bent)) << Name(kind);
      bent.pop_back();
      EXPECT_FALSE(VerifyHash(key, hash, bent)) << Name(kind);
      EXPECT_FALSE(VerifyHash(key, hash, {})) << Name(kind);
    }
  }
}

// A signature with a DigestInfo is IKEv2's, and none here.
TEST(SignHash, IsNotIkev2s) {
  const SignatureKey key = KeyOf(KeyKind::kRsa);
  auto v2 = SignAuth({AuthMethod::kRsa, {KeyKind::kRsa, HashAlgorithm::kSha256}}, key, kHash);
  ASSERT_TRUE(v2);
  EXPECT_FALSE(VerifyHash(key, kHash, *v2));
  auto v1 = SignHash(key, kHash);
  EXPECT_FALSE(VerifyAuth(AuthMethod::kRsa, *v1, key, kHash));
}

TEST(SignHash, HasNothingForEdwardsCurves) {
  for (KeyKind kind : {KeyKind::kEd25519, KeyKind::kEd448}) {
    const SignatureKey key = KeyOf(kind);
    EXPECT_FALSE(SignsHashes(key));
    EXPECT_FALSE(SignHash(key, kHash));
    EXPECT_FALSE(VerifyHash(key, kHash, Bytes(64, 1)));
  }
}

}  // namespace
}  // namespace culvert::ike
