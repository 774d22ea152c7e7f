#include "control/auth/auth_job.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/auth_rules.h"
#include "tests/support/test_pki.h"

namespace culvert::auth {
namespace {

using ike::HashAlgorithm;
using ike::KeyKind;
using testing::ElementsAre;
using testing::HasSubstr;

const Bytes kTheirs(50, 1), kOurs(60, 2);

std::shared_ptr<const config::AuthRound> Round(const char* auth, std::vector<config::CredentialFile> cacerts = {}) {
  return std::make_shared<config::AuthRound>(config::AuthRound{
      .kind = config::AuthKind::kPubkey, .auth = auth, .rules = *config::ParsePubkeyRules(auth), .cacerts = std::move(cacerts)});
}

PeerProof ProofOf(const TestCertificate& peer, const ike::SigningChoice& how) {
  PeerProof proof{.method = how.method, .octets = kTheirs, .certificates = {peer.der()}};
  proof.auth = *ike::SignAuth(how, peer.pair(), kTheirs);
  proof.id = peer.certificate().subject();
  return proof;
}

struct Pair {
  TestCertificate root = Make(Authority("CN=root")), a = Make({.subject = "CN=a", .key = KeyKind::kRsa}, &root),
                  b = Make({.subject = "CN=b", .key = KeyKind::kRsa}, &root);
  std::shared_ptr<const Credentials> of_b = Holding({&b}, {&root});
};

// RFC 7296 3.8 leaves the hash of method 1 open.
TEST(AuthJob, AnswersMethodOneWithThePeersHash) {
  Pair p;
  for (auto hash : {HashAlgorithm::kSha256, HashAlgorithm::kSha384, HashAlgorithm::kSha512}) {
    for (const char* local : {"pubkey", "ike:rsa-sha256"}) {
      auto round = Round(local);
      auto own = p.of_b->ChooseOwn({*round, {}, {}});
      ASSERT_TRUE(own) << own.error();
      std::vector<AuthJob::Candidate> candidates;
      candidates.push_back({Round("pubkey"), *own, kOurs});
      AuthJob job(p.of_b, ProofOf(p.a, {ike::AuthMethod::kRsa, {KeyKind::kRsa, hash}}), std::move(candidates));
      job.Run();
      ASSERT_EQ(job.chosen(), 0u) << testing::PrintToString(job.why());
      auto made = ike::VerifyAuth(ike::AuthMethod::kRsa, job.TakeSignature(), p.b.pair(), kOurs);
      ASSERT_TRUE(made) << made.error();
      EXPECT_EQ(made->hash, round->rules.schemes.empty() ? hash : HashAlgorithm::kSha256) << local;
    }
  }
}

// Whom SHA-1 is taken from is answered by it; and who takes nothing else gets it, where the connection says so.
TEST(AuthJob, SignsBySha1WhereItTakesIt) {
  Pair p;
  auto taking = [](const char* auth, config::Sha1Use sha1) {
    auto round = std::make_shared<config::AuthRound>(*Round(auth));
    round->rules.sha1 = sha1;
    return round;
  };
  for (auto sha1 : {config::Sha1Use::kMethod1, config::Sha1Use::kAnywhere}) {
    auto round = taking("pubkey", sha1);
    auto own = p.of_b->ChooseOwn({*round, {}, {}});
    ASSERT_TRUE(own) << own.error();
    EXPECT_EQ(own->how.scheme.hash, HashAlgorithm::kSha256) << "unless the peer shows that it wants less";
    std::vector<AuthJob::Candidate> candidates;
    candidates.push_back({round, *own, kOurs});
    AuthJob job(p.of_b, ProofOf(p.a, {ike::AuthMethod::kRsa, {KeyKind::kRsa, HashAlgorithm::kSha1}}), std::move(candidates));
    job.Run();
    ASSERT_EQ(job.chosen(), 0u) << testing::PrintToString(job.why());
    EXPECT_TRUE(ike::VerifySha1Auth(ike::AuthMethod::kRsa, job.TakeSignature(), p.b.pair(), kOurs));
  }
  const std::vector<uint16_t> sha1_only{1}, all{1, 2, 3, 4};
  EXPECT_FALSE(p.of_b->ChooseOwn({*taking("pubkey", config::Sha1Use::kNever), {}, sha1_only}));
  EXPECT_FALSE(p.of_b->ChooseOwn({*taking("pubkey", config::Sha1Use::kMethod1), {}, sha1_only}));
  auto last = p.of_b->ChooseOwn({*taking("pubkey", config::Sha1Use::kAnywhere), {}, sha1_only});
  ASSERT_TRUE(last) << last.error();
  EXPECT_EQ(last->how.method, ike::AuthMethod::kDigitalSignature);
  EXPECT_EQ(last->how.scheme.hash, HashAlgorithm::kSha1);
  EXPECT_NE(p.of_b->ChooseOwn({*taking("pubkey", config::Sha1Use::kAnywhere), {}, all})->how.scheme.hash, HashAlgorithm::kSha1);
  EXPECT_EQ(p.of_b->ChooseOwn({*taking("rsa-sha1", config::Sha1Use::kAnywhere), {}, {}})->how.scheme.hash, HashAlgorithm::kSha1);
}

TEST(AuthJob, TakesTheFirstCandidateThatFits) {
  Pair p;
  const ike::SigningChoice how{ike::AuthMethod::kDigitalSignature, {KeyKind::kRsa, HashAlgorithm::kSha256, true}};
  auto own = p.of_b->ChooseOwn({*Round("pubkey"), {}, {}});
  std::vector<AuthJob::Candidate> candidates;
  for (auto round : {Round("ecdsa"), Round("pubkey", {{"elsewhere", ""}}), Round("pubkey"), Round("pubkey")}) {
    candidates.push_back({round, *own, kOurs});
  }
  AuthJob job(p.of_b, ProofOf(p.a, how), std::move(candidates));
  job.Run();
  EXPECT_EQ(job.chosen(), 2u);
  EXPECT_THAT(job.why(), ElementsAre(HasSubstr("does not admit RSA"), HasSubstr("none of cacerts")));
  EXPECT_THAT(job.how(), HasSubstr("RSA-PSS with SHA2-256 of CN=a"));
  EXPECT_FALSE(job.TakeSignature().empty());
}

TEST(AuthJob, NobodyIsChosenForAStranger) {
  Pair p;
  const ike::SigningChoice how{ike::AuthMethod::kDigitalSignature, {KeyKind::kRsa, HashAlgorithm::kSha256, true}};
  std::vector<AuthJob::Candidate> nobody(1);
  AuthJob job(p.of_b, ProofOf(p.a, how), std::move(nobody));
  job.Run();
  EXPECT_EQ(job.chosen(), std::nullopt);
  EXPECT_THAT(job.why(), ElementsAre("nobody is expected"));
  PeerProof bad = ProofOf(p.a, how);
  bad.certificates = {Bytes(20)};
  std::vector<AuthJob::Candidate> two(2);
  AuthJob undecodable(p.of_b, std::move(bad), std::move(two));
  undecodable.Run();
  EXPECT_EQ(undecodable.chosen(), std::nullopt);
  EXPECT_THAT(undecodable.why(), ElementsAre(HasSubstr("no certificate"), HasSubstr("no certificate")));
}

}  // namespace
}  // namespace culvert::auth
