#include <format>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/ocsp.h>

#include "config/auth_rules.h"
#include "config/profile.h"
#include "control/ike/v2/auth.h"
#include "control/ike/wire/header.h"
#include "tests/support/certified_peers.h"
#include "tests/support/raw_peer.h"

// IKE_AUTH by signature (RFC 7296 2.15, RFC 7427): both roles, each kind of key, mixed with pre-shared keys, refused.
namespace culvert::ike {
namespace {

using namespace std::chrono_literals;
using auth::Authority;
using auth::Holding;
using auth::Make;
using auth::TestCertificate;
using testing::HasSubstr;

constexpr KeyKind kKinds[] = {KeyKind::kRsa,      KeyKind::kEcdsa256, KeyKind::kEcdsa384,
                              KeyKind::kEcdsa521, KeyKind::kEd25519,  KeyKind::kEd448};

TEST(Certificates, EveryKindOfKeyInBothRoles) {
  for (KeyKind kind : kKinds) {
    SCOPED_TRACE(Name(kind));
    Certified c(kind, KeyKind::kEcdsa256), d(KeyKind::kEcdsa256, kind);
    c.p.Establish();
    d.p.Establish();
    EXPECT_TRUE(c.p.b.Logged(std::string("; by ") + Name(kind)));
    EXPECT_TRUE(d.p.a.Logged(std::string("; by ") + Name(kind)));
    EXPECT_EQ(c.p.a.Established()[0].remote_id, "b.example.org");
  }
}

TEST(Certificates, ComesUpWhateverHappensToOneMessage) {
  // The peers of a story are its own: they get the credentials and rules of some prepared ones.
  Certified model;
  auto prepare = [&](TwoPeers& p) {
    p.a.credentials = model.p.a.credentials;
    p.b.credentials = model.p.b.credentials;
    p.ForBoth([&](SimPeer& peer) {
      peer.job_delay = 3ms;
      p.ConnectionOf(peer).local[0].kind = p.ConnectionOf(peer).remote[0].kind = config::AuthKind::kPubkey;
    });
    p.Start();
  };
  TellWithEveryDisturbance({.prepare = prepare, .story = [](TwoPeers& p) { p.a.Up("net"); }, .check = [](TwoPeers& p) {
                              EXPECT_EQ(p.Disagreement(), "");
                              EXPECT_TRUE(p.CarriesBothWays());
                              EXPECT_EQ(p.a.Established().size(), 1u);
                            }});
}

TEST(Certificates, ASecretOneWayAndASignatureTheOther) {
  for (bool a_signs : {true, false}) {
    Certified c;
    auto psk = config::AuthKind::kPsk;
    (a_signs ? c.local(c.p.b) : c.local(c.p.a)).kind = psk;
    (a_signs ? c.remote(c.p.a) : c.remote(c.p.b)).kind = psk;
    c.p.Establish();
    EXPECT_EQ(c.p.a.Logged("; by ECDSA"), !a_signs);
    EXPECT_EQ(c.p.b.Logged("; by ECDSA"), a_signs);
  }
}

TEST(Certificates, ASecretWhereASignatureIsWantedAndTheOtherWayRound) {
  for (bool secret : {true, false}) {
    Certified c;
    auto is = [&](bool s) { return s ? config::AuthKind::kPsk : config::AuthKind::kPubkey; };
    c.local(c.p.a).kind = is(secret);
    c.remote(c.p.b).kind = is(!secret);
    EXPECT_THAT(c.Outcome(), HasSubstr("AUTHENTICATION_FAILED"));
    c.ExpectNothingLeft();
  }
  // The responder's: refused by the initiator, who tells it so by a Delete (RFC 7296 2.21.2).
  for (bool secret : {true, false}) {
    Certified c;
    auto is = [&](bool s) { return s ? config::AuthKind::kPsk : config::AuthKind::kPubkey; };
    c.local(c.p.b).kind = is(secret);
    c.remote(c.p.a).kind = is(!secret);
    EXPECT_THAT(c.Outcome(), HasSubstr("the peer authenticates by"));
    c.ExpectNothingLeft();
  }
}

TEST(Certificates, WhatIsRefusedAndWhy) {
  struct Case {
    const char* about;
    std::function<void(Certified&)> change;
    const char *told, *logged;   // by a; by b
  };
  const Case cases[] = {
      {"b does not know a's authority", [](Certified& c) { c.p.b.credentials = Holding({&c.b}, {}); },
       "AUTHENTICATION_FAILED", "gw: certificate CN=a (a.example.org): unable to get local issuer certificate"},
      {"a does not know b's authority", [](Certified& c) { c.p.a.credentials = Holding({&c.a}, {}); },
       "certificate CN=b (b.example.org): unable to get local issuer certificate", "IKE SA up"},
      {"a's certificate is another's", [](Certified& c) {
         TestCertificate other = Make({.subject = "CN=x", .alt_name = "DNS:x.example.org"}, &c.root);
         c.p.a.credentials = Holding({&other}, {&c.root});
       }, "no certificate with a private key for a.example.org", ""},
      {"b expects somebody else", [](Certified& c) { c.remote(c.p.b).id = "c.example.org"; }, "AUTHENTICATION_FAILED",
       "no connection for peer a.example.org"},
      {"a expects somebody else", [](Certified& c) { c.remote(c.p.a).id = "c.example.org"; c.local(c.p.b).id = "b.example.org"; },
       "AUTHENTICATION_FAILED", "gw is b.example.org"},
      {"b wants RSA", [](Certified& c) { c.remote(c.p.b).rules = *config::ParsePubkeyRules("rsa"); }, "AUTHENTICATION_FAILED",
       "does not admit ECDSA-256"},
      {"a wants SHA2-512", [](Certified& c) { c.remote(c.p.a).rules = *config::ParsePubkeyRules("ike:pubkey-sha512"); },
       "does not admit ECDSA-256 with SHA2-256", "IKE SA up"},
      {"a's has expired", [](Certified& c) {
         TestCertificate old = Make({.subject = "CN=a", .alt_name = "DNS:a.example.org", .to = auth::kTestNow - 1}, &c.root);
         c.p.a.credentials = Holding({&old}, {&c.root});
       }, "AUTHENTICATION_FAILED", "it has expired"},
      {"b's is revoked", [](Certified& c) {
         std::vector<auth::CrlPtr> crls;
         crls.push_back(auth::MakeCrl(c.root, {&c.b}));
         c.p.a.credentials = Holding({&c.a}, {&c.root}, std::move(crls));
       }, "certificate revoked", "IKE SA up"},
      {"b has none", [](Certified& c) { c.p.b.credentials = Holding({}, {&c.root}); }, "AUTHENTICATION_FAILED",
       "gw has no certificate with a private key"},
  };
  for (const Case& k : cases) {
    SCOPED_TRACE(k.about);
    Certified c;
    c.p.ForBoth([&](SimPeer& peer) { c.p.ConnectionOf(peer).send_cert = config::SendCert::kAlways; });
    k.change(c);
    EXPECT_THAT(c.Outcome(), HasSubstr(k.told));
    EXPECT_TRUE(c.p.b.Logged(k.logged) || *k.logged == 0) << testing::PrintToString(c.p.b.log);
    c.ExpectNothingLeft();
  }
}

TEST(Certificates, OfSeveralConnectionsTheOneThatTheCertificateFits) {
  Certified c;
  TestCertificate other = Make(Authority("CN=other"));
  auto credentials = std::make_shared<auth::Credentials>([] { return auth::kTestNow; });
  credentials->AddAuthority(c.root.certificate(), "root");
  credentials->AddAuthority(other.certificate(), "other");
  credentials->AddCertificate(c.b.certificate());
  credentials->AddKey(c.b.pair());
  credentials->Finish();
  c.p.b.credentials = credentials;
  config::Connection second = c.p.ConnectionOf(c.p.b);
  c.remote(c.p.b).cacerts = {{"other", ""}};
  c.p.ConnectionOf(c.p.b).name = "first";
  second.remote[0].cacerts = {{"root", ""}};
  c.p.b.control.connections.push_back(second);
  c.p.Establish();
  EXPECT_EQ(c.p.b.Established()[0].connection, "gw");
}

TEST(Certificates, TheLogSaysWhichConnectionsWereTriedAndWhyNot) {
  for (bool one_fits : {true, false}) {
    Certified c;
    TestCertificate other = Make(Authority("CN=other"));
    auto credentials = std::make_shared<auth::Credentials>([] { return auth::kTestNow; });
    credentials->AddAuthority(c.root.certificate(), "root");
    credentials->AddAuthority(other.certificate(), "other");
    credentials->AddCertificate(c.b.certificate());
    credentials->AddKey(c.b.pair());
    credentials->Finish();
    c.p.b.credentials = credentials;
    config::Connection base = c.p.ConnectionOf(c.p.b);
    auto& all = c.p.b.control.connections;
    all.clear();
    auto add = [&](const char* name, const std::function<void(config::Connection&)>& change) {
      all.push_back(base);
      all.back().name = name;
      change(all.back());
    };
    add("stranger", [](config::Connection& k) { k.remote[0].id = "c.example.org"; });
    add("secret", [](config::Connection& k) { k.remote[0].kind = config::AuthKind::kPsk; });
    add("another", [](config::Connection& k) { k.local[0].id = "x.example.org"; });
    add("authority", [](config::Connection& k) { k.remote[0].cacerts = {{"other", ""}}; });
    if (one_fits) add("gw", [](config::Connection&) {});
    EXPECT_EQ(c.Outcome() == "ok", one_fits);
    for (const char* why : {"stranger wants the peer to be c.example.org", "secret wants no signature",
                            "another has no certificate with a private key for x.example.org",
                            "authority: certificate CN=a (a.example.org): none of cacerts is in its chain"}) {
      EXPECT_TRUE(c.p.b.Logged(why)) << why << testing::PrintToString(c.p.b.log);
    }
    EXPECT_EQ(c.p.b.Logged("connections passed over for it: stranger"), one_fits);
    EXPECT_EQ(c.p.b.Logged("IKE_AUTH refused, AUTHENTICATION_FAILED: a.example.org: stranger"), !one_fits);
  }
}

TEST(Certificates, SelfSignedOnesThatEachSideNames) {
  for (auto send : {config::SendCert::kAlways, config::SendCert::kNever}) {
    for (bool known : {true, false}) {
      Certified c;
      TestCertificate a = Make({.subject = "CN=a", .alt_name = "DNS:a.example.org"});
      TestCertificate b = Make({.subject = "CN=b", .key = KeyKind::kEd25519, .alt_name = "DNS:b.example.org"});
      TestCertificate twin = Make({.subject = "CN=a", .alt_name = "DNS:a.example.org"});
      auto holding = [](const TestCertificate& own, const TestCertificate& peer) {
        auto credentials = std::make_shared<auth::Credentials>([] { return auth::kTestNow; });
        credentials->AddCertificate(own.certificate());
        credentials->AddKey(own.pair());
        credentials->AddCertificate(peer.certificate(), "peer");
        credentials->Finish();
        return credentials;
      };
      c.p.a.credentials = holding(a, b);
      c.p.b.credentials = holding(b, known ? a : twin);
      c.p.ForBoth([&](SimPeer& peer) {
        c.p.ConnectionOf(peer).send_cert = send;
        c.remote(peer).certs = {{"peer", ""}};
      });
      EXPECT_EQ(c.Outcome() == "ok", known);
      const char* why = send == config::SendCert::kAlways ? "it is none of certs" : "its signature is wrong";
      EXPECT_EQ(c.p.b.Logged(why), !known);
      if (!known) c.ExpectNothingLeft();
    }
  }
}

TEST(Certificates, OfSeveralTheOneThatThePeersAuthorityIssued) {
  for (bool named : {true, false}) {
    Certified c;
    TestCertificate other = Make(Authority("CN=other"));
    TestCertificate second = Make({.subject = "CN=a2", .alt_name = "DNS:a.example.org"}, &other);
    auto credentials = std::make_shared<auth::Credentials>([] { return auth::kTestNow; });
    for (auto* root : {&c.root, &other}) credentials->AddAuthority(root->certificate());
    for (auto [own, path] : {std::pair{&c.a, "one"}, {&second, "two"}}) {
      credentials->AddCertificate(own->certificate(), path);
      credentials->AddKey(own->pair());
    }
    credentials->Finish();
    c.p.a.credentials = credentials;
    c.p.b.credentials = Holding({&c.b}, {&other});
    if (named) c.local(c.p.a).certs = {{"one", ""}, {"two", ""}};
    // As the initiator, by CERTREQ in IKE_SA_INIT; and as the responder, by that in IKE_AUTH.
    c.p.Establish();
    EXPECT_TRUE(c.p.b.Logged("of CN=a2")) << named;
    c.p.b.log.clear();
    c.p.a.Down("gw");
    c.p.RunFor(10s);
    RequestId r = c.p.b.Up("net");
    c.p.RunFor(10s);
    EXPECT_TRUE(c.p.b.replies[r].ok) << c.p.b.replies[r].error;
    EXPECT_TRUE(c.p.b.Logged("of CN=a2")) << named;
  }
}

TEST(Certificates, IntermediatesAreSentAlong) {
  Certified c;
  TestCertificate left = Make(Authority("CN=left"), &c.root), right = Make(Authority("CN=right"), &c.root);
  TestCertificate a = Make({.subject = "CN=a", .alt_name = "DNS:a.example.org"}, &left);
  TestCertificate b = Make({.subject = "CN=b", .alt_name = "DNS:b.example.org"}, &right);
  c.p.a.credentials = Holding({&a}, {&c.root, &left});
  c.p.b.credentials = Holding({&b}, {&c.root, &right});
  c.p.Establish();
}

TEST(Certificates, SentAsConfigured) {
  using enum config::SendCert;
  for (auto [send, ask, up] :
       {std::tuple{kIfAsked, true, true}, {kIfAsked, false, false}, {kAlways, false, true}, {kNever, true, false}}) {
    Certified c;
    c.p.ForBoth([&](SimPeer& peer) {
      c.p.ConnectionOf(peer).send_cert = send;
      c.p.ConnectionOf(peer).send_certreq = ask;
    });
    EXPECT_EQ(c.Outcome() == "ok", up);
    if (!up) {
      EXPECT_TRUE(c.p.b.Logged("it sends no certificate"));
    }
  }
}

TEST(Certificates, TheSubjectIsTheIdentityWhereNoneIsConfigured) {
  Certified c;
  c.local(c.p.a).id = "";
  c.remote(c.p.b).id = "CN=*";
  c.local(c.p.b).id = "";          // b is whom a asks for, as long as its certificate says so
  c.p.Establish();
  EXPECT_EQ(c.p.b.Established()[0].remote_id, "CN=a");
  EXPECT_EQ(c.p.a.Established()[0].remote_id, "b.example.org");
}

// F08: what a job brings to an SA that has ended meanwhile, or a peer that has gone.
TEST(Certificates, AnEndWhileSignaturesAreMade) {
  bool terminates = false;
  for (Duration at = 1ms; at < 90ms; at += 1ms) {
    Certified c;
    c.p.ForBoth([](SimPeer& peer) { peer.job_delay = 10ms; });
    terminates = !terminates;
    c.ExpectTidyAfterHangUp(at, !terminates);
  }
}

// What is read anew counts from then on; what is up or under way goes on with what it began with.
TEST(Certificates, FilesReadAnew) {
  Certified c;
  c.p.Establish();
  TestCertificate other = Make(Authority("CN=other"));
  c.p.b.core->set_credentials(Holding({&c.b}, {&other}));
  c.p.RunFor(60s);
  EXPECT_EQ(c.p.Disagreement(), "");
  EXPECT_TRUE(c.p.CarriesBothWays());
  c.p.a.Down("gw");
  c.p.RunFor(10s);
  EXPECT_THAT(c.Again(), HasSubstr("AUTHENTICATION_FAILED"));
  c.p.b.core->set_credentials(Holding({&c.b}, {&c.root}));
  EXPECT_EQ(c.Again(), "ok");

  for (Duration at = 1ms; at < 60ms; at += 1ms) {
    Certified slow;
    slow.p.ForBoth([](SimPeer& peer) { peer.job_delay = 10ms; });
    slow.p.Start();
    slow.p.a.Up("net");
    slow.p.RunFor(at);
    slow.p.ForBoth([&](SimPeer& peer) { peer.core->set_credentials(Holding({peer.name == "a" ? &slow.a : &slow.b}, {&slow.root})); });
    slow.p.RunFor(10s);
    EXPECT_EQ(slow.p.Disagreement(), "") << at;
    EXPECT_EQ(slow.p.a.Established().size(), 1u) << at;
  }
}

// OCSP and CRLs: what is not known is asked for beside the IKE thread, while the exchange waits.
TEST(Certificates, RevocationIsAskedForBeforeTheAnswer) {
  for (bool a_asks : {true, false}) {
    for (int status : {V_OCSP_CERTSTATUS_GOOD, V_OCSP_CERTSTATUS_REVOKED, -1}) {
      Certified c;
      auto of = [&](const char* name) {
        return Make({.subject = std::string("CN=") + name, .alt_name = std::string("DNS:") + name + ".example.org",
                     .ocsp_point = "OCSP;URI:http://ocsp/"}, &c.root);
      };
      TestCertificate a = of("a"), b = of("b");
      const TestCertificate& judged = a_asks ? b : a;
      int asked = 0;
      auto revocation = std::make_shared<auth::Revocation>(
          [&](const std::string&, ByteView) -> std::expected<Bytes, std::string> {
            ++asked;
            if (status < 0) return std::unexpected(std::string("no answer"));
            return auth::MakeOcsp({judged, c.root, c.root, status});
          },
          [] { return auth::kTestNow; });
      auto holding = [&](const TestCertificate& own, bool asks) {
        auto credentials = std::make_shared<auth::Credentials>([] { return auth::kTestNow; });
        credentials->AddAuthority(c.root.certificate());
        credentials->AddCertificate(own.certificate());
        credentials->AddKey(own.pair());
        if (asks) credentials->set_revocation(revocation);
        credentials->Finish();
        return credentials;
      };
      c.p.a.credentials = holding(a, a_asks);
      c.p.b.credentials = holding(b, !a_asks);
      SimPeer& judge = a_asks ? c.p.a : c.p.b;
      judge.job_delay = 2s;   // longer than the peer waits before it repeats itself
      c.remote(judge).revocation = config::Revocation::kStrict;
      EXPECT_EQ(c.Outcome() == "ok", status == V_OCSP_CERTSTATUS_GOOD) << status;
      EXPECT_EQ(asked, 1);
      EXPECT_TRUE(judge.Logged(status < 0 ? "http://ocsp/: no answer"
                                          : status ? "http://ocsp/: revoked" : "http://ocsp/: not revoked"));
      if (status) c.ExpectNothingLeft();
    }
  }
}

// Trap 5, as of pre-shared keys: of several answers to IKE_SA_INIT the one that can authenticate gets the SA.
TEST(Certificates, AForgedFirstAnswerDoesNotWin) {
  for (bool answers_auth : {true, false}) {
    for (Duration job_delay : {Duration(4ms), Duration(8ms), Duration(30ms)}) {
      SCOPED_TRACE(std::format("{} IKE_AUTH, jobs take {}", answers_auth ? "answers" : "does not answer", job_delay));
      Certified c, forged;
      TwoPeers &p = c.p, &elsewhere = forged.p;
      // At b's address and with its name, of an authority that a does not know; it takes whatever a shows.
      SimPeer& evil = elsewhere.b;
      evil.credentials = Holding({&forged.b}, {&forged.root, &c.root});
      AnswerBeforeB(p, elsewhere, answers_auth);
      p.a.job_delay = job_delay;
      p.Start();
      RequestId r = p.a.Up("net");
      p.RunFor(15s);
      ASSERT_TRUE(p.a.replies.contains(r));
      EXPECT_TRUE(p.a.replies[r].ok) << p.a.replies[r].error;
      EXPECT_GE(p.a.Counted(Count::kRivalAnswer), 1u);
      EXPECT_EQ(p.Disagreement(), "");
      EXPECT_TRUE(p.CarriesBothWays());
    }
  }
}

// A peer that says what it likes, to a responder that wants a signature of it.
class HostileSigner : public testing::Test {
 protected:
  HostileSigner() : raw_({c_.p.clock, c_.p.network, c_.p.b}, c_.p.a.address) { c_.p.b.Start(); }

  NotifyType Answer(PayloadList& list) {
    RawPeer::Init init;
    init.spi_i += n_++;
    EXPECT_TRUE(raw_.Handshake(init));
    PayloadList rest = raw_.AuthRequest({RawPeer::Part::kAuth});
    for (const Payload& p : rest.view()) list.Add(p);
    auto answers = raw_.Ask(raw_.Seal(ExchangeType::kIkeAuth, 1, list));
    EXPECT_EQ(answers.size(), 1u);
    return answers.empty() ? NotifyType{} : raw_.NotifyIn(answers[0]);
  }

  Certified c_;
  RawPeer raw_;
  uint64_t n_ = 0;
};

// B33, B35, B36.
TEST_F(HostileSigner, CertificatesAndSignaturesThatAreNone) {
  const Bytes der = c_.a.der();
  const Bytes url = ToBytes(AsBytes("01234567890123456789http://127.0.0.1:1/a.der"));
  const std::vector<std::pair<uint8_t, Bytes>> certs = {{4, {}}, {4, Bytes(10)}, {4, der}, {1, der}, {7, der}, {12, url}, {13, url}, {0, der}, {255, der}};
  const std::vector<std::pair<AuthMethod, Bytes>> auths = {
      {AuthMethod::kDigitalSignature, {}}, {AuthMethod::kDigitalSignature, Bytes(100)}, {AuthMethod::kDigitalSignature, Bytes(100, 0xff)},
      {AuthMethod::kEcdsa256, Bytes(64)}, {AuthMethod::kRsa, Bytes(256)}, {AuthMethod::kSharedKey, Bytes(32)}, {AuthMethod::kNull, Bytes(32)},
      {AuthMethod::kDss, Bytes(40)}};
  for (const auto& [encoding, cert] : certs) {
    for (const auto& [method, data] : auths) {
      PayloadList list;
      list.Add(CertPayload{encoding, cert});
      list.Add(AuthPayload{method, data});
      EXPECT_EQ(Answer(list), NotifyType::kAuthenticationFailed) << int{encoding} << " " << Name(method);
    }
  }
  EXPECT_TRUE(c_.p.b.Logged("it sends no certificate but a hash and URL, which is not fetched"));
  c_.p.RunFor(60s);
  EXPECT_TRUE(c_.p.b.core->List().empty());
  EXPECT_TRUE(c_.p.b.installed.empty());
}

// RFC 8247 4: by SHA-1 under the profile that takes it, and no other; and the log says why.
TEST(Certificates, AuthBySha1) {
  for (config::Profile profile : {config::Profile::kDefault, config::Profile::kCnsa1, config::Profile::kWindows, config::Profile::kLegacy}) {
    for (AuthMethod method : {AuthMethod::kRsa, AuthMethod::kDigitalSignature}) {
      SCOPED_TRACE(std::string(config::Name(profile)) + ", " + Name(method));
      Certified c(KeyKind::kRsa, KeyKind::kRsa);
      config::Connection& connection = c.p.ConnectionOf(c.p.b);
      connection.profile = profile;
      connection.proposals = {*config::ParseIkeProposal("aes256gcm16-prfsha384-ecp384", profile)};
      connection.children[0].esp_proposals = {*config::ParseEspProposal("aes256gcm16", false, profile)};
      for (auto* rounds : {&connection.local, &connection.remote}) (*rounds)[0].rules.sha1 = config::Sha1In(profile);
      c.p.b.Start();
      RawPeer raw({c.p.clock, c.p.network, c.p.b}, c.p.a.address);
      raw.Use(connection.proposals[0]);
      RawPeer::Init init;
      const Bytes hashes = {0, 1};
      if (method == AuthMethod::kDigitalSignature) {
        init.more = {NotifyPayload{.protocol = {}, .type = NotifyType::kSignatureHashAlgorithms, .spi = {}, .data = hashes}};
      }
      ASSERT_TRUE(raw.Handshake(init));
      const SigningChoice how{method, {KeyKind::kRsa, HashAlgorithm::kSha1}};
      PayloadList list;
      list.Add(CertPayload{4, list.Keep(c.a.der())});
      list.Add(AuthPayload{method, list.Keep(*SignAuth(how, c.a.pair(), raw.SignedOctets()))});
      PayloadList rest = raw.AuthRequest({RawPeer::Part::kAuth, RawPeer::Part::kSa});
      for (const Payload& p : rest.view()) list.Add(p);
      list.Add(OfferEsp(connection.children[0].esp_proposals, IpsecProtocol::kEsp, 0x1000, false));
      auto answers = raw.Ask(raw.Seal(ExchangeType::kIkeAuth, 1, list));
      const bool takes = profile == config::Profile::kLegacy ||
                         (profile == config::Profile::kWindows && method == AuthMethod::kRsa);
      EXPECT_EQ(c.p.b.Established().size(), takes ? 1u : 0u);
      EXPECT_EQ(c.p.b.Logged("; by RSA with SHA-1 of CN=a"), takes);
      // With SHA-1 alone on its list we have nothing to answer with, and that is what the log says.
      EXPECT_EQ(c.p.b.Logged("by SHA-1, which only profile legacy takes"), !takes && method == AuthMethod::kRsa);
      EXPECT_EQ(c.p.b.Logged("leave no way to sign with RSA"), !takes && method == AuthMethod::kDigitalSignature);
      ASSERT_EQ(answers.size(), 1u);
      EXPECT_EQ(raw.NotifyIn(answers[0]) == NotifyType::kAuthenticationFailed, !takes);
    }
  }
}

// Two of ours, one of which signs by nothing else.
TEST(Certificates, SignsBySha1ForOneThatSaysItTakesIt) {
  for (bool legacy : {false, true}) {
    for (bool responder : {false, true}) {
      SCOPED_TRACE(std::string(legacy ? "legacy " : "default ") + (responder ? "responder" : "initiator"));
      Certified c(KeyKind::kRsa, KeyKind::kRsa);
      SimPeer& signer = responder ? c.p.b : c.p.a;
      SimPeer& verifier = responder ? c.p.a : c.p.b;
      c.local(signer).rules = *config::ParsePubkeyRules("ike:rsa-sha1");
      c.local(signer).rules.sha1 = config::Sha1Use::kAnywhere;
      if (legacy) c.remote(verifier).rules.sha1 = config::Sha1Use::kAnywhere;
      EXPECT_EQ(c.Outcome() == "ok", legacy);
      EXPECT_EQ(verifier.Logged("; by RSA with SHA-1 of"), legacy);
      EXPECT_EQ(signer.Logged("leave no way to sign with RSA"), !legacy);
    }
  }
}

// B37: what CERTREQ may be, up to what is kept.
TEST(Certificates, CertificateRequestsOfAnySize) {
  for (size_t octets : {0, 1, 19, 20, 21, 20 * 300, 20 * 1000}) {
    const Bytes hashes(octets, 7);
    const Payload request = CertReqPayload{4, hashes};
    DatagramIn datagram;
    CertRequest read = CertRequestIn(Inbound{datagram, {}, {&request, 1}});
    EXPECT_EQ(read.asked, octets % 20 == 0) << octets;
    EXPECT_EQ(read.authorities.size(), octets % 20 ? 0 : std::min(octets / 20, kMaxCertRequests)) << octets;
  }
}

TEST(Certificates, HashesOfThePeerAreObeyed) {
  // RFC 7427 4: without the list in IKE_SA_INIT the old methods; nothing at all is possible for the Edwards curves.
  for (KeyKind kind : {KeyKind::kRsa, KeyKind::kEcdsa384, KeyKind::kEd25519}) {
    Certified c(kind);
    RawPeer raw({c.p.clock, c.p.network, c.p.b}, c.p.a.address);
    c.remote(c.p.b).kind = config::AuthKind::kPsk;
    TestCertificate own = Make({.subject = "CN=b", .key = kind, .alt_name = "DNS:b.example.org"}, &c.root);
    c.p.b.credentials = Holding({&own}, {&c.root});
    c.p.b.Start();
    ASSERT_TRUE(raw.Handshake());
    auto answers = raw.Ask(raw.Seal(ExchangeType::kIkeAuth, 1, raw.AuthRequest()));
    ASSERT_EQ(answers.size(), 1u);
    auto payloads = raw.Open(answers[0]);
    auto* auth = FindPayload(payloads, PayloadType::kAuth);
    if (kind == KeyKind::kEd25519) {
      EXPECT_EQ(raw.NotifyIn(answers[0]), NotifyType::kAuthenticationFailed);
    } else {
      ASSERT_TRUE(auth);
      EXPECT_EQ(std::get<AuthPayload>(*auth).method, kind == KeyKind::kRsa ? AuthMethod::kRsa : AuthMethod::kEcdsa384);
    }
  }
}

}  // namespace
}  // namespace culvert::ike
