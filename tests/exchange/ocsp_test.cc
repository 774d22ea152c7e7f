#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/ocsp.h>

#include "control/ike/v2/auth.h"
#include "tests/support/certified_peers.h"
#include "tests/support/meddler.h"

// OCSP responses inside IKE (RFC 4806): asked for, fetched for our own certificate, shown and judged; and what a peer may show.
namespace culvert::ike {
namespace {

using namespace std::chrono_literals;
using auth::Make;
using auth::TestCertificate;
using testing::HasSubstr;

constexpr uint8_t kOcspContent = 14;

time_t now_here = auth::kTestNow;
time_t Now() { return now_here; }

// Two peers whose certificates name a responder that only their holder reaches.
struct Stapled : Certified {
  struct Reach {
    int status = V_OCSP_CERTSTATUS_GOOD;   // -1: it does not answer
    int asked = 0;
    std::shared_ptr<auth::Revocation> revocation{};
  };

  Stapled() {
    now_here = auth::kTestNow;
    a = Of("a");
    b = Of("b");
    p.a.credentials = HoldingWith(a, of_a);
    p.b.credentials = HoldingWith(b, of_b);
  }
  TestCertificate Of(const std::string& name) const {
    return Make({.subject = "CN=" + name, .alt_name = "DNS:" + name + ".example.org", .ocsp_point = "OCSP;URI:http://" + name + "/"}, &root);
  }
  std::shared_ptr<const auth::Credentials> HoldingWith(const TestCertificate& own, Reach& reach) {
    const std::string url = "http://" + std::string(&own == &a ? "a" : "b") + "/";
    reach.revocation = std::make_shared<auth::Revocation>(
        [this, &own, &reach, url](const std::string& asked, ByteView) -> std::expected<Bytes, std::string> {
          if (asked != url || reach.status < 0) return std::unexpected(std::string("no answer"));
          ++reach.asked;
          return auth::MakeOcsp({.subject = own, .issuer = root, .signer = root, .status = reach.status, .from = now_here - 60,
                                 .next = now_here + 3000});
        },
        Now);
    auto credentials = std::make_shared<auth::Credentials>(Now);
    credentials->AddAuthority(root.certificate());
    credentials->AddCertificate(own.certificate());
    credentials->AddKey(own.pair());
    credentials->set_revocation(reach.revocation);
    credentials->Finish();
    return credentials;
  }
  // The peer of that name asks the other, and what it makes of it.
  void Asks(SimPeer& peer, config::Revocation policy, bool ocsp = true) {
    remote(peer).revocation = policy;
    remote(peer).asks_ocsp = ocsp;
  }

  Reach of_a, of_b;
};

using enum config::Revocation;

TEST(OcspInIke, TheHolderAsksItsResponderAndShowsWhatItSays) {
  for (bool a_asks : {true, false}) {
    for (int status : {V_OCSP_CERTSTATUS_GOOD, V_OCSP_CERTSTATUS_REVOKED, -1}) {
      SCOPED_TRACE((a_asks ? "a asks, " : "b asks, ") + std::to_string(status));
      Stapled s;
      SimPeer &asker = a_asks ? s.p.a : s.p.b, &holder = a_asks ? s.p.b : s.p.a;
      Stapled::Reach& reach = a_asks ? s.of_b : s.of_a;
      reach.status = status;
      holder.job_delay = 2s;   // longer than the peer waits before it repeats itself
      s.Asks(asker, kStrict);
      EXPECT_EQ(s.Outcome() == "ok", status == V_OCSP_CERTSTATUS_GOOD);
      EXPECT_EQ(reach.asked, status < 0 ? 0 : 1);
      EXPECT_TRUE(asker.Logged(status < 0 ? "unable to get certificate CRL"
                                          : status ? "certificate revoked" : "not revoked by the OCSP response it sends"))
          << testing::PrintToString(asker.log);
      EXPECT_TRUE(holder.Logged("revocation of CN=")) << testing::PrintToString(holder.log);
      if (status) s.ExpectNothingLeft();
    }
  }
}

TEST(OcspInIke, BothAskAtOnceAndResponsesAreKept) {
  Stapled s;
  s.p.ForBoth([&](SimPeer& peer) { s.Asks(peer, kStrict); });
  EXPECT_EQ(s.Outcome(), "ok");
  for (int again = 0; again < 3; ++again) {
    s.p.a.Down("gw");
    s.p.RunFor(10s);
    EXPECT_EQ(s.Again(), "ok");
  }
  EXPECT_EQ(s.of_a.asked, 1);
  EXPECT_EQ(s.of_b.asked, 1);
  // Over: asked anew.
  now_here += 3601;
  s.p.a.Down("gw");
  s.p.RunFor(10s);
  EXPECT_EQ(s.Again(), "ok");
  EXPECT_EQ(s.of_a.asked, 2);
  EXPECT_EQ(s.of_b.asked, 2);
}

TEST(OcspInIke, WhoIsNotToAnswerShowsNothingAndFetchesNothing) {
  Stapled s;
  s.Asks(s.p.a, kStrict);
  s.p.ConnectionOf(s.p.b).answers_ocsp = false;
  EXPECT_THAT(s.Outcome(), HasSubstr("unable to get certificate CRL"));
  EXPECT_EQ(s.of_b.asked, 0);
}

TEST(OcspInIke, WhoIsNotAskedShowsNothingAndFetchesNothing) {
  Stapled s;
  EXPECT_EQ(s.Outcome(), "ok");
  EXPECT_EQ(s.of_a.asked + s.of_b.asked, 0);
}

TEST(OcspInIke, WithoutCertreqNobodyIsAsked) {
  Stapled s;
  s.Asks(s.p.a, kRelaxed);
  s.p.ForBoth([&](SimPeer& peer) {
    s.p.ConnectionOf(peer).send_cert = config::SendCert::kAlways;
    s.p.ConnectionOf(peer).send_certreq = false;
  });
  EXPECT_EQ(s.Outcome(), "ok");
  EXPECT_EQ(s.of_b.asked, 0);
}

TEST(OcspInIke, ASecretOneWay) {
  for (bool a_signs : {true, false}) {
    Stapled s;
    auto psk = config::AuthKind::kPsk;
    (a_signs ? s.local(s.p.b) : s.local(s.p.a)).kind = psk;
    (a_signs ? s.remote(s.p.a) : s.remote(s.p.b)).kind = psk;
    s.Asks(a_signs ? s.p.b : s.p.a, kStrict);
    EXPECT_EQ(s.Outcome(), "ok");
    EXPECT_EQ(a_signs ? s.of_a.asked : s.of_b.asked, 1);
  }
}

// F08: the end of an SA, or of a peer, while a responder is being asked.
TEST(OcspInIke, AnEndWhileTheResponderIsAsked) {
  bool terminates = false;
  for (Duration at = 1ms; at < 130ms; at += 3ms) {
    Stapled s;
    s.p.ForBoth([&](SimPeer& peer) {
      s.Asks(peer, kStrict);
      peer.job_delay = 10ms;
    });
    terminates = !terminates;
    s.ExpectTidyAfterHangUp(at, !terminates);
  }
}

// ---- what a peer shows ----

struct Showing {
  const char* about;
  std::function<std::vector<Bytes>(const Stapled&)> what;
  bool tells;            // that it is not revoked
  const char* why;       // in the log of who wants to know, where it does not
};

std::vector<Showing> Showings() {
  using V = std::vector<Bytes>;
  auto good = [](const Stapled& s) { return auth::MakeOcsp({s.b, s.root, s.root}); };
  return {
      {"a good one", [=](const Stapled& s) { return V{good(s)}; }, true, ""},
      {"none", [](const Stapled&) { return V{}; }, false, "unable to get certificate CRL (CN=b)"},
      {"of another certificate", [](const Stapled& s) { return V{auth::MakeOcsp({s.a, s.root, s.root})}; }, false, "it is about another"},
      {"over", [](const Stapled& s) {
         return V{auth::MakeOcsp({.subject = s.b, .issuer = s.root, .signer = s.root, .from = auth::kTestNow - 9999,
                                  .next = auth::kTestNow - 400})};
       }, false, "it is out of date"},
      {"from tomorrow", [](const Stapled& s) {
         return V{auth::MakeOcsp({.subject = s.b, .issuer = s.root, .signer = s.root, .from = auth::kTestNow + auth::kTestDay})};
       }, false, "it is out of date"},
      {"signed by itself", [](const Stapled& s) { return V{auth::MakeOcsp({s.b, s.root, s.b})}; }, false, "nobody in charge"},
      {"signed by one of the same name", [](const Stapled& s) {
         return V{auth::MakeOcsp({s.b, s.root, Make(auth::Authority("CN=root"))})};
       }, false, "nobody in charge"},
      {"of which nobody knows", [](const Stapled& s) { return V{auth::MakeOcsp({s.b, s.root, s.root, V_OCSP_CERTSTATUS_UNKNOWN})}; },
       false, "does not know"},
      {"empty", [](const Stapled&) { return V{Bytes{}}; }, false, "it is no OCSP response"},
      {"garbage", [](const Stapled&) { return V{Bytes(300, 0x30), Bytes(2000, 0xff), {0x30, 0x03, 0x0a, 0x01, 0x06}}; }, false,
       "of the OCSP response it sends"},
      {"cut short", [=](const Stapled& s) {
         Bytes der = good(s);
         der.pop_back();
         return V{der};
       }, false, "it is no OCSP response"},
      {"huge", [=](const Stapled& s) {
         Bytes der = good(s);
         der.resize(auth::kMaxOcspResponse + 1);
         return V{der};
       }, false, "unable to get certificate CRL (CN=b)"},
      {"a good one behind others", [=](const Stapled& s) {
         return V{Bytes(10), auth::MakeOcsp({s.a, s.root, s.root}), auth::MakeOcsp({s.b, s.root, s.b}), good(s)};
       }, true, ""},
      {"by a delegate", [](const Stapled& s) {
         TestCertificate delegate = Make({.subject = "CN=ocsp", .extended_key_usage = "OCSPSigning"}, &s.root);
         return V{auth::MakeOcsp({s.b, s.root, delegate})};
       }, true, ""},
  };
}

// What b shows is replaced; b itself knows nothing. The outcome for a.
std::string ShownTo(Stapled& s, const std::vector<Bytes>& shown) {
  s.of_b.status = -1;
  s.p.ForBoth([&](SimPeer& peer) { s.p.ConnectionOf(peer).send_cert = config::SendCert::kAlways; });
  s.p.Start();
  Meddler meddler(s.p);
  meddler.InAnswers(ExchangeType::kIkeAuth, [&](std::vector<Payload>& payloads) {
    for (const Bytes& der : shown) payloads.push_back(CertPayload{kOcspContent, der});
  });
  return s.Again();
}

TEST(OcspInIke, WhatIsShownCountsAsWhatIsFetchedDoes) {
  for (const Showing& showing : Showings()) {
    for (auto policy : {kStrict, kIfUri, kRelaxed}) {
      SCOPED_TRACE(std::string(showing.about) + ", policy " + std::to_string(static_cast<int>(policy)));
      Stapled s;
      s.Asks(s.p.a, policy);
      const std::string outcome = ShownTo(s, showing.what(s));
      const bool up = showing.tells || policy == kRelaxed;
      EXPECT_EQ(outcome == "ok", up) << outcome;
      if (!up) {
        EXPECT_THAT(outcome, HasSubstr(showing.why));
      }
      EXPECT_EQ(s.p.a.Logged("not revoked by the OCSP response it sends"), showing.tells);
    }
  }
}

TEST(OcspInIke, WhatNobodyAskedForIsNotLookedAt) {
  Stapled s;
  s.Asks(s.p.a, kStrict, false);
  EXPECT_THAT(ShownTo(s, {auth::MakeOcsp({s.b, s.root, s.root})}), HasSubstr("unable to get certificate CRL (CN=b)"));
}

TEST(OcspInIke, TheRevokedAreRefusedWhateverThePolicyAndWhateverElseTheyShow) {
  for (auto policy : {kStrict, kIfUri, kRelaxed}) {
    for (bool both : {true, false}) {
      Stapled s;
      s.Asks(s.p.a, policy);
      std::vector<Bytes> shown = {auth::MakeOcsp({s.b, s.root, s.root, V_OCSP_CERTSTATUS_REVOKED})};
      if (both) shown.insert(shown.begin(), auth::MakeOcsp({s.b, s.root, s.root}));
      EXPECT_THAT(ShownTo(s, shown), HasSubstr("certificate revoked (CN=b)"));
      s.ExpectNothingLeft();
    }
  }
}

TEST(OcspInIke, MorePayloadsThanAPeerMaySend) {
  Stapled s;
  s.Asks(s.p.a, kRelaxed);
  EXPECT_NE(ShownTo(s, std::vector<Bytes>(8, Bytes(10, 1))), "ok");   // and its certificate
  EXPECT_TRUE(s.p.a.installed.empty());
}

// B37, for encoding 14: hashes of trusted responders' keys, or none.
TEST(OcspInIke, RequestsOfAnySize) {
  for (size_t octets : {0, 1, 19, 20, 21, 20 * 300, 20 * 1000}) {
    const Bytes hashes(octets, 7);
    const Payload request = CertReqPayload{kOcspContent, hashes};
    DatagramIn datagram;
    CertRequest read = CertRequestIn(Inbound{datagram, {}, {&request, 1}});
    EXPECT_EQ(read.ocsp, octets % 20 == 0) << octets;
    EXPECT_FALSE(read.asked);
    EXPECT_TRUE(read.authorities.empty());
  }
}

}  // namespace
}  // namespace culvert::ike
