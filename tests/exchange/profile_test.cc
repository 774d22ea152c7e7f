#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/profile.h"
#include "control/ike/negotiate/offer.h"
#include "tests/support/raw_peer.h"
#include "tests/support/two_peers.h"

// A profile is a floor: what is below it is neither offered nor taken, at the beginning and at each rekeying, in either role.
namespace culvert::ike {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;

config::IkeProposal Ike(const char* text) { return *config::ParseIkeProposal(text, config::Profile::kLegacy); }
config::EspProposal Esp(const char* text) { return *config::ParseEspProposal(text, false, config::Profile::kLegacy); }

struct Floor {
  config::Profile profile;
  const char *ike, *esp;              // above it
  std::vector<const char*> below_ike, below_esp;
  const char* rekey_below;            // a child suite that only its key exchange puts below
  const char* ike_of_one;             // above it, with a single key exchange
};
const Floor kFloors[] = {
    {config::Profile::kDefault,
     "aes256gcm16-prfsha384-ecp384",
     "aes256gcm16",
     {"aes256-sha1-modp2048", "3des-sha256-modp2048", "aes128gcm16-prfsha1-x25519", "aes128gcm16-prfsha256-modp1024",
      "aes128gcm16-prfsha256-modp1536"},
     {"aes256-sha1"},
     "aes256gcm16-modp1024",
     "aes256gcm16-prfsha384-ecp384"},
    {config::Profile::kCnsa1,
     "aes256gcm16-prfsha384-ecp384",
     "aes256gcm16",
     {"aes128gcm16-prfsha384-ecp384", "aes256-sha384-ecp384", "aes256gcm16-prfsha256-ecp384", "aes256gcm16-prfsha384-x25519",
      "aes256gcm16-prfsha384-modp2048", "aes256gcm8-prfsha384-ecp384"},
     {"aes128gcm16", "aes256-sha384", "chacha20poly1305", "aes256gmac", "null-sha384"},
     "aes256gcm16-x25519",
     "aes256gcm16-prfsha384-ecp384"},
    {config::Profile::kCnsa2,
     "aes256gcm16-prfsha384-ecp384-ke1_mlkem1024",
     "aes256gcm16",
     {"aes256gcm16-prfsha384-ecp384", "aes256gcm16-prfsha384-ecp384-ke1_mlkem768", "aes128gcm16-prfsha384-ecp384-ke1_mlkem1024",
      "aes256gcm16-prfsha384-x25519-ke1_mlkem1024"},
     {"aes128gcm16", "aes256-sha384", "chacha20poly1305"},
     "aes256gcm16-ecp384",
     "aes256gcm16-prfsha384-mlkem1024"},
    {config::Profile::kBsi,
     "aes128gcm16-prfsha256-ecp256bp",
     "aes128-sha256",
     {"aes256gcm16-prfsha256-x25519", "aes256gcm16-prfsha256-ecp224bp", "aes256gcm16-prfsha256-modp2048",
      "chacha20poly1305-prfsha256-ecp256", "camellia256-sha256-ecp256"},
     {"chacha20poly1305", "aes256-sha1", "null-sha256", "aes256gcm8"},
     "aes256gcm16-modp2048",
     "aes128gcm16-prfsha256-ecp256"},
    {config::Profile::k3gpp,
     "aes128gcm16-prfsha256-ecp256",
     "aes128gcm16",
     {"aes128gcm16-prfsha256-x25519", "aes128gcm16-prfsha256-modp2048", "aes128gcm16-prfsha512-ecp256", "aes128-sha1-ecp256"},
     {"chacha20poly1305", "aes128-sha1", "null-sha256"},
     "aes128gcm16-x25519",
     "aes128gcm16-prfsha256-ecp256"},
    {config::Profile::kWindows,
     "aes256-sha1-modp1024",
     "aes256-sha1",
     {"aes256-sha1-modp1536", "aes256-sha512-modp2048", "chacha20poly1305-prfsha256-ecp256", "aes256-sha256-x25519"},
     {"chacha20poly1305", "null-sha1", "aes256-sha512"},
     "aes256-sha256-x25519",
     "aes256-sha1-modp1024"},
};

class OfEachProfile : public testing::TestWithParam<Floor> {
 protected:
  // Under the profile, as configuration makes it; the other side asks for exactly this.
  static void Put(TwoPeers& p, SimPeer& under) {
    config::Connection& c = p.ConnectionOf(under);
    c.profile = GetParam().profile;
    c.proposals = config::DefaultIkeProposals(c.profile);
    c.children[0].esp_proposals = config::DefaultEspProposals(c.profile);
  }
  // What a refusal under the profile says in the log, whichever rule it is that was missed.
  static std::string Below() { return ", below profile " + std::string(config::Name(GetParam().profile)) + " ("; }
  static SimPeer& Other(TwoPeers& p, SimPeer& of) { return &of == &p.a ? p.b : p.a; }
  static std::string Outcome(TwoPeers& p, RequestId r) {
    p.RunFor(seconds(70));
    if (!p.a.replies.contains(r)) return "never answered";
    return p.a.replies[r].ok ? "ok" : p.a.replies[r].error;
  }
  // The first child comes up, and its rekeying comes to nothing.
  static void ExpectNotRekeyed(TwoPeers& p) {
    ASSERT_NO_FATAL_FAILURE(p.Establish());
    ASSERT_EQ(p.a.LiveChildren().size(), 1u);
    const uint32_t before = p.a.LiveChildren()[0].spi_in;
    RequestId r = p.a.RekeyChildren("net");
    p.RunFor(seconds(5));
    EXPECT_FALSE(p.a.replies[r].ok);
    EXPECT_FALSE(p.a.Logged("Child SA net rekeyed"));
    ASSERT_EQ(p.a.LiveChildren().size(), 1u);
    EXPECT_EQ(p.a.LiveChildren()[0].spi_in, before);
    EXPECT_TRUE(p.CarriesBothWays());
  }
  // Runs with the profile on the responder, and on the initiator.
  static void InBothRoles(const std::function<void(TwoPeers&, SimPeer& under, SimPeer& other)>& f) {
    for (bool initiator : {false, true}) {
      SCOPED_TRACE(initiator ? "initiator" : "responder");
      TwoPeers p;
      SimPeer& under = initiator ? p.a : p.b;
      // The other takes everything: whatever refuses is the profile's side.
      p.ConnectionOf(Other(p, under)).profile = config::Profile::kLegacy;
      f(p, under, Other(p, under));
    }
  }
};

TEST_P(OfEachProfile, TakesWhatIsAbove) {
  for (const char* ike : {GetParam().ike, GetParam().ike_of_one}) {
    SCOPED_TRACE(ike);
    InBothRoles([ike](TwoPeers& p, SimPeer& under, SimPeer& other) {
      Put(p, under);
      p.ConnectionOf(under).proposals.push_back(Ike(GetParam().ike_of_one));
      p.ConnectionOf(other).proposals = {Ike(ike)};
      p.ChildOf(other).esp_proposals = {Esp(GetParam().esp)};
      ASSERT_NO_FATAL_FAILURE(p.Establish());
      RequestId child = p.a.RekeyChildren("net"), rekey = p.b.RekeyIke("gw");
      p.RunFor(seconds(30));
      EXPECT_TRUE(p.a.replies[child].ok) << p.a.replies[child].error;
      EXPECT_TRUE(p.b.replies[rekey].ok) << p.b.replies[rekey].error;
      EXPECT_EQ(p.Disagreement(), "");
      ASSERT_EQ(p.a.Established().size(), 1u);
      const IkeSuite suite = p.a.Established()[0].suite;
      const KeGroup demanded = config::Demanded(GetParam().profile);
      EXPECT_TRUE(demanded == KeGroup::kNone || suite.group == demanded || suite.additional[0] == demanded);
      EXPECT_FALSE(p.a.Logged("below profile") || p.b.Logged("below profile"));
    });
  }
}

TEST_P(OfEachProfile, RefusesAnIkeSuiteBelow) {
  for (const char* below : GetParam().below_ike) {
    SCOPED_TRACE(below);
    InBothRoles([&](TwoPeers& p, SimPeer& under, SimPeer& other) {
      Put(p, under);
      p.ConnectionOf(other).proposals = {Ike(below)};
      p.Start();
      EXPECT_THAT(Outcome(p, p.a.Up("net")), HasSubstr("NO_PROPOSAL_CHOSEN"));
      EXPECT_TRUE(p.a.core->List().empty());
      EXPECT_TRUE(p.b.core->List().empty());
      // On the initiator the profile never offers it, and the responder is the one to refuse.
      EXPECT_EQ(p.b.Logged(Below()), &under == &p.b);
    });
  }
}

TEST_P(OfEachProfile, RefusesAChildSuiteBelow) {
  for (const char* below : GetParam().below_esp) {
    SCOPED_TRACE(below);
    InBothRoles([&](TwoPeers& p, SimPeer& under, SimPeer& other) {
      Put(p, under);
      p.ConnectionOf(other).proposals = {Ike(GetParam().ike)};
      p.ChildOf(other).esp_proposals = {Esp(below)};
      p.Start();
      EXPECT_THAT(Outcome(p, p.a.Up("net")), HasSubstr("NO_PROPOSAL_CHOSEN"));
      EXPECT_TRUE(p.a.LiveChildren().empty());
      EXPECT_TRUE(p.b.LiveChildren().empty());
      EXPECT_EQ(p.b.Logged(Below()), &under == &p.b);
    });
  }
}

// Even where a slip lets a suite below the floor into the proposals, what comes of them is looked at once more.
TEST_P(OfEachProfile, LooksAtTheResultToo) {
  InBothRoles([](TwoPeers& p, SimPeer& under, SimPeer&) {
    p.ForBoth([&p](SimPeer& peer) { p.ConnectionOf(peer).proposals = {Ike(GetParam().below_ike.front())}; });
    p.ConnectionOf(under).profile = GetParam().profile;
    p.Start();
    EXPECT_NE(Outcome(p, p.a.Up("net")), "ok");
    EXPECT_TRUE(p.a.Established().empty());
    EXPECT_TRUE(p.b.Established().empty());
    EXPECT_TRUE(under.Logged(Below()));
  });
  InBothRoles([](TwoPeers& p, SimPeer& under, SimPeer&) {
    p.ForBoth([&p](SimPeer& peer) {
      p.ConnectionOf(peer).proposals = {Ike(GetParam().ike)};
      p.ChildOf(peer).esp_proposals = {Esp(GetParam().below_esp.front())};
    });
    p.ConnectionOf(under).profile = GetParam().profile;
    p.Start();
    EXPECT_NE(Outcome(p, p.a.Up("net")), "ok");
    p.RunFor(seconds(120));
    EXPECT_TRUE(p.a.LiveChildren().empty());
    EXPECT_TRUE(p.b.LiveChildren().empty());
    EXPECT_TRUE(under.Logged(Below()));
  });
}

// Trap 19: a first child has no key exchange of its own, so a group below the floor shows at its first rekeying.
TEST_P(OfEachProfile, RefusesARekeyingBelow) {
  InBothRoles([](TwoPeers& p, SimPeer& under, SimPeer& other) {
    Put(p, under);
    p.ConnectionOf(other).proposals = {Ike(GetParam().ike)};
    p.ChildOf(other).esp_proposals = {Esp(GetParam().rekey_below)};
    ExpectNotRekeyed(p);
    EXPECT_EQ(p.b.Logged(Below()), &under == &p.b);
  });
}

TEST_P(OfEachProfile, LooksAtTheResultOfARekeyingToo) {
  InBothRoles([](TwoPeers& p, SimPeer& under, SimPeer&) {
    p.ForBoth([&p](SimPeer& peer) {
      p.ConnectionOf(peer).proposals = {Ike(GetParam().ike)};
      p.ChildOf(peer).esp_proposals = {Esp(GetParam().rekey_below)};
    });
    p.ConnectionOf(under).profile = GetParam().profile;
    ExpectNotRekeyed(p);
    EXPECT_TRUE(under.Logged(Below()));
  });
}

// A further child has a key exchange of its own from the start.
TEST_P(OfEachProfile, RefusesANewChildBelow) {
  for (bool slip : {false, true}) {
    SCOPED_TRACE(slip ? "by a slip in the proposals" : "by the proposals");
    InBothRoles([slip](TwoPeers& p, SimPeer& under, SimPeer& other) {
      p.AddChild("more", 1);
      Put(p, under);
      p.ConnectionOf(under).proposals = p.ConnectionOf(other).proposals = {Ike(GetParam().ike)};
      p.ChildOf(other).esp_proposals = {Esp(GetParam().esp)};
      p.ChildOf(under, 1).esp_proposals = p.ChildOf(under).esp_proposals;
      p.ChildOf(other, 1).esp_proposals = {Esp(GetParam().rekey_below)};
      if (slip) p.ChildOf(under, 1).esp_proposals = p.ChildOf(other, 1).esp_proposals;
      ASSERT_NO_FATAL_FAILURE(p.Establish());
      EXPECT_NE(Outcome(p, p.a.Up("more")), "ok");
      EXPECT_EQ(p.a.LiveChildren().size(), 1u);
      EXPECT_EQ(p.b.LiveChildren().size(), 1u);
      EXPECT_EQ(p.Disagreement(), "");
      EXPECT_EQ((slip ? under : p.b).Logged(Below()), slip || &under == &p.b);
    });
  }
}

// An IKE SA that is up is not replaced by one below the floor: neither where the peer offers it nor where it answers so.
TEST_P(OfEachProfile, RefusesAnIkeRekeyingBelow) {
  for (const char* text : GetParam().below_ike) {
    SCOPED_TRACE(text);
    const config::IkeProposal below = Ike(text);
    const GroupInfo& group = *Find(below.groups[0]);
    TwoPeers p;
    Put(p, p.b);
    p.ConnectionOf(p.b).proposals.push_back(Ike(GetParam().ike_of_one));
    p.Start();
    RawPeer raw({p.clock, p.network, p.b}, p.a.address);
    raw.Use(Ike(GetParam().ike_of_one));
    ASSERT_TRUE(raw.Handshake());
    ASSERT_EQ(raw.Ask(raw.Seal(ExchangeType::kIkeAuth, 1, raw.AuthRequest())).size(), 1u);
    ASSERT_EQ(p.b.Established().size(), 1u);
    const uint64_t before = p.b.Established()[0].spi_r;
    const Bytes spi = {1, 2, 3, 4, 5, 6, 7, 8};
    auto message = [&](size_t public_value) {
      PayloadList list;
      list.Add(OfferIke({below}, spi));
      list.Add(NoncePayload{list.Keep(Bytes(32, 5))});
      list.Add(KePayload{below.groups[0], list.Keep(Bytes(public_value, 9))});
      return list;
    };
    auto answers = raw.Ask(raw.Seal(ExchangeType::kCreateChildSa, 2, message(group.initiator_public)));
    ASSERT_EQ(answers.size(), 1u);
    EXPECT_EQ(raw.NotifyIn(answers[0]), NotifyType::kNoProposalChosen);
    EXPECT_TRUE(p.b.Logged("rekeying of the IKE SA refused with NO_PROPOSAL_CHOSEN"));
    EXPECT_TRUE(p.b.Logged(Below()));
    p.b.log.clear();
    RequestId asked = p.b.RekeyIke("gw");
    p.RunFor(seconds(1));
    raw.Ask(raw.Seal(ExchangeType::kCreateChildSa, 0, message(group.responder_public).Encode(), true));
    ASSERT_TRUE(p.b.replies.contains(asked));
    EXPECT_FALSE(p.b.replies[asked].ok);
    EXPECT_TRUE(p.b.Logged(Below()));
    ASSERT_EQ(p.b.Established().size(), 1u);
    EXPECT_EQ(p.b.Established()[0].spi_r, before);
  }
}

INSTANTIATE_TEST_SUITE_P(Profile, OfEachProfile, testing::ValuesIn(kFloors), [](const auto& row) {
  return std::string("Of_") + std::string(config::Name(row.param.profile));
});

// What cnsa2 demands comes in IKE_FOLLOWUP_KE: nothing is made before it, and nothing else will do there.
class FollowUpUnderCnsa2 : public testing::Test {
 protected:
  static constexpr const char* kAlone = "aes256gcm16-prfsha384-mlkem1024";
  static constexpr const char* kHybrid = "aes256gcm16-prfsha384-ecp384-ke1_mlkem1024";

  FollowUpUnderCnsa2() : b_(p_.b), raw_({p_.clock, p_.network, p_.b}, p_.a.address) {}

  void SetUp() override {
    config::Connection& c = p_.ConnectionOf(b_);
    c.profile = config::Profile::kCnsa2;
    c.proposals = config::DefaultIkeProposals(c.profile);
    c.proposals.push_back(*config::ParseIkeProposal(kAlone, c.profile));
    c.children[0].esp_proposals = config::DefaultEspProposals(c.profile);
    b_.Start();
    raw_.Use(Ike(kAlone));
    ASSERT_TRUE(raw_.Handshake());
    ASSERT_EQ(raw_.Ask(raw_.Seal(ExchangeType::kIkeAuth, 1, raw_.AuthRequest())).size(), 1u);
    ASSERT_EQ(b_.Established().size(), 1u);
    before_ = b_.Established()[0].spi_r;
    children_ = b_.LiveChildren().size();
  }
  static Bytes PublicOf(KeGroup group) { return ToBytes(KeyExchange::Create(group, KeRole::kRequester)->public_value()); }
  PayloadList Message(const SaPayload& offer) {
    PayloadList list;
    list.Add(offer);
    list.Add(NoncePayload{list.Keep(Bytes(32, 7))});
    list.Add(KePayload{KeGroup::kEcp384, list.Keep(PublicOf(KeGroup::kEcp384))});
    return list;
  }
  PayloadList FollowUp(KeGroup group, Bytes value) {
    PayloadList list;
    list.Add(KePayload{group, list.Keep(std::move(value))});
    list.AddNotify(NotifyType::kAdditionalKeyExchange, link_);
    return list;
  }
  // A CREATE_CHILD_SA that IKE_FOLLOWUP_KE is to follow.
  void Begin(const PayloadList& list) {
    auto answers = raw_.Ask(raw_.Seal(ExchangeType::kCreateChildSa, 2, list));
    ASSERT_EQ(answers.size(), 1u);
    auto payloads = raw_.Open(answers[0]);
    auto* link = FindNotify(payloads, NotifyType::kAdditionalKeyExchange);
    ASSERT_TRUE(link);
    link_ = ToBytes(link->data);
  }
  NotifyType GoOn(uint32_t id, KeGroup group, Bytes value) {
    auto answers = raw_.Ask(raw_.Seal(ExchangeType::kIkeFollowupKe, id, FollowUp(group, std::move(value))));
    return answers.size() == 1 ? raw_.NotifyIn(answers[0]) : NotifyType{};
  }
  PayloadList AChild() {
    PayloadList list = Message(OfferEsp({Esp("aes256gcm16-ecp384-ke1_mlkem1024")}, IpsecProtocol::kEsp, 0x3000, true));
    list.Add(TsPayload{.type = PayloadType::kTsI, .selectors = Selectors({"10.1.0.0/16"})});
    list.Add(TsPayload{.type = PayloadType::kTsR, .selectors = Selectors({"10.2.0.0/16"})});
    return list;
  }
  PayloadList AnIkeSa() { return Message(OfferIke({Ike(kHybrid)}, spi_)); }
  void ExpectNothingNew() {
    ASSERT_EQ(b_.Established().size(), 1u);
    EXPECT_EQ(b_.Established()[0].spi_r, before_);
    EXPECT_EQ(b_.LiveChildren().size(), children_);
  }

  TwoPeers p_;
  SimPeer& b_;
  RawPeer raw_;
  const Bytes spi_ = {1, 2, 3, 4, 5, 6, 7, 8};
  uint64_t before_ = 0;
  size_t children_ = 0;
  Bytes link_;
};

TEST_F(FollowUpUnderCnsa2, AnIkeRekeyingOfThePeers) {
  ASSERT_NO_FATAL_FAILURE(Begin(AnIkeSa()));
  ExpectNothingNew();
  EXPECT_EQ(GoOn(3, KeGroup::kMlKem1024, PublicOf(KeGroup::kMlKem1024)), NotifyType{});
  ASSERT_EQ(b_.Established().size(), 1u);
  EXPECT_NE(b_.Established()[0].spi_r, before_);
  EXPECT_EQ(b_.Established()[0].suite.additional[0], KeGroup::kMlKem1024);
}

TEST_F(FollowUpUnderCnsa2, AChildOfThePeers) {
  ASSERT_NO_FATAL_FAILURE(Begin(AChild()));
  ExpectNothingNew();
  EXPECT_EQ(GoOn(3, KeGroup::kMlKem1024, PublicOf(KeGroup::kMlKem1024)), NotifyType{});
  EXPECT_EQ(b_.LiveChildren().size(), children_ + 1);
}

class WeakFollowUpUnderCnsa2 : public FollowUpUnderCnsa2, public testing::WithParamInterface<std::tuple<KeGroup, bool>> {};

// RFC 7296 2.21.3: whoever sends it breaks the protocol, and that is the end of the IKE SA.
TEST_P(WeakFollowUpUnderCnsa2, MakesNothing) {
  const auto [group, ike] = GetParam();
  ASSERT_NO_FATAL_FAILURE(Begin(ike ? AnIkeSa() : AChild()));
  EXPECT_EQ(GoOn(3, group, PublicOf(group)), NotifyType::kInvalidSyntax);
  EXPECT_TRUE(b_.Logged("IKE_FOLLOWUP_KE without a KE payload of ML_KEM_1024"));
  EXPECT_TRUE(b_.Established().empty());
  EXPECT_TRUE(b_.installed.empty());
}

INSTANTIATE_TEST_SUITE_P(Profile, WeakFollowUpUnderCnsa2,
                         testing::Combine(testing::Values(KeGroup::kMlKem768, KeGroup::kMlKem512, KeGroup::kEcp384, KeGroup::kX25519),
                                          testing::Bool()));

TEST_F(FollowUpUnderCnsa2, LeftOut) {
  ASSERT_NO_FATAL_FAILURE(Begin(AnIkeSa()));
  p_.RunFor(seconds(61));
  EXPECT_EQ(b_.Counted(Count::kFollowUpExpired), 1u);
  ExpectNothingNew();
}

// Ours: the peer agrees to ML-KEM-1024, and answers with something else.
TEST_F(FollowUpUnderCnsa2, AnIkeRekeyingOfOurs) {
  RequestId asked = b_.RekeyIke("gw");
  p_.RunFor(seconds(1));
  auto answer = [&](ExchangeType exchange, uint32_t id, const PayloadList& list) {
    raw_.Ask(raw_.Seal(exchange, id, list.Encode(), true));
  };
  PayloadList wants_ecp384;
  wants_ecp384.AddNotify(NotifyType::kInvalidKePayload, {0, 20});
  answer(ExchangeType::kCreateChildSa, 0, wants_ecp384);
  PayloadList agreed = Message(OfferIke({Ike(kHybrid)}, spi_));
  agreed.AddNotify(NotifyType::kAdditionalKeyExchange, Bytes(8, 1));
  answer(ExchangeType::kCreateChildSa, 1, agreed);
  EXPECT_FALSE(b_.replies.contains(asked)) << "it waits for the follow-up";
  answer(ExchangeType::kIkeFollowupKe, 2, FollowUp(KeGroup::kMlKem768, Bytes(1088, 1)));
  ASSERT_TRUE(b_.replies.contains(asked));
  EXPECT_FALSE(b_.replies[asked].ok);
  EXPECT_THAT(b_.replies[asked].error, HasSubstr("not of ML_KEM_1024"));
  ExpectNothingNew();
}

// The legacy switch: what every other profile refuses comes up, and better is still preferred.
TEST(ProfileLegacy, TakesEverythingAndPrefersBetter) {
  for (const char* ike : {"3des-sha1-modp1024", "aes128-sha1-modp1536", "aes256-sha1-modp2048"}) {
    SCOPED_TRACE(ike);
    TwoPeers p;
    p.ConnectionOf(p.b).profile = config::Profile::kLegacy;
    p.ConnectionOf(p.b).proposals = config::DefaultIkeProposals(config::Profile::kLegacy);
    p.ChildOf(p.b).esp_proposals = config::DefaultEspProposals(config::Profile::kLegacy);
    p.ConnectionOf(p.a).profile = config::Profile::kLegacy;
    p.ConnectionOf(p.a).proposals = {Ike(ike)};
    p.ChildOf(p.a).esp_proposals = {Esp("aes128-sha1")};
    ASSERT_NO_FATAL_FAILURE(p.Establish());
  }
  TwoPeers p;
  p.ForBoth([&p](SimPeer& peer) {
    p.ConnectionOf(peer).profile = config::Profile::kLegacy;
    p.ConnectionOf(peer).proposals = config::DefaultIkeProposals(config::Profile::kLegacy);
  });
  ASSERT_NO_FATAL_FAILURE(p.Establish());
  EXPECT_EQ(p.a.Established()[0].suite.encr, EncrId::kAesGcm16);
  EXPECT_EQ(p.a.Established()[0].suite.prf, PrfId::kHmacSha256);
  EXPECT_EQ(p.a.Established()[0].suite.group, KeGroup::kEcp384);
}

}  // namespace
}  // namespace culvert::ike
