#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/hmac.h>

#include "common/bytes/hex.h"
#include "control/ike/wire/header.h"
#include "tests/support/certified_peers.h"
#include "tests/support/meddler.h"
#include "tests/support/raw_peer.h"

// Post-quantum pre-shared keys (RFC 8784): who uses one with whom, what becomes of the keys, and what a peer may do wrong.
namespace culvert::ike {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

constexpr std::string_view kKey = "a post-quantum key of two hundred and fifty-six bits";

void AddPpk(SimPeer& peer, const std::string& id, std::string_view key = kKey) {
  config::Secret s;
  s.name = "ppk-" + id;
  s.kind = config::Secret::Kind::kPpk;
  s.data = SecretBytes(AsBytes(key));
  s.owners = {id};
  peer.control.secrets.push_back(std::move(s));
}

// How one side has it. Without `id` its connection names none; `knows` is what `secrets` holds.
struct Side {
  const char* id = "";
  bool required = false;
  const char* knows = "";
  std::string_view key = kKey;
};

void Configure(TwoPeers& p, SimPeer& peer, const Side& side) {
  p.ConnectionOf(peer).ppk_id = side.id;
  p.ConnectionOf(peer).ppk_required = side.required;
  if (*side.knows) AddPpk(peer, side.knows, side.key);
}

void ConfigureBoth(TwoPeers& p, bool required = false, const char* id = "k1") {
  p.ForBoth([&](SimPeer& peer) { Configure(p, peer, {id, required, id}); });
}

bool HavePpk(const TwoPeers& p) {
  const auto a = p.a.Established(), b = p.b.Established();
  EXPECT_EQ(a.size(), 1u);
  EXPECT_EQ(b.size(), 1u);
  if (a.empty() || b.empty()) return false;
  EXPECT_EQ(a[0].ppk, b[0].ppk);
  return a[0].ppk;
}

// ---- RFC 8784 3: the decisions of either side ----

enum class Ends : uint8_t { kWith, kWithout, kRefused };
struct Decision {
  const char* about;
  Side a, b;
  Ends ends;
  const char *a_says, *b_says;   // in the log; "" is anything
};

constexpr std::string_view kOther = "another post-quantum key of as many bits, which nobody has";

const Decision kDecisions[] = {
    {"neither has any", {}, {}, Ends::kWithout, "", ""},
    {"a has none, b does not insist", {}, {"k1", false, "k1"}, Ends::kWithout, "", "the peer does not use it"},
    {"a has none, b insists", {}, {"k1", true, "k1"}, Ends::kRefused, "AUTHENTICATION_FAILED", "gw requires a post-quantum key"},
    {"a has none, b insists on any", {}, {"", true, "k1"}, Ends::kRefused, "", "gw requires a post-quantum key"},
    {"b has none, a does not insist", {"k1", false, "k1"}, {}, Ends::kWithout, "the peer does not use it", ""},
    {"b has none, a insists", {"k1", true, "k1"}, {}, Ends::kRefused, "no USE_PPK", ""},
    {"b has none and insists", {"k1", false, "k1"}, {"", true, ""}, Ends::kRefused, "", "gw requires a post-quantum key"},
    {"a lacks its key", {"k1", false, ""}, {"k1", false, "k1"}, Ends::kWithout, "no post-quantum key k1: calling without", ""},
    {"a lacks its key and insists", {"k1", true, ""}, {"k1", false, "k1"}, Ends::kRefused, "there is no post-quantum key k1", ""},
    {"a insists and names none", {"", true, "k1"}, {"k1", false, "k1"}, Ends::kRefused, "no ppk_id", ""},
    {"both have it", {"k1", false, "k1"}, {"k1", false, "k1"}, Ends::kWith, "with the post-quantum key k1", "with the post-quantum key k1"},
    {"a insists", {"k1", true, "k1"}, {"k1", false, "k1"}, Ends::kWith, "", ""},
    {"b insists", {"k1", false, "k1"}, {"k1", true, "k1"}, Ends::kWith, "", ""},
    {"both insist", {"k1", true, "k1"}, {"k1", true, "k1"}, Ends::kWith, "", ""},
    {"b takes any that it knows", {"k1", true, "k1"}, {"", true, "k1"}, Ends::kWith, "", ""},
    {"opaque on both sides", {"opaque:k1", true, "opaque:k1"}, {"opaque:k1", true, "opaque:k1"}, Ends::kWith,
     "with the post-quantum key opaque:k1", ""},
    {"opaque on one", {"opaque:k1", true, "opaque:k1"}, {"", false, "k1"}, Ends::kRefused, "", "knows no post-quantum key opaque:k1"},
    {"b knows another", {"k1", false, "k1"}, {"", false, "k2"}, Ends::kWithout, "the peer does not use it", "none of that name here"},
    {"b knows another and insists", {"k1", false, "k1"}, {"", true, "k2"}, Ends::kRefused, "AUTHENTICATION_FAILED",
     "gw requires a post-quantum key, and not k1"},
    {"b knows another, a insists", {"k1", true, "k1"}, {"", false, "k2"}, Ends::kRefused, "AUTHENTICATION_FAILED",
     "knows no post-quantum key k1"},
    {"b knows it, and wants another of this peer", {"k1", true, "k1"}, {"k2", false, "k1"}, Ends::kRefused, "",
     "gw wants the post-quantum key k2"},
    {"the same, and a does not insist", {"k1", false, "k1"}, {"k2", false, "k1"}, Ends::kWithout, "", ""},
    {"the same name, another key", {"k1", false, "k1"}, {"k1", false, "k1", kOther}, Ends::kRefused, "the post-quantum key may differ",
     "the post-quantum key may differ"},
    {"the same, and both insist", {"k1", true, "k1"}, {"k1", true, "k1", kOther}, Ends::kRefused, "the post-quantum key may differ",
     "the post-quantum key may differ"},
};

void Decide(const Decision& d, Certified& c) {
  TwoPeers& p = c.p;
  Configure(p, p.a, d.a);
  Configure(p, p.b, d.b);
  const std::string outcome = c.Outcome();
  EXPECT_EQ(outcome == "ok", d.ends != Ends::kRefused) << outcome;
  EXPECT_TRUE(*d.a_says == 0 || p.a.Logged(d.a_says)) << testing::PrintToString(p.a.log);
  EXPECT_TRUE(*d.b_says == 0 || p.b.Logged(d.b_says)) << testing::PrintToString(p.b.log);
  if (d.ends == Ends::kRefused) return c.ExpectNothingLeft();
  EXPECT_EQ(HavePpk(p), d.ends == Ends::kWith);
  EXPECT_EQ(p.Disagreement(), "");
  EXPECT_TRUE(p.CarriesBothWays());
  // One that was wished for and not used is counted by whoever wished.
  const bool fell_back = d.ends == Ends::kWithout;
  EXPECT_LE(p.a.Counted(Count::kPpkNotUsed), *d.a.id && *d.a.knows && fell_back ? 1u : 0u);
  EXPECT_EQ(p.a.Counted(Count::kPpkNotUsed) > 0, p.a.Logged("not with the post-quantum key"));
  EXPECT_EQ(p.b.Counted(Count::kPpkNotUsed) > 0, p.b.Logged("not with the post-quantum key"));
}

TEST(Ppk, EitherSideDecidesAsItsRulesSay) {
  for (const Decision& d : kDecisions) {
    for (bool a_signs : {false, true}) {
      for (bool b_signs : {false, true}) {
        SCOPED_TRACE(std::string(d.about) + (a_signs ? ", a signs" : ", a's secret") + (b_signs ? ", b signs" : ", b's secret"));
        Certified c(KeyKind::kEd25519, KeyKind::kEd25519);
        using enum config::AuthKind;
        c.local(c.p.a).kind = c.remote(c.p.b).kind = a_signs ? kPubkey : kPsk;
        c.local(c.p.b).kind = c.remote(c.p.a).kind = b_signs ? kPubkey : kPsk;
        Decide(d, c);
      }
    }
  }
}

// The signatures of NO_PPK_AUTH are of the kind AUTH is.
TEST(Ppk, FallsBackWithEveryKindOfKey) {
  for (KeyKind kind : {KeyKind::kRsa, KeyKind::kEcdsa256, KeyKind::kEcdsa384, KeyKind::kEcdsa521, KeyKind::kEd448}) {
    SCOPED_TRACE(Name(kind));
    Certified c(kind, kind);
    Configure(c.p, c.p.a, {"k1", false, "k1"});
    Configure(c.p, c.p.b, {"", false, "k2"});
    EXPECT_EQ(c.Outcome(), "ok");
    EXPECT_FALSE(HavePpk(c.p));
  }
}

TEST(Ppk, OfSeveralConnectionsTheOneThatThePeersKeyIsFor) {
  TwoPeers p;
  Configure(p, p.a, {"k2", false, "k2"});
  AddPpk(p.b, "k1");
  AddPpk(p.b, "k2");
  auto& all = p.b.control.connections;
  for (const char* id : {"k1", "", "k2"}) {
    all.push_back(all.front());
    all.back().name = std::string("of-") + id;
    all.back().ppk_id = id;
  }
  all.front().name = "first";
  all.front().ppk_id = "k1";
  p.Establish();
  EXPECT_TRUE(HavePpk(p));
  EXPECT_EQ(p.b.Established()[0].connection, "of-");   // no ppk_id: any key
}

// ---- what descends from it ----

TEST(Ppk, RekeyingTakesItAlongAndNeedsItNoMore) {
  for (const char* methods : {"x25519", "x25519-ke1_ecp256-ke2_mlkem512"}) {
    SCOPED_TRACE(methods);
    TwoPeers p;
    ConfigureBoth(p, true);
    p.ForBoth([&](SimPeer& peer) {
      p.ConnectionOf(peer).proposals = {*config::ParseIkeProposal(std::string("aes128gcm16-prfsha256-") + methods)};
    });
    p.Establish();
    EXPECT_TRUE(HavePpk(p));
    // RFC 8784 3: not used again; not even here any more.
    p.ForBoth([](SimPeer& peer) {
      peer.control.secrets.pop_back();
      peer.Post(ConfigChanged{});
    });
    for (SimPeer* peer : {&p.a, &p.b}) {
      peer->RekeyIke("gw");
      p.RunFor(10s);
      peer->RekeyChildren("net");
      p.RunFor(10s);
    }
    EXPECT_TRUE(HavePpk(p));
    EXPECT_EQ(p.Disagreement(), "");
    EXPECT_TRUE(p.CarriesBothWays());
    EXPECT_EQ(p.a.Counted(Count::kRetransmitted) + p.b.Counted(Count::kRetransmitted), 0u);
  }
}

TEST(Ppk, ReauthenticationUsesItAgain) {
  TwoPeers p;
  ConfigureBoth(p, true);
  p.ConnectionOf(p.a).reauth_time = 100s;
  p.ConnectionOf(p.a).rand_time = 10s;
  p.Establish();
  const IkeId before = p.a.Established()[0].id;
  p.WatchTraffic();
  p.RunFor(105s);
  EXPECT_EQ(p.lost, 0u) << p.first_loss;
  EXPECT_NE(p.a.Established()[0].id, before);
  EXPECT_TRUE(HavePpk(p));
  EXPECT_EQ(std::ranges::count_if(p.b.log, [](const std::string& l) { return l.contains("with the post-quantum key k1"); }), 2);
}

TEST(Ppk, WithOrWithoutItWhateverHappensToOneMessage) {
  Certified model;
  for (bool known : {true, false}) {
    auto prepare = [&](TwoPeers& p) {
      p.a.credentials = model.p.a.credentials;
      p.b.credentials = model.p.b.credentials;
      Configure(p, p.a, {"k1", false, "k1"});
      Configure(p, p.b, {"", false, known ? "k1" : "k2"});
      p.ForBoth([&](SimPeer& peer) {
        peer.job_delay = 3ms;
        peer.control.settings.fragment_size_v4 = 576;
        p.ConnectionOf(peer).local[0].kind = p.ConnectionOf(peer).remote[0].kind = config::AuthKind::kPubkey;
        p.ConnectionOf(peer).proposals = {*config::ParseIkeProposal("aes128gcm16-prfsha256-x25519-ke1_ecp256")};
      });
      p.Start();
    };
    TellWithEveryDisturbance({.prepare = prepare, .story = [](TwoPeers& p) { p.a.Up("net"); }, .check = [known](TwoPeers& p) {
                                EXPECT_EQ(p.Disagreement(), "");
                                EXPECT_TRUE(p.CarriesBothWays());
                                EXPECT_EQ(HavePpk(p), known);
                              }});
  }
}

TEST(Ppk, UsePpkComesAgainWithTheCookie) {
  TwoPeers p;
  ConfigureBoth(p, true);
  p.b.control.settings.dos.cookie_threshold = 0;
  p.b.control.settings.dos.cookie_threshold_ip = 0;
  p.Establish();
  EXPECT_GE(p.a.Counted(Count::kCookieReceived), 1u);
  EXPECT_TRUE(HavePpk(p));
}

// As Establish.AForgedFirstAnswerDoesNotWin: one who says USE_PPK, and one who does not, in either order; b alone has the keys.
TEST(Ppk, AForgedFirstAnswerDoesNotWin) {
  for (bool forger_says_it : {true, false}) {
    for (bool b_says_it : {true, false}) {
      SCOPED_TRACE(std::string(forger_says_it ? "the forger, " : "not the forger, ") + (b_says_it ? "b" : "not b"));
      TwoPeers p, elsewhere(2);
      Configure(p, p.a, {"k1", false, "k1"});
      if (b_says_it) AddPpk(p.b, "k1");
      SimPeer& evil = elsewhere.b;
      evil.control.secrets[0].data = SecretBytes(AsBytes("what the attacker made up for it"));
      if (forger_says_it) AddPpk(evil, "k1", kOther);
      AnswerBeforeB(p, elsewhere, true);
      p.a.job_delay = 8ms;
      p.Start();
      RequestId r = p.a.Up("net");
      p.RunFor(40s);
      ASSERT_TRUE(p.a.replies.contains(r));
      EXPECT_TRUE(p.a.replies[r].ok) << p.a.replies[r].error;
      EXPECT_GE(p.a.Counted(Count::kRivalAnswer), 1u);
      EXPECT_EQ(p.Disagreement(), "");
      EXPECT_EQ(HavePpk(p), b_says_it);
    }
  }
}

// ---- a responder that keeps no rule ----

class HostileResponder : public testing::Test {
 protected:
  // What `a` is told.
  std::string Call(bool required) {
    ConfigureBoth(p_, required);
    p_.Start();
    Meddler meddler(p_);
    arrange_(meddler);
    RequestId r = p_.a.Up("net");
    p_.RunFor(70s);
    if (!p_.a.replies.contains(r)) return "never answered";
    return p_.a.replies[r].ok ? "ok" : p_.a.replies[r].error;
  }
  void ExpectNothingLeft() {
    p_.RunFor(120s);
    p_.ForBoth([](SimPeer& peer) {
      EXPECT_TRUE(peer.core->List().empty()) << peer.name;
      EXPECT_TRUE(peer.installed.empty()) << peer.name;
    });
  }

  TwoPeers p_;
  std::function<void(Meddler&)> arrange_;
};

TEST_F(HostileResponder, DoesNotSayThatItUsesTheKeyThatIsRequired) {
  arrange_ = [](Meddler& m) {
    m.InAnswers(ExchangeType::kIkeAuth, [](auto& payloads) { Meddler::Drop(payloads, NotifyType::kPpkIdentity); });
  };
  EXPECT_THAT(Call(true), HasSubstr("the peer does not use the post-quantum key, which is required"));
  // RFC 8784 3: told by AUTHENTICATION_FAILED in an INFORMATIONAL exchange.
  EXPECT_TRUE(p_.b.Logged("INFORMATIONAL: the peer reports AUTHENTICATION_FAILED"));
  ExpectNothingLeft();
}

TEST_F(HostileResponder, DoesNotSayThatItUsesTheKeyAndDoes) {
  arrange_ = [](Meddler& m) {
    m.InAnswers(ExchangeType::kIkeAuth, [](auto& payloads) { Meddler::Drop(payloads, NotifyType::kPpkIdentity); });
  };
  EXPECT_THAT(Call(false), HasSubstr("AUTH of b.example.org is wrong"));
  ExpectNothingLeft();
}

TEST_F(HostileResponder, SaysThatItUsesAKeyItDoesNotUse) {
  arrange_ = [](Meddler& m) {
    // b is told another name, and so goes by NO_PPK_AUTH.
    static const Bytes kStrange = {2, 'k', '9'};
    m.InRequests(ExchangeType::kIkeAuth, [](auto& payloads) {
      Meddler::Drop(payloads, NotifyType::kPpkIdentity);
      payloads.push_back(Meddler::Notify(NotifyType::kPpkIdentity, kStrange));
    });
    m.InAnswers(ExchangeType::kIkeAuth, [](auto& payloads) { payloads.push_back(Meddler::Notify(NotifyType::kPpkIdentity)); });
  };
  EXPECT_THAT(Call(false), HasSubstr("AUTH of b.example.org is wrong"));
  EXPECT_TRUE(p_.a.Logged("the post-quantum key may differ"));
  ExpectNothingLeft();
}

TEST_F(HostileResponder, WhatItsPpkIdentityHoldsDoesNotCount) {
  arrange_ = [](Meddler& m) {
    static const Bytes kNoise(3000, 0xee);
    m.InAnswers(ExchangeType::kIkeAuth, [](auto& payloads) {
      Meddler::Drop(payloads, NotifyType::kPpkIdentity);
      for (int i = 0; i < 3; ++i) payloads.push_back(Meddler::Notify(NotifyType::kPpkIdentity, kNoise));
      payloads.push_back(Meddler::Notify(NotifyType::kNoPpkAuth, kNoise));
    });
  };
  EXPECT_EQ(Call(true), "ok");
  EXPECT_TRUE(HavePpk(p_));
}

// A downgrade: USE_PPK is taken out on the way. AUTH covers both messages, so it ends there.
TEST_F(HostileResponder, SomebodyOnThePathTakesUsePpkOut) {
  for (bool request : {true, false}) {
    TwoPeers p;
    ConfigureBoth(p);
    p.Start();
    Meddler m(p);
    auto drop = [](auto& payloads) { Meddler::Drop(payloads, NotifyType::kUsePpk); };
    if (request) m.InRequests(ExchangeType::kIkeSaInit, drop);
    else m.InAnswers(ExchangeType::kIkeSaInit, drop);
    RequestId r = p.a.Up("net");
    p.RunFor(70s);
    ASSERT_TRUE(p.a.replies.contains(r));
    EXPECT_FALSE(p.a.replies[r].ok);
    EXPECT_TRUE(p.a.installed.empty() && p.b.installed.empty());
  }
}

// Nobody asked: a notify of no meaning.
TEST_F(HostileResponder, UnsolicitedUsePpkChangesNothingForTheInitiator) {
  AddPpk(p_.b, "k1");
  p_.Start();
  Meddler m(p_);
  m.InAnswers(ExchangeType::kIkeSaInit, [](auto& payloads) { payloads.push_back(Meddler::Notify(NotifyType::kUsePpk)); });
  bool named = false;
  m.InRequests(ExchangeType::kIkeAuth, [&](auto& payloads) {
    named |= FindNotify(payloads, NotifyType::kPpkIdentity) || FindNotify(payloads, NotifyType::kNoPpkAuth);
  });
  RequestId r = p_.a.Up("net");
  p_.RunFor(10s);
  EXPECT_FALSE(named);
  ASSERT_TRUE(p_.a.replies.contains(r));
  // It went on with IKE_AUTH as ever; that the answer was changed on the way is what AUTH then shows.
  EXPECT_THAT(p_.a.replies[r].error, HasSubstr("AUTH of b.example.org is wrong: another pre-shared key"));
  EXPECT_FALSE(p_.a.Logged("the post-quantum key may differ"));
}

// ---- an initiator that keeps no rule; its keys are made here, by OpenSSL's HMAC alone ----

Bytes Hmac(ByteView key, ByteView data) {
  Bytes out(32);
  unsigned length = 0;
  EXPECT_TRUE(HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), data.data(), data.size(), out.data(), &length));
  return out;
}

// RFC 8784 3: prf+ of one block is prf(PPK, SK | 0x01).
SecretBytes Mixed(const SecretBytes& key) {
  Bytes data = ToBytes(key.view());
  data.push_back(1);
  return SecretBytes(Hmac(AsBytes(kKey), data));
}

class HostileInitiator : public testing::Test {
 protected:
  HostileInitiator() : b_(p_.b), raw_({p_.clock, p_.network, p_.b}, p_.a.address) {}

  bool Begin(bool knows, bool required, bool says = true, ByteView use_ppk = {}) {
    Configure(p_, b_, {"", required, knows ? "k1" : ""});
    b_.Start();
    return Again(says, use_ppk);
  }
  bool Again(bool says = true, ByteView use_ppk = {}) {
    RawPeer::Init init;
    init.spi_i += n_++;
    if (says) init.more = {Meddler::Notify(NotifyType::kUsePpk, use_ppk)};
    if (!raw_.Handshake(init)) return false;
    plain_auth_ = raw_.OwnAuth();
    return true;
  }
  void Mix() {
    raw_.keys.sk_d = Mixed(raw_.keys.sk_d);
    raw_.keys.sk_pi = Mixed(raw_.keys.sk_pi);
    raw_.keys.sk_pr = Mixed(raw_.keys.sk_pr);
  }
  // IKE_AUTH by the keys there are, with these notifies; the answer's payloads.
  std::vector<Payload> Auth(const std::vector<std::pair<NotifyType, Bytes>>& notifies) {
    PayloadList list = raw_.AuthRequest();
    for (const auto& [type, data] : notifies) list.AddNotify(type, data);
    auto answers = raw_.Ask(raw_.Seal(ExchangeType::kIkeAuth, 1, list));
    EXPECT_EQ(answers.size(), 1u);
    return answers.empty() ? std::vector<Payload>{} : raw_.Open(answers[0]);
  }
  void ExpectRefused(const std::vector<Payload>& answer) {
    ASSERT_EQ(answer.size(), 1u);
    EXPECT_TRUE(FindNotify(answer, NotifyType::kAuthenticationFailed));
    EXPECT_TRUE(b_.core->List().empty());
    EXPECT_TRUE(b_.installed.empty());
    EXPECT_TRUE(b_.spis.drawn.empty());
  }
  void ExpectUp(const std::vector<Payload>& answer, bool with) {
    auto* auth = FindPayload(answer, PayloadType::kAuth);
    ASSERT_TRUE(auth);
    EXPECT_EQ(ToHex(std::get<AuthPayload>(*auth).data), ToHex(raw_.TargetsAuth("b.example.org")));
    auto* said = FindNotify(answer, NotifyType::kPpkIdentity);
    EXPECT_EQ(said != nullptr, with);
    if (said) {
      EXPECT_TRUE(said->data.empty() && said->spi.empty() && said->protocol == IpsecProtocol{});
    }
    EXPECT_FALSE(FindNotify(answer, NotifyType::kNoPpkAuth));
    ASSERT_EQ(b_.Established().size(), 1u);
    EXPECT_EQ(b_.Established()[0].ppk, with);
    ASSERT_EQ(b_.installed.size(), 2u);
    // RFC 7296 2.17 from SK_d: the keys of the first child, from initiator to responder.
    Bytes seed = ToBytes(raw_.nonce_i());
    Append(seed, raw_.nonce_r());
    seed.push_back(1);
    const Bytes keymat = Hmac(raw_.keys.sk_d.view(), seed);
    for (const auto& [half, sa] : b_.installed) {
      if (!half.second) continue;
      EXPECT_EQ(ToHex(sa.what.sa.encr_key.view()), ToHex(ByteView(keymat).first(20)));
    }
  }

  const Bytes kId = {2, 'k', '1'}, kUnknown = {2, 'k', '9'};
  TwoPeers p_;
  SimPeer& b_;
  RawPeer raw_;
  Bytes plain_auth_;
  uint64_t n_ = 0;
};

TEST_F(HostileInitiator, TheKeysAreThoseOfAnotherImplementation) {
  ASSERT_TRUE(Begin(true, true));
  Mix();
  ExpectUp(Auth({{NotifyType::kPpkIdentity, kId}}), true);
}

TEST_F(HostileInitiator, UsePpkWithThingsInItIsUsePpk) {
  ASSERT_TRUE(Begin(true, true, true, Bytes(100, 7)));
  Mix();
  ExpectUp(Auth({{NotifyType::kPpkIdentity, kId}, {NotifyType::kNoPpkAuth, plain_auth_}}), true);
}

TEST_F(HostileInitiator, AnUnknownKeyByNoPpkAuth) {
  ASSERT_TRUE(Begin(true, false));
  IkeKeys plain;
  for (auto key : {&IkeKeys::sk_d, &IkeKeys::sk_pr}) plain.*key = (raw_.keys.*key).Clone();
  Mix();
  auto answer = Auth({{NotifyType::kPpkIdentity, kUnknown}, {NotifyType::kNoPpkAuth, plain_auth_}});
  for (auto key : {&IkeKeys::sk_d, &IkeKeys::sk_pr}) raw_.keys.*key = (plain.*key).Clone();
  ExpectUp(answer, false);
  EXPECT_EQ(b_.Counted(Count::kPpkNotUsed), 1u);
}

TEST_F(HostileInitiator, UsePpkUnsolicitedIsNothingToOneWithoutAny) {
  ASSERT_TRUE(Begin(false, false));
  ExpectUp(Auth({{NotifyType::kPpkIdentity, kId}, {NotifyType::kNoPpkAuth, Bytes(5)}}), false);
}

TEST_F(HostileInitiator, PpkIdentityWithoutUsePpkIsNothing) {
  ASSERT_TRUE(Begin(true, false, false));
  ExpectUp(Auth({{NotifyType::kPpkIdentity, kId}, {NotifyType::kPpkIdentity, {}}, {NotifyType::kNoPpkAuth, Bytes(5)}}), false);
}

TEST_F(HostileInitiator, WhatIsRefused) {
  ASSERT_TRUE(Begin(true, false));
  struct Row {
    const char* about;
    bool mixed;
    std::vector<std::pair<NotifyType, Bytes>> notifies;
    const char* why;
  };
  using enum NotifyType;
  const Bytes junk(32, 1), none;
  auto plain = [this] { return plain_auth_; };
  auto rows = [&] {
    return std::vector<Row>{
        {"no PPK_IDENTITY", false, {}, "sends not one PPK_IDENTITY that holds one"},
        {"no PPK_IDENTITY, but NO_PPK_AUTH", false, {{kNoPpkAuth, plain()}}, "sends not one PPK_IDENTITY"},
        {"empty", true, {{kPpkIdentity, none}, {kNoPpkAuth, plain()}}, "sends not one PPK_IDENTITY"},
        {"of no type", true, {{kPpkIdentity, {0, 'k', '1'}}, {kNoPpkAuth, plain()}}, "sends not one PPK_IDENTITY"},
        {"of an unknown type", true, {{kPpkIdentity, {3, 'k', '1'}}, {kNoPpkAuth, plain()}}, "sends not one PPK_IDENTITY"},
        {"a type alone", true, {{kPpkIdentity, {2}}, {kNoPpkAuth, plain()}}, "sends not one PPK_IDENTITY"},
        {"two of them", true, {{kPpkIdentity, kId}, {kPpkIdentity, kId}, {kNoPpkAuth, plain()}}, "sends not one PPK_IDENTITY"},
        {"of another type", true, {{kPpkIdentity, {1, 'k', '1'}}}, "knows no post-quantum key opaque:k1"},
        {"in another case", true, {{kPpkIdentity, {2, 'K', '1'}}}, "knows no post-quantum key K1"},
        {"unknown, long and unreadable", true, {{kPpkIdentity, Bytes(2000, 2)}}, "knows no post-quantum key @#0202"},
        {"unknown, no NO_PPK_AUTH", true, {{kPpkIdentity, kUnknown}}, "knows no post-quantum key k9"},
        {"unknown, NO_PPK_AUTH is wrong", true, {{kPpkIdentity, kUnknown}, {kNoPpkAuth, junk}}, "is wrong: another pre-shared key"},
        {"unknown, NO_PPK_AUTH is empty", true, {{kPpkIdentity, kUnknown}, {kNoPpkAuth, none}}, "is wrong: another pre-shared key"},
        {"unknown, NO_PPK_AUTH twice", true, {{kPpkIdentity, kUnknown}, {kNoPpkAuth, plain()}, {kNoPpkAuth, plain()}}, "knows no"},
        {"known, and AUTH without it", false, {{kPpkIdentity, kId}}, "the post-quantum key may differ"},
        // RFC 8784 3, table 1: a key that is known is used, whatever NO_PPK_AUTH would allow.
        {"known, and only NO_PPK_AUTH is right", false, {{kPpkIdentity, kId}, {kNoPpkAuth, plain()}}, "the post-quantum key may differ"},
    };
  };
  for (size_t i = 0; i < rows().size(); ++i) {
    ASSERT_TRUE(i == 0 || Again());
    const Row row = rows()[i];
    SCOPED_TRACE(row.about);
    b_.log.clear();
    if (row.mixed) Mix();
    ExpectRefused(Auth(row.notifies));
    EXPECT_TRUE(b_.Logged(row.why)) << testing::PrintToString(b_.log);
    p_.RunFor(40s);
  }
  EXPECT_EQ(b_.Counted(Count::kAuthenticationFailed), rows().size());
}

// B54: an unknown name and a known one with another key look the same, a thousand times, and nothing is left of them.
TEST_F(HostileInitiator, TriesByTheThousandTellNothing) {
  ASSERT_TRUE(Begin(true, true));
  for (int i = 0; i < 1000; ++i) {
    ASSERT_TRUE(i == 0 || Again());
    auto answer = Auth({{NotifyType::kPpkIdentity, i % 2 ? kId : kUnknown}});
    ASSERT_EQ(answer.size(), 1u) << i;
    ASSERT_TRUE(FindNotify(answer, NotifyType::kAuthenticationFailed)) << i;
    p_.RunFor(1s);
  }
  p_.RunFor(60s);
  EXPECT_TRUE(b_.core->List().empty());
  EXPECT_LE(b_.log.size(), 2100u);
  Again();
  Mix();
  ExpectUp(Auth({{NotifyType::kPpkIdentity, kId}}), true);
}

}  // namespace
}  // namespace culvert::ike
