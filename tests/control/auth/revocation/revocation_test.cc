#include "control/auth/revocation/revocation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/ocsp.h>

#include <atomic>
#include <thread>

#include "control/auth/revocation/lookup_job.h"
#include "tests/support/test_pki.h"

namespace culvert::auth {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

time_t now_here = kTestNow;
time_t Now() { return now_here; }

Bytes Der(const CrlPtr& crl) {
  unsigned char* der = nullptr;
  int length = i2d_X509_CRL(crl.get(), &der);
  Bytes out(der, der + length);
  OPENSSL_free(der);
  return out;
}

// The outside world: what each URL gives, and what was asked of it.
struct World {
  std::map<std::string, Bytes> pages;
  std::vector<std::string> asked;
  std::shared_ptr<Revocation> revocation = std::make_shared<Revocation>(
      [this](const std::string& url, ByteView query) -> std::expected<Bytes, std::string> {
        asked.push_back(url + (query.empty() ? "" : "?"));
        if (!pages.contains(url)) return std::unexpected(std::string("no answer"));
        return pages[url];
      },
      Now);
  World() { now_here = kTestNow; }
};

struct Scene : World {
  static CertificateWish Wish() {
    return {.subject = "CN=peer", .alt_name = "DNS:peer.example.org", .crl_point = "URI:http://a/crl", .ocsp_point = "OCSP;URI:http://a/ocsp"};
  }
  TestCertificate root = Make(Authority("CN=root")), peer = Make(Wish(), &root), other = Make({.subject = "CN=other"}, &root);
  Issued which{peer.certificate(), root.certificate()};

  std::shared_ptr<Credentials> credentials = [this] {
    auto c = std::make_shared<Credentials>([] { return kTestNow; });
    c->AddAuthority(root.certificate());
    c->set_revocation(revocation);
    c->Finish();
    return c;
  }();
  // Judged as the core does it, lookups included: "good", or why not; and whether anything was asked first.
  std::string Judge(config::Revocation policy, bool right_key = true) {
    const ike::SigningChoice how{ike::AuthMethod::kDigitalSignature, {ike::KeyKind::kEcdsa256, ike::HashAlgorithm::kSha256}};
    const Bytes octets(40, 3);
    PeerProof proof{.method = how.method, .octets = octets, .certificates = {peer.der()}};
    proof.auth = *ike::SignAuth(how, (right_key ? peer : other).pair(), octets);
    proof.id = *ike::Identity::Parse("peer.example.org");
    std::vector<AuthJob::Candidate> candidates(1);
    candidates[0].peer = std::make_shared<config::AuthRound>(
        config::AuthRound{.kind = config::AuthKind::kPubkey, .auth = "pubkey", .revocation = policy});
    auto job = std::make_unique<AuthJob>(credentials, std::move(proof), std::move(candidates));
    job->Run();
    if (!job->open().empty()) {
      LookupJob lookup(std::move(job));
      EXPECT_TRUE(lookup.waits());
      lookup.Run();
      job = lookup.TakeWaiting();
      job->Run();
      EXPECT_TRUE(job->open().empty());
    }
    return job->chosen() ? "good" : job->why().at(0);
  }
};

using enum config::Revocation;

TEST(Revocation, AsksTheResponderThenForTheList) {
  Scene s;
  s.pages["http://a/ocsp"] = MakeOcsp({s.peer, s.root, s.root});
  EXPECT_EQ(s.Judge(kStrict), "good");
  EXPECT_EQ(s.Judge(kRelaxed), "good");
  EXPECT_THAT(s.asked, ElementsAre("http://a/ocsp?")) << "once for both";

  Scene silent;
  silent.pages["http://a/crl"] = Der(MakeCrl(silent.root, {&silent.other}));
  EXPECT_EQ(silent.Judge(kStrict), "good");
  EXPECT_EQ(silent.Judge(kIfUri), "good");
  EXPECT_THAT(silent.asked, ElementsAre("http://a/ocsp?", "http://a/crl"));
}

TEST(Revocation, TheRevokedAreRefusedWhateverThePolicy) {
  for (auto policy : {kStrict, kIfUri, kRelaxed}) {
    Scene by_responder, by_list;
    by_responder.pages["http://a/ocsp"] = MakeOcsp({by_responder.peer, by_responder.root, by_responder.root, V_OCSP_CERTSTATUS_REVOKED});
    by_list.pages["http://a/crl"] = Der(MakeCrl(by_list.root, {&by_list.peer}));
    EXPECT_THAT(by_responder.Judge(policy), HasSubstr("certificate revoked (CN=peer)"));
    EXPECT_THAT(by_list.Judge(policy), HasSubstr("certificate revoked (CN=peer)"));
  }
}

TEST(Revocation, NobodyKnows) {
  TestCertificate stranger = Make(Authority("CN=root"));
  for (const Bytes& page : {Bytes{}, Bytes(10), Der(MakeCrl(stranger, {}))}) {
    Scene s;
    if (!page.empty()) s.pages["http://a/ocsp"] = s.pages["http://a/crl"] = page;
    EXPECT_THAT(s.Judge(kStrict), HasSubstr("unable to get certificate CRL"));
    EXPECT_THAT(s.Judge(kIfUri), HasSubstr("unable to get certificate CRL"));
    EXPECT_EQ(s.Judge(kRelaxed), "good");
    EXPECT_EQ(s.asked.size(), 2u) << "and not again so soon";
  }
}

// F09: the wait doubles, up to an hour; an answer is good until it ends.
TEST(Revocation, WhenToAskAgain) {
  Scene s;
  std::vector<time_t> at;
  for (size_t known = 0; now_here < kTestNow + 4 * 3600; now_here += 10) {
    (void)s.Judge(kRelaxed);
    if (s.asked.size() > known) at.push_back(now_here - kTestNow);
    known = s.asked.size();
  }
  EXPECT_THAT(at, ElementsAre(0, 60, 180, 420, 900, 1860, 3780, 7380, 10980));
  s.pages["http://a/ocsp"] = MakeOcsp({.subject = s.peer, .issuer = s.root, .signer = s.root, .next = now_here + 7200});
  now_here += 3600;
  EXPECT_EQ(s.Judge(kStrict), "good");
  const size_t asked = s.asked.size();
  now_here += 3500;
  EXPECT_EQ(s.Judge(kStrict), "good");
  EXPECT_EQ(s.asked.size(), asked);
  now_here += 200;
  EXPECT_NE(s.Judge(kStrict), "good");
  EXPECT_GT(s.asked.size(), asked);
}

// B36: only the peer that proves to have the key, with a chain that is believed, has anything asked.
TEST(Revocation, StrangersHaveNothingAsked) {
  Scene s;
  EXPECT_THAT(s.Judge(kRelaxed, false), HasSubstr("signature is wrong"));
  TestCertificate evil_root = Make(Authority("CN=root"));
  s.peer = Make(Scene::Wish(), &evil_root);
  EXPECT_NE(s.Judge(kRelaxed), "good");
  EXPECT_TRUE(s.asked.empty());
}

TEST(Revocation, UrlsThatAreAsked) {
  TestCertificate root = Make(Authority("CN=root"));
  CertificateWish wish{.crl_point = "URI:http://a/1,URI:ldap://b/2,URI:file:///etc/passwd,URI:HTTP://c/3,URI:gopher://d,URI:https://e/4,"
                                    "URI:http://f/5,URI:http://g/6,URI:http://h/7",
                       .ocsp_point = "OCSP;URI:http://o/1,caIssuers;URI:http://i/2,OCSP;URI:https://o/3"};
  Certificate c = Make(wish, &root).certificate();
  EXPECT_THAT(ListUrls(c), ElementsAre("http://a/1", "HTTP://c/3", "http://f/5", "http://g/6"));
  EXPECT_THAT(ResponderUrls(c), ElementsAre("http://o/1"));
  Certificate none = Make({}, &root).certificate();
  EXPECT_TRUE(ListUrls(none).empty() && ResponderUrls(none).empty());
}

std::chrono::steady_clock::time_point Later() { return std::chrono::steady_clock::now() + std::chrono::seconds(10); }

TEST(Revocation, AnEndToAsking) {
  Scene s;
  EXPECT_TRUE(s.revocation->Ask(s.which, std::chrono::steady_clock::now()).empty()) << "no time";
  EXPECT_TRUE(s.revocation->MayAsk(s.which));
  auto learnt = s.revocation->Ask(s.which, Later());
  ASSERT_EQ(learnt.size(), 2u);
  EXPECT_FALSE(learnt[0].well);
  EXPECT_EQ(learnt[0].line, "revocation of CN=peer: http://a/ocsp: no answer");
  now_here += 7200;
  s.revocation->Close();
  EXPECT_TRUE(s.revocation->Ask(s.which, Later()).empty()) << "closed";
  EXPECT_EQ(s.asked.size(), 2u);
}

TEST(Revocation, ManyAtOnceAskOnce) {
  now_here = kTestNow;
  Scene s;
  const Bytes page = MakeOcsp({s.peer, s.root, s.root});
  std::atomic<int> asked = 0;
  Revocation slow([&](const std::string&, ByteView) -> std::expected<Bytes, std::string> {
    ++asked;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    return page;
  }, Now);
  std::vector<std::thread> threads;
  std::atomic<int> knew = 0;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      (void)slow.Ask(s.which, Later());
      knew += slow.Revoked(s.which) == false;
    });
  }
  for (auto& t : threads) t.join();
  EXPECT_EQ(asked, 1);
  EXPECT_EQ(knew, 8);
}

// RFC 4806: of our own certificate the response itself is kept, and its lists are nobody's business.
TEST(Revocation, ResponsesAboutOurOwn) {
  Scene s;
  const Issued own{s.peer.certificate(), s.root.certificate(), true};
  const auto soon = std::chrono::steady_clock::now() + std::chrono::seconds(5);
  EXPECT_TRUE(s.revocation->MayAsk(own));
  s.pages["http://a/crl"] = Der(MakeCrl(s.root, {}));
  ASSERT_EQ(s.revocation->Ask(own, soon).size(), 1u);
  EXPECT_THAT(s.asked, ElementsAre("http://a/ocsp?"));
  EXPECT_TRUE(s.revocation->ResponseAbout(own).empty());
  EXPECT_FALSE(s.revocation->MayAsk(own));

  now_here += 60;
  const Bytes response = MakeOcsp({s.peer, s.root, s.root});
  s.pages["http://a/ocsp"] = response;
  EXPECT_TRUE(s.revocation->MayAsk(own));
  s.revocation->Ask(own, soon);
  EXPECT_EQ(s.revocation->ResponseAbout(own), response);
  now_here += kTestDay;
  EXPECT_TRUE(s.revocation->ResponseAbout(own).empty()) << "over";

  // About others nothing is kept but what it says.
  Scene other;
  other.pages["http://a/ocsp"] = MakeOcsp({other.peer, other.root, other.root});
  other.revocation->Ask(other.which, soon);
  EXPECT_EQ(other.revocation->Revoked(other.which), false);
  EXPECT_TRUE(other.revocation->ResponseAbout(other.which).empty());
}

}  // namespace
}  // namespace culvert::auth
