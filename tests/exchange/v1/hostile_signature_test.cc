#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "tests/support/against_raw_peer_v1.h"
#include "tests/support/test_pki.h"

// B56: certificates without a signature, signatures over something else, and the certificate of one whom the target trusts with a
// signature of the attacker's: none of them authenticates anybody.
namespace culvert::ike::v1 {
namespace {

using namespace std::chrono_literals;

const auth::TestCertificate& Root() {
  static const auth::TestCertificate root = auth::Make(auth::Authority("CN=root"));
  return root;
}
const auth::TestCertificate& Of(const char* name, const auth::TestCertificate* issuer = &Root()) {
  static std::map<std::string, auth::TestCertificate> made;
  auto [it, fresh] = made.try_emplace(name + std::string(issuer ? "" : " by itself"));
  if (fresh) it->second = auth::Make({.subject = std::string("CN=") + name, .key = KeyKind::kRsa, .alt_name = std::string("DNS:") + name + ".example.org"}, issuer);
  return it->second;
}

// RFC 2409 5.1: the HASH itself in PKCS#1's padding, without a DigestInfo.
Bytes Sign(const auth::TestCertificate& by, ByteView hash) {
  EVP_PKEY_CTX* ctx = EVP_PKEY_CTX_new(by.key.get(), nullptr);
  EXPECT_EQ(EVP_PKEY_sign_init(ctx), 1);
  EXPECT_EQ(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING), 1);
  size_t size = 0;
  EXPECT_EQ(EVP_PKEY_sign(ctx, nullptr, &size, hash.data(), hash.size()), 1);
  Bytes signature(size);
  EXPECT_EQ(EVP_PKEY_sign(ctx, signature.data(), &size, hash.data(), hash.size()), 1);
  EVP_PKEY_CTX_free(ctx);
  signature.resize(size);
  return signature;
}

struct Proof {
  const auth::TestCertificate* certificate = nullptr;
  std::optional<Bytes> signature;
  std::optional<Bytes> hash;         // in the place of a signature
};
struct Case {
  const char* name;
  std::function<Proof(RawPeer&)> make;
  bool good = false;
};

Bytes Damaged(Bytes b) {
  b.at(b.size() / 2) ^= 1;
  return b;
}

const Case kCases[] = {
    {"as it should be", [](RawPeer& r) { return Proof{&Of("a"), Sign(Of("a"), r.HashOf(true)), {}}; }, true},
    {"a certificate without a signature", [](RawPeer&) { return Proof{&Of("a"), {}, {}}; }},
    {"a signature without a certificate", [](RawPeer& r) { return Proof{nullptr, Sign(Of("a"), r.HashOf(true)), {}}; }},
    {"HASH in the place of a signature", [](RawPeer& r) { return Proof{&Of("a"), {}, r.HashOf(true)}; }},
    {"neither", [](RawPeer&) { return Proof{}; }},
    {"a signature of HASH_R", [](RawPeer& r) { return Proof{&Of("a"), Sign(Of("a"), r.HashOf(false)), {}}; }},
    {"a signature of another HASH", [](RawPeer& r) { return Proof{&Of("a"), Sign(Of("a"), Damaged(r.HashOf(true))), {}}; }},
    {"a signature with an octet changed", [](RawPeer& r) { return Proof{&Of("a"), Damaged(Sign(Of("a"), r.HashOf(true))), {}}; }},
    {"an empty signature", [](RawPeer&) { return Proof{&Of("a"), Bytes(), {}}; }},
    {"a signature of zeros", [](RawPeer&) { return Proof{&Of("a"), Bytes(256, 0), {}}; }},
    {"a's certificate, another's signature", [](RawPeer& r) { return Proof{&Of("a"), Sign(Of("mallory"), r.HashOf(true)), {}}; }},
    {"another's certificate and signature", [](RawPeer& r) { return Proof{&Of("mallory"), Sign(Of("mallory"), r.HashOf(true)), {}}; }},
    {"a certificate of nobody's authority", [](RawPeer& r) { return Proof{&Of("a", nullptr), Sign(Of("a", nullptr), r.HashOf(true)), {}}; }},
};

TEST(HostileSignature, OnlyTheRightOneAuthenticates) {
  for (bool aggressive : {false, true}) {
    for (const Case& c : kCases) {
      SCOPED_TRACE(std::string(aggressive ? "aggressive, " : "main, ") + c.name);
      Target t({.aggressive = aggressive, .by = SpeakV1::By::kPubkey}, [](TwoPeers& p) { p.b.credentials = auth::Holding({&Of("b")}, {&Root()}); });
      RawPeer& raw = *t.raw;
      raw.offer.method = AuthMethod::kRsaSignature;
      raw.signs = true;
      if (aggressive) {
        auto answers = raw.Ask(raw.InClear(ExchangeType::kAggressive, raw.Aggressive1()));
        ASSERT_EQ(answers.size(), 1u);
        ASSERT_TRUE(raw.Hear(answers[0]));
      } else {
        ASSERT_TRUE(raw.MainModeKeys());
      }
      const Proof proof = c.make(raw);
      Payloads p;
      if (!aggressive) p.Add(PayloadType::kId, raw.IdBody());
      if (proof.certificate) p.Add(CertPayload{.encoding = 4, .data = p.Keep(proof.certificate->der())});
      if (proof.signature) p.Add(PayloadType::kSignature, *proof.signature);
      if (proof.hash) p.Add(PayloadType::kHash, *proof.hash);
      const auto answers = raw.Ask(raw.Seal(aggressive ? ExchangeType::kAggressive : ExchangeType::kMain, 0, p));
      EXPECT_LE(answers.size(), 1u);
      t.Expect(c.good ? 1 : 0, 0);
      if (c.good) continue;
      EXPECT_GE(t.b.Counted(Count::kAuthenticationFailed) + t.b.Counted(Count::kBadGrammar) + t.b.Counted(Count::kMalformed), 1u);
      raw.last_block = raw.chains[0];
      EXPECT_TRUE(raw.Ask(raw.SealHashed(ExchangeType::kQuick, 5, raw.Quick1())).empty());
      t.p.RunFor(100s);
      EXPECT_TRUE(t.b.core->List().empty());
    }
  }
}

}  // namespace
}  // namespace culvert::ike::v1
