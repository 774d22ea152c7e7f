#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/ike/negotiate/proposal.h"
#include "tests/support/raw_peer.h"
#include "tests/support/two_peers.h"

// Several key exchanges for one SA (RFC 9370): in IKE_INTERMEDIATE (RFC 9242) before IKE_AUTH, in IKE_FOLLOWUP_KE after
// CREATE_CHILD_SA; and what a peer may do wrong with them (B49).
namespace culvert::ike {
namespace {

using namespace std::chrono_literals;

void Configure(TwoPeers& p, const std::string& ike, const std::string& esp) {
  p.ForBoth([&](SimPeer& peer) {
    p.ConnectionOf(peer).proposals = {*config::ParseIkeProposal("aes128gcm16-prfsha256-" + ike)};
    for (auto& c : p.ConnectionOf(peer).children) c.esp_proposals = {*config::ParseEspProposal("aes128gcm16-" + esp, false)};
  });
}

constexpr const char* kThree = "x25519-ke1_x448-ke2_ecp384";

struct Methods {
  const char* name;
  const char* methods;
  size_t rounds;
};

class EveryMethod : public testing::TestWithParam<Methods> {};

TEST_P(EveryMethod, ComesUpAndRekeysEitherWay) {
  TwoPeers p;
  Configure(p, GetParam().methods, GetParam().methods);
  std::map<ExchangeType, size_t> seen;
  auto check = p.network.on_send;
  p.network.on_send = [&](const SimPacket& packet) {
    check(packet);
    auto h = DecodeHeader(packet.data);
    if (!h->response && packet.data.size() > 0) ++seen[h->exchange];
  };
  p.ForBoth([](SimPeer& peer) { peer.control.settings.fragment_size_v4 = 4000; });
  p.Establish();
  EXPECT_EQ(seen[ExchangeType::kIkeIntermediate], GetParam().rounds);
  p.a.RekeyIke("gw");
  p.RunFor(10s);
  EXPECT_EQ(seen[ExchangeType::kIkeFollowupKe], GetParam().rounds);
  p.b.RekeyIke("gw");
  p.RunFor(10s);
  p.b.RekeyChildren("net");
  p.RunFor(10s);
  p.a.RekeyChildren("net");
  p.RunFor(10s);
  EXPECT_EQ(seen[ExchangeType::kIkeFollowupKe], 4 * GetParam().rounds);
  EXPECT_EQ(p.Disagreement(), "");
  EXPECT_TRUE(p.CarriesBothWays());
  EXPECT_EQ(p.a.Counted(Count::kRetransmitted) + p.b.Counted(Count::kRetransmitted), 0u);
}

INSTANTIATE_TEST_SUITE_P(MultiKe, EveryMethod,
                         testing::Values(Methods{"None", "x25519", 0}, Methods{"Classical", kThree, 2},
                                         Methods{"MlKem512", "x25519-ke1_mlkem512", 1},
                                         Methods{"MlKem768", "x25519-ke1_mlkem768", 1},
                                         Methods{"MlKem1024", "ecp384-ke1_mlkem1024", 1},
                                         Methods{"MlKemFirst", "mlkem768-ke1_x25519", 1}, Methods{"MlKemAlone", "mlkem768", 0},
                                         Methods{"MlKem1024Alone", "mlkem1024", 0},
                                         Methods{"Gaps", "x25519-ke3_mlkem768-ke7_ecp256", 2},
                                         Methods{"Seven", "x25519-ke1_x448-ke2_ecp256-ke3_ecp384-ke4_ecp521-ke5_mlkem512-"
                                                          "ke6_mlkem768-ke7_mlkem1024", 7}),
                         [](const auto& i) { return i.param.name; });

TEST(MultiKe, InFragmentsAndWithEveryDisturbance) {
  TellWithEveryDisturbance({[](TwoPeers& p) {
                              Configure(p, "x25519-ke1_mlkem512-ke2_ecp256", "x25519-ke1_ecp256");
                              p.ForBoth([](SimPeer& peer) { peer.control.settings.fragment_size_v4 = 576; });
                              p.Start();
                            },
                            [](TwoPeers& p) {
                              p.a.Up("net");
                              p.RunFor(5s);
                              p.b.RekeyIke("gw");
                              p.RunFor(5s);
                              p.a.RekeyChildren("net");
                              p.RunFor(5s);
                            },
                            [](TwoPeers& p) {
                              EXPECT_EQ(p.Disagreement(), "");
                              EXPECT_TRUE(p.CarriesBothWays());
                            }});
}

// Both sides rekey at once, every way the messages may cross: one successor stays, and nothing is left of the other.
TEST(MultiKe, BothRekeyAtOnce) {
  for (bool ike : {false, true}) {
    for (uint64_t seed = 1; seed <= 40; ++seed) {
      SCOPED_TRACE((ike ? "IKE SA, seed " : "child, seed ") + std::to_string(seed));
      TwoPeers p(seed);
      Configure(p, kThree, kThree);
      p.Establish();
      SeededRandom random(seed);
      p.network.fate = MakeWeather({.drop = seed % 2 ? 0.0 : 0.1, .least = 1ms, .most = 60ms}, random);
      p.WatchTraffic("net", 4ms);
      auto rekey = [&](SimPeer& peer) { return ike ? peer.RekeyIke("gw") : peer.RekeyChildren("net"); };
      RequestId a = rekey(p.a);
      p.RunFor(std::chrono::milliseconds(random.Below(50)));
      RequestId b = rekey(p.b);
      p.RunFor(60s);
      p.StopTraffic();
      p.RunFor(100s);
      EXPECT_TRUE(p.a.replies.contains(a) && p.b.replies.contains(b));
      EXPECT_EQ(p.Disagreement(), "");
      EXPECT_EQ(p.lost, 0u) << p.first_loss;
    }
  }
}

TEST(MultiKe, WhatEitherSideDoesNotOfferIsNotAgreedOn) {
  struct {
    const char *a, *b;
    bool up;
  } rows[] = {{"x25519-ke1_mlkem768", "x25519", false},
              {"x25519", "x25519-ke1_mlkem768", false},
              {"x25519-ke1_mlkem768-ke1_none", "x25519", true},
              {"x25519", "x25519-ke1_mlkem768-ke1_none", true},
              {"x25519-ke1_mlkem768", "x25519-ke1_mlkem1024", false}};
  for (const auto& row : rows) {
    SCOPED_TRACE(std::string(row.a) + " and " + row.b);
    TwoPeers p;
    p.ConnectionOf(p.a).proposals = {*config::ParseIkeProposal(std::string("aes128gcm16-prfsha256-") + row.a)};
    p.ConnectionOf(p.b).proposals = {*config::ParseIkeProposal(std::string("aes128gcm16-prfsha256-") + row.b)};
    p.Start();
    RequestId r = p.a.Up("net");
    p.RunFor(5s);
    ASSERT_TRUE(p.a.replies.contains(r));
    EXPECT_EQ(p.a.replies[r].ok, row.up);
    EXPECT_EQ(p.b.Counted(Count::kNoProposalChosen), row.up ? 0u : 1u);
  }
}

// As Establish.AForgedFirstAnswerDoesNotWin: the one who answers first, with keys that work, is not the peer.
TEST(MultiKe, AForgedFirstAnswerDoesNotWin) {
  for (bool goes_on : {true, false}) {
    SCOPED_TRACE(goes_on ? "answers everything" : "answers IKE_SA_INIT alone");
    TwoPeers p, elsewhere(2);
    Configure(p, kThree, kThree);
    Configure(elsewhere, kThree, kThree);
    SimPeer& evil = elsewhere.b;   // at b's address, with another key
    evil.control.secrets[0].data = SecretBytes(AsBytes("what the attacker made up for it"));
    AnswerBeforeB(p, elsewhere, goes_on);
    p.a.job_delay = 8ms;
    p.Start();
    RequestId r = p.a.Up("net");
    p.RunFor(40s);
    ASSERT_TRUE(p.a.replies.contains(r));
    EXPECT_TRUE(p.a.replies[r].ok) << p.a.replies[r].error;
    EXPECT_GE(p.a.Counted(Count::kRivalAnswer), 1u);
    EXPECT_EQ(p.Disagreement(), "");
    EXPECT_TRUE(evil.Established().empty());
  }
}

// A peer that goes silent in the middle: what it began is given up, and the next attempt is not in its way.
TEST(MultiKe, ARequesterThatDoesNotGoOn) {
  TwoPeers p;
  Configure(p, kThree, kThree);
  p.Establish();
  bool mute = true;
  p.network.fate = [&](const SimPacket& packet) {
    return mute && DecodeHeader(packet.data)->exchange == ExchangeType::kIkeFollowupKe ? Fate{.arrivals = {}} : Fate{};
  };
  p.a.RekeyChildren("net");
  p.RunFor(40s);
  mute = false;
  p.RunFor(200s);
  EXPECT_EQ(p.Disagreement(), "");
}

// ---- a peer that keeps no rule ----

class HostileRounds : public testing::Test {
 protected:
  HostileRounds() : b_(p_.b), raw_({p_.clock, p_.network, p_.b}, p_.a.address) {}

  // IKE_SA_INIT that agrees on `methods`; those the raw peer has keys for beyond X25519 are none.
  bool Handshake(const std::string& methods, bool announce = true) {
    Configure(p_, methods, "x25519");
    b_.Start();
    RawPeer::Init init;
    init.offer = OfferIke(p_.ConnectionOf(b_).proposals, {});
    if (announce) {
      init.more = {NotifyPayload{.protocol = {}, .type = NotifyType::kIntermediateExchangeSupported, .spi = {}, .data = {}}};
    }
    return raw_.Handshake(init);
  }
  NotifyType Answer(ExchangeType exchange, uint32_t id, const PayloadList& list) {
    auto answers = raw_.Ask(raw_.Seal(exchange, id, list));
    return answers.size() == 1 ? raw_.NotifyIn(answers[0]) : NotifyType{};
  }
  static PayloadList Ke(KeGroup group, size_t size) {
    PayloadList list;
    list.Add(KePayload{group, list.Keep(Bytes(size, 9))});
    return list;
  }
  void ExpectEnded() {
    EXPECT_TRUE(b_.Established().empty());
    EXPECT_TRUE(b_.installed.empty());
    EXPECT_TRUE(raw_.Ask(raw_.Seal(ExchangeType::kIkeAuth, 2, raw_.AuthRequest())).empty());
  }

  TwoPeers p_;
  SimPeer& b_;
  RawPeer raw_;
};

TEST_F(HostileRounds, NotWithoutTheExchangeAnnounced) { EXPECT_FALSE(Handshake("x25519-ke1_ecp256", false)); }

TEST_F(HostileRounds, IkeAuthBeforeTheRoundsIsRefused) {
  ASSERT_TRUE(Handshake("x25519-ke1_ecp256"));
  // Nothing is derived for it.
  EXPECT_TRUE(raw_.Ask(raw_.Seal(ExchangeType::kIkeAuth, 1, raw_.AuthRequest())).empty());
  EXPECT_TRUE(b_.Established().empty());
}

TEST_F(HostileRounds, ARoundNobodyAgreedOn) {
  ASSERT_TRUE(Handshake("x25519"));
  // The keys are derived for IKE_AUTH alone.
  EXPECT_TRUE(raw_.Ask(raw_.Seal(ExchangeType::kIkeIntermediate, 1, Ke(KeGroup::kEcp256, 64))).empty());
  Bytes junk = raw_.Seal(ExchangeType::kIkeAuth, 1, Chain{});
  junk.back() ^= 1;
  raw_.Ask(junk);
  EXPECT_EQ(Answer(ExchangeType::kIkeIntermediate, 1, Ke(KeGroup::kEcp256, 64)), NotifyType::kInvalidSyntax);
  ExpectEnded();
}

TEST_F(HostileRounds, WrongMethodSizeOrNone) {
  struct {
    KeGroup group;
    size_t size;
  } rows[] = {{KeGroup::kEcp384, 96}, {KeGroup::kEcp256, 63}, {KeGroup::kEcp256, 65}, {KeGroup::kX25519, 32}, {KeGroup::kNone, 0}};
  for (const auto& row : rows) {
    TwoPeers p;
    Configure(p, "x25519-ke1_ecp256", "x25519");
    p.b.Start();
    RawPeer raw({p.clock, p.network, p.b}, p.a.address);
    RawPeer::Init init;
    init.offer = OfferIke(p.ConnectionOf(p.b).proposals, {});
    init.more = {NotifyPayload{.protocol = {}, .type = NotifyType::kIntermediateExchangeSupported, .spi = {}, .data = {}}};
    ASSERT_TRUE(raw.Handshake(init));
    PayloadList list = row.group == KeGroup::kNone ? PayloadList() : Ke(row.group, row.size);
    auto answers = raw.Ask(raw.Seal(ExchangeType::kIkeIntermediate, 1, list));
    ASSERT_EQ(answers.size(), 1u);
    EXPECT_EQ(raw.NotifyIn(answers[0]), NotifyType::kInvalidSyntax);
    EXPECT_TRUE(p.b.core->List().empty());
  }
}

TEST_F(HostileRounds, AnInvalidPublicValueDerivesNothing) {
  ASSERT_TRUE(Handshake("x25519-ke1_ecp256"));
  EXPECT_EQ(Answer(ExchangeType::kIkeIntermediate, 1, Ke(KeGroup::kEcp256, 64)), NotifyType::kInvalidSyntax);
  EXPECT_EQ(b_.Counted(Count::kPublicValueRefused), 1u);
  ExpectEnded();
}

TEST_F(HostileRounds, FollowUpOfNothing) {
  Configure(p_, "x25519", "x25519");
  b_.Start();
  ASSERT_TRUE(raw_.Establish());
  PayloadList list = Ke(KeGroup::kEcp256, 64);
  EXPECT_EQ(Answer(ExchangeType::kIkeFollowupKe, 2, list), NotifyType::kStateNotFound);
  list.AddNotify(NotifyType::kAdditionalKeyExchange, Bytes(8, 1));
  EXPECT_EQ(Answer(ExchangeType::kIkeFollowupKe, 3, list), NotifyType::kStateNotFound);
  EXPECT_EQ(b_.Counted(Count::kStateNotFoundSent), 2u);
  EXPECT_EQ(b_.Established().size(), 1u);
}

class HostileFollowUp : public HostileRounds {
 protected:
  // A CREATE_CHILD_SA that one more exchange is to follow; its link.
  Bytes Begin(uint32_t id) {
    PayloadList list;
    SaPayload offer = RawPeer::EspOffer(0x2000 + id, KeGroup::kX25519);
    offer.proposals[0].transforms.push_back({.type = TransformType::kAddKe1, .id = static_cast<uint16_t>(KeGroup::kEcp256)});
    list.Add(offer);
    list.Add(NoncePayload{list.Keep(Bytes(32, static_cast<uint8_t>(id)))});
    list.Add(KePayload{KeGroup::kX25519, list.Keep(ToBytes(KeyExchange::Create(KeGroup::kX25519, KeRole::kRequester)->public_value()))});
    list.Add(TsPayload{.type = PayloadType::kTsI, .selectors = Selectors({"10.1.0.0/16"})});
    list.Add(TsPayload{.type = PayloadType::kTsR, .selectors = Selectors({"10.2.0.0/16"})});
    auto answers = raw_.Ask(raw_.Seal(ExchangeType::kCreateChildSa, id, list));
    if (answers.size() != 1) return {};
    auto payloads = raw_.Open(answers[0]);
    auto* n = FindNotify(payloads, NotifyType::kAdditionalKeyExchange);
    return n ? ToBytes(n->data) : Bytes{};
  }
  void Up() {
    Configure(p_, "x25519", "x25519-ke1_ecp256");
    b_.Start();
    ASSERT_TRUE(raw_.Establish());
  }
  NotifyType GoOn(uint32_t id, const Bytes& link) {
    PayloadList list;
    list.Add(KePayload{KeGroup::kEcp256, list.Keep(ToBytes(KeyExchange::Create(KeGroup::kEcp256, KeRole::kRequester)->public_value()))});
    list.AddNotify(NotifyType::kAdditionalKeyExchange, link);
    return Answer(ExchangeType::kIkeFollowupKe, id, list);
  }
};

TEST_F(HostileFollowUp, AChildIsMadeByTheLastExchangeOnly) {
  Up();
  Bytes link = Begin(2);
  ASSERT_EQ(link.size(), 8u);
  EXPECT_EQ(b_.LiveChildren().size(), 1u);
  EXPECT_EQ(b_.spis.drawn.size(), 2u);
  EXPECT_EQ(GoOn(3, link), NotifyType{});
  EXPECT_EQ(b_.LiveChildren().size(), 2u);
  // The link is good once.
  EXPECT_EQ(GoOn(4, link), NotifyType::kStateNotFound);
}

TEST_F(HostileFollowUp, AnotherLinkIsNotFound) {
  Up();
  Bytes link = Begin(2), wrong = link;
  ASSERT_EQ(link.size(), 8u);
  wrong[0] ^= 1;
  EXPECT_EQ(GoOn(3, wrong), NotifyType::kStateNotFound);
  EXPECT_EQ(GoOn(4, Bytes(link.begin(), link.begin() + 7)), NotifyType::kStateNotFound);
  EXPECT_EQ(GoOn(5, link), NotifyType{});
  EXPECT_EQ(b_.LiveChildren().size(), 2u);
}

// One at a time is kept, and not for ever.
TEST_F(HostileFollowUp, WhatIsBegunAndLeftIsForgotten) {
  Up();
  Bytes first = Begin(2), second = Begin(3);
  ASSERT_EQ(second.size(), 8u);
  EXPECT_EQ(b_.spis.drawn.size(), 2u);
  EXPECT_EQ(GoOn(4, first), NotifyType::kStateNotFound);
  p_.RunFor(61s);
  EXPECT_EQ(b_.Counted(Count::kFollowUpExpired), 1u);
  EXPECT_EQ(b_.spis.drawn.size(), 1u);
  EXPECT_EQ(GoOn(5, second), NotifyType::kStateNotFound);
  EXPECT_EQ(b_.LiveChildren().size(), 1u);
}

}  // namespace
}  // namespace culvert::ike
