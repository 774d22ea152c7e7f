#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/against_raw_peer.h"
#include "tests/support/meddler.h"

// AH (RFC 4302): negotiated as ESP is, with integrity alone, and never through a NAT.
namespace culvert::ike {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

std::vector<IpsecProtocol> ProtocolsOf(const SaPayload& sa) {
  std::vector<IpsecProtocol> out;
  for (const Proposal& p : sa.proposals) out.push_back(p.protocol);
  return out;
}

// The payloads of one kind in a's messages and those it gets, in order.
template <typename P>
class Heard {
 public:
  // Of SAs that come up with a's keys logged.
  explicit Heard(TwoPeers& p) : insider_(p.a) {
    p.a.core->set_key_logging(true);
    p.network.on_send = [this](const SimPacket& packet) {
      auto payloads = insider_.Open(packet.data);
      if (!payloads) return;
      for (const Payload& each : *payloads) {
        if (auto* one = std::get_if<P>(&each)) all.push_back(*one);
      }
    };
  }
  std::vector<P> all;

 private:
  Insider insider_;
};

void UseBoth(TwoPeers& p, SimPeer& peer) {
  const auto esp = p.ChildOf(peer).esp_proposals;
  p.UseAh(peer, "sha256-esn");
  p.ChildOf(peer).esp_proposals = esp;
}

TEST(Ah, ComesUpInEitherExchangeWithIntegrityAlone) {
  for (bool transport : {false, true}) {
    for (bool in_auth : {true, false}) {
      TwoPeers p;
      p.AddChild("other", 1);
      p.ForBoth([&](SimPeer& peer) {
        if (transport) p.UseTransport(peer);
        p.UseAh(peer);
      });
      p.Start();
      Heard<SaPayload> wire(p);
      if (!in_auth) p.a.Up("other");
      p.RunFor(1s);
      wire.all.clear();
      RequestId r = p.a.Up("net");
      p.RunFor(1s);
      ASSERT_TRUE(p.a.replies[r].ok) << p.a.replies[r].error;
      ASSERT_EQ(wire.all.size(), 2u);
      for (const SaPayload& sa : wire.all) {
        ASSERT_EQ(sa.proposals.size(), 1u);
        EXPECT_EQ(sa.proposals[0].protocol, IpsecProtocol::kAh);
        EXPECT_EQ(sa.proposals[0].spi.size(), 4u);
        EXPECT_EQ(Describe(sa), "AH HMAC_SHA2_256_128/EXT_SEQ");
      }
      p.ForBoth([&](SimPeer& peer) {
        const InstallChild* out = peer.Sends("net");
        ASSERT_TRUE(out);
        EXPECT_EQ(out->protocol, IpsecProtocol::kAh);
        EXPECT_EQ(out->mode, transport ? config::ChildMode::kTransport : config::ChildMode::kTunnel);
        EXPECT_EQ(out->suite, (EspSuite{.integ = IntegId::kHmacSha256_128, .esn = true}));
        EXPECT_TRUE(out->sa.encr_key.empty());
        EXPECT_EQ(out->sa.integ_key.size(), 32u);
        EXPECT_TRUE(peer.Logged(transport ? "in transport mode, AH HMAC_SHA2_256_128/ESN" : "} AH HMAC_SHA2_256_128/ESN"));
        const auto live = peer.LiveChildren();
        EXPECT_EQ(std::ranges::find(live, "net", &ChildView::name)->protocol, IpsecProtocol::kAh);
      });
      EXPECT_FALSE(Equal(p.a.Sends("net")->sa.integ_key.view(), p.b.Sends("net")->sa.integ_key.view()));
      EXPECT_TRUE(p.CarriesBothWays());
      EXPECT_EQ(p.Disagreement(), "");
    }
  }
}

TEST(Ah, EveryIntegrityWithAndWithoutEsnAndAKeyExchange) {
  for (const char* proposal : {"sha384", "sha512-esn", "aes256gmac-esn", "aes128gmac-x25519", "aesxcbc-x25519", "aescmac-esn-noesn-x25519", "sha256-noesn"}) {
    TwoPeers p;
    p.ForBoth([&](SimPeer& peer) { p.UseAh(peer, proposal); });
    p.Establish();
    const config::EspProposal wanted = *config::ParseEspProposal(proposal, true);
    for (SimPeer* who : {&p.a, &p.b}) {
      who->RekeyChildren("net");
      p.RunFor(10s);
      EXPECT_EQ(p.a.Sends("net")->suite.integ, wanted.integs[0]) << proposal;
      EXPECT_EQ(p.a.Sends("net")->suite.esn, wanted.esn[0] == EsnId::kYes) << proposal;
      EXPECT_EQ(p.a.LiveChildren()[0].group, wanted.groups.empty() ? KeGroup::kNone : wanted.groups[0]) << proposal;
      EXPECT_EQ(p.Disagreement(), "");
    }
  }
}

TEST(Ah, OfBothProtocolsEspComesFirst) {
  for (bool b_has_esp : {true, false}) {
    for (bool b_has_ah : {true, false}) {
      if (!b_has_esp && !b_has_ah) continue;
      TwoPeers p;
      UseBoth(p, p.a);
      if (b_has_ah) UseBoth(p, p.b);
      if (!b_has_esp) p.ChildOf(p.b).esp_proposals.clear();
      p.Start();
      Heard<SaPayload> wire(p);
      RequestId r = p.a.Up("net");
      p.RunFor(1s);
      EXPECT_TRUE(p.a.replies[r].ok) << p.a.replies[r].error;
      ASSERT_EQ(wire.all.size(), 2u);
      EXPECT_THAT(ProtocolsOf(wire.all[0]), ElementsAre(IpsecProtocol::kEsp, IpsecProtocol::kAh));
      EXPECT_EQ(wire.all[0].proposals[1].number, 2);
      EXPECT_EQ(wire.all[1].proposals[0].number, b_has_esp ? 1 : 2);
      EXPECT_EQ(p.a.Sends("net")->protocol, b_has_esp ? IpsecProtocol::kEsp : IpsecProtocol::kAh);
      EXPECT_EQ(p.Disagreement(), "");
    }
  }
}

TEST(Ah, NeitherTakesTheOthersProtocol) {
  for (bool a_has_ah : {true, false}) {
    TwoPeers p;
    p.UseAh(a_has_ah ? p.a : p.b);
    p.Start();
    RequestId r = p.a.Up("net");
    p.RunFor(1s);
    EXPECT_THAT(p.a.replies[r].error, HasSubstr("NO_PROPOSAL_CHOSEN"));
    EXPECT_TRUE(p.b.Logged(a_has_ah ? "with AH HMAC_SHA2_256_128/EXT_SEQ; net wants AES_GCM_16-128" : "net wants AH HMAC_SHA2_256_128"));
    EXPECT_TRUE(p.a.LiveChildren().empty());
    EXPECT_EQ(p.Disagreement(), "");
  }
}

// RFC 7296 1.3.3, 1.4.1: of AH, REKEY_SA and Delete are of its protocol; and a successor is of its predecessor's.
TEST(Ah, IsRekeyedAndDeletedAsAh) {
  for (bool from_a : {true, false}) {
    TwoPeers p;
    UseBoth(p, p.a);
    p.UseAh(p.b);
    p.Start();
    p.a.core->set_key_logging(true);
    p.a.Up("net");
    p.RunFor(1s);
    ASSERT_TRUE(p.a.Sends("net"));
    SimPeer& who = from_a ? p.a : p.b;
    p.WatchTraffic();
    Heard<NotifyPayload> notifies(p);
    who.RekeyChildren("net");
    p.RunFor(1s);
    auto rekey = std::ranges::find(notifies.all, NotifyType::kRekeySa, &NotifyPayload::type);
    ASSERT_NE(rekey, notifies.all.end());
    EXPECT_EQ(rekey->protocol, IpsecProtocol::kAh);
    p.RunFor(8s);
    Heard<SaPayload> offers(p);
    who.RekeyChildren("net");
    p.RunFor(8s);
    ASSERT_EQ(offers.all.size(), 2u);
    EXPECT_THAT(ProtocolsOf(offers.all[0]), ElementsAre(IpsecProtocol::kAh));
    EXPECT_EQ(p.lost, 0u) << p.first_loss;
    p.StopTraffic();
    Heard<DeletePayload> deletes(p);
    who.Down("gw", "net");
    p.RunFor(8s);
    ASSERT_EQ(deletes.all.size(), 2u);
    for (const DeletePayload& d : deletes.all) EXPECT_EQ(d.protocol, IpsecProtocol::kAh);
    EXPECT_TRUE(p.a.LiveChildren().empty() && p.b.LiveChildren().empty());
    EXPECT_EQ(p.Disagreement(), "");
  }
}

TEST(Ah, SurvivesWhateverHappensToOneMessage) {
  TellWithEveryDisturbance({.prepare = [](TwoPeers& p) {
                              p.ForBoth([&](SimPeer& peer) { p.UseAh(peer, "sha256-x25519"); });
                              p.Establish();
                              p.WatchTraffic();
                            },
                            .story =
                                [](TwoPeers& p) {
                                  p.a.RekeyChildren("net");
                                  p.b.RekeyChildren("net");
                                  p.RunFor(20s);
                                  p.StopTraffic();
                                  p.b.Down("gw", "net");
                                },
                            .check =
                                [](TwoPeers& p) {
                                  EXPECT_EQ(p.Disagreement(), "");
                                  EXPECT_FALSE(p.a.Sends("net"));
                                  EXPECT_EQ(p.lost, 0u) << p.first_loss;
                                }});
}

// ---- NAT ----

TEST(AhNat, IsNotOfferedThroughOne) {
  TwoPeers p;
  SimNat nat{.inside = p.a.address, .outside = Address("198.51.100.7"), .mapped = {}};
  p.network.nat = &nat;
  p.ConnectionOf(p.b).remote_addrs = {"%any"};
  p.UseAh(p.a);
  p.UseAh(p.b);
  p.Start();
  RequestId r = p.a.Up("net");
  p.RunFor(1s);
  EXPECT_THAT(p.a.replies[r].error, HasSubstr("AH goes through no NAT, and there is one"));
  EXPECT_TRUE(p.a.LiveChildren().empty());
}

TEST(AhNat, OfBothProtocolsEspIsLeft) {
  TwoPeers p;
  SimNat nat{.inside = p.a.address, .outside = Address("198.51.100.7"), .mapped = {}};
  p.network.nat = &nat;
  p.ConnectionOf(p.b).remote_addrs = {"%any"};
  p.ForBoth([&](SimPeer& peer) { UseBoth(p, peer); });
  p.Start();
  Heard<SaPayload> wire(p);
  RequestId r = p.a.Up("net");
  p.RunFor(1s);
  EXPECT_TRUE(p.a.replies[r].ok) << p.a.replies[r].error;
  EXPECT_THAT(ProtocolsOf(wire.all.at(0)), ElementsAre(IpsecProtocol::kEsp));
  EXPECT_EQ(p.Disagreement(), "");
}

// RFC 4555 3.9 has no better way: the NAT is there, and AH ends.
TEST(AhNat, EndsWhenMobikeFindsOne) {
  TwoPeers p;
  p.ForBoth([&](SimPeer& peer) {
    p.UseAh(peer);
    p.ConnectionOf(peer).mobike = true;
    p.ConnectionOf(peer).local_addrs = {"%any"};
  });
  p.ConnectionOf(p.b).remote_addrs = {"%any"};
  p.Establish();
  const IpAddress second = Address("198.51.100.1");
  SimNat nat{.inside = second, .outside = Address("203.0.113.7"), .mapped = {}};
  p.network.nat = &nat;
  p.a.AddAddress(second);
  p.RunFor(1s);
  p.a.RemoveAddress(p.a.address);
  p.RunFor(5s);
  EXPECT_EQ(p.a.Established().size(), 1u);
  EXPECT_TRUE(p.a.Logged("AH goes through no NAT, and there is one now") || p.b.Logged("AH goes through no NAT, and there is one now"));
  EXPECT_TRUE(p.a.LiveChildren().empty());
  EXPECT_EQ(p.Disagreement(), "");
}

// ---- peers that keep no rule ----

class AhHostile : public AgainstRawPeer {
 protected:
  AhHostile() { Use([this] { p_.UseAh(b_); }); }

  void Use(const std::function<void()>& change) {
    change();
    b_.Post(ConfigChanged{});
  }

  static SaPayload Offer(const char* proposal = "sha256-esn", uint32_t spi = 0x0a0b0c0d) {
    return OfferEsp({*config::ParseEspProposal(proposal, true)}, IpsecProtocol::kAh, spi, false);
  }
  // IKE_AUTH with that SA payload, and what it is answered with besides the peer's identity.
  NotifyType ErrorOfAuth(const SaPayload& offer) {
    EXPECT_TRUE(raw_.Handshake());
    PayloadList list, good = raw_.AuthRequest();
    for (Payload p : good.view()) list.Add(std::holds_alternative<SaPayload>(p) ? Payload(offer) : std::move(p));
    auto answers = raw_.Ask(raw_.Seal(ExchangeType::kIkeAuth, 1, list));
    EXPECT_EQ(answers.size(), 1u);
    return answers.empty() ? NotifyType{} : raw_.NotifyIn(answers[0]);
  }
  PayloadList Child(const SaPayload& offer, std::optional<NotifyPayload> rekey = std::nullopt) {
    PayloadList list, good = raw_.ChildRequest(0x1000, rekey);
    for (Payload p : good.view()) {
      auto* nonce = std::get_if<NoncePayload>(&p);
      if (nonce) list.Add(NoncePayload{list.Keep(ToBytes(nonce->data))});
      else list.Add(std::holds_alternative<SaPayload>(p) ? Payload(offer) : std::move(p));
    }
    return list;
  }
};

TEST_F(AhHostile, ThroughANatIsRefused) {
  Use([this] { p_.ConnectionOf(b_).encap = true; });
  EXPECT_EQ(ErrorOfAuth(Offer()), NotifyType::kNoProposalChosen);
  EXPECT_TRUE(b_.Logged("net has nothing for this path: AH goes through no NAT"));
  ExpectNothingMore(1, 0);
}

TEST_F(AhHostile, OffersThatAreNone) {
  SaPayload with_cipher = Offer(), without_integrity = Offer(), without_esn = Offer(), none = Offer();
  with_cipher.proposals[0].transforms.push_back({.type = TransformType::kEncr, .id = 20, .key_bits = 128});
  std::erase_if(without_integrity.proposals[0].transforms, [](const Transform& t) { return t.type == TransformType::kInteg; });
  std::erase_if(without_esn.proposals[0].transforms, [](const Transform& t) { return t.type == TransformType::kEsn; });
  for (Transform& t : none.proposals[0].transforms) {
    if (t.type == TransformType::kInteg) t.id = 0;
  }
  uint32_t id = 2;
  ASSERT_EQ(ErrorOfAuth(with_cipher), NotifyType::kNoProposalChosen);
  for (const SaPayload& offer : {with_cipher, without_integrity, without_esn, none, Offer("sha512-esn")}) {
    auto answers = raw_.Ask(raw_.Seal(ExchangeType::kCreateChildSa, id++, Child(offer)));
    ASSERT_EQ(answers.size(), 1u);
    EXPECT_EQ(raw_.NotifyIn(answers[0]), NotifyType::kNoProposalChosen) << Describe(offer);
    ExpectNothingMore(1, 0);
  }
}

// An SPI is one of its protocol: what names ours as ESP's means nobody.
TEST_F(AhHostile, ItsSpiMeansNothingAsEsp) {
  ASSERT_EQ(ErrorOfAuth(Offer()), NotifyType{});
  ExpectNothingMore(1, 1);
  auto rekey = [](IpsecProtocol protocol, ByteView spi) {
    return NotifyPayload{.protocol = protocol, .type = NotifyType::kRekeySa, .spi = spi, .data = {}};
  };
  const Bytes spi = {0x0a, 0x0b, 0x0c, 0x0d};
  auto answers = raw_.Ask(raw_.Seal(ExchangeType::kCreateChildSa, 2, Child(Offer("sha256-esn", 0x2000), rekey(IpsecProtocol::kEsp, spi))));
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(raw_.NotifyIn(answers[0]), NotifyType::kChildSaNotFound);
  PayloadList list;
  list.Add(DeletePayload{.protocol = IpsecProtocol::kEsp, .spis = {raw_.child_spi}});
  raw_.Ask(raw_.Seal(ExchangeType::kInformational, 3, list));
  ExpectNothingMore(1, 1);
  PayloadList right;
  right.Add(DeletePayload{.protocol = IpsecProtocol::kAh, .spis = {raw_.child_spi}});
  answers = raw_.Ask(raw_.Seal(ExchangeType::kInformational, 4, right));
  ASSERT_EQ(answers.size(), 1u);
  auto payloads = raw_.Open(answers[0]);
  ASSERT_EQ(payloads.size(), 1u);
  EXPECT_EQ(std::get<DeletePayload>(payloads[0]).protocol, IpsecProtocol::kAh);
  ExpectNothingMore(1, 0);
}

// An answer of another protocol than any that was offered is none; what the peer made is deleted as what it is.
TEST(AhAnswer, OfAProtocolThatWasNotOffered) {
  TwoPeers p;
  p.AddChild("other", 1);
  p.ForBoth([&](SimPeer& peer) { p.UseAh(peer, "sha256", 1); });
  p.Start();
  Meddler m(p);
  p.a.Up("net");
  p.RunFor(1s);
  m.InAnswers(ExchangeType::kCreateChildSa, [](std::vector<Payload>& payloads) {
    for (Payload& payload : payloads) {
      if (auto* sa = std::get_if<SaPayload>(&payload)) sa->proposals[0].protocol = IpsecProtocol::kEsp;
    }
  });
  Heard<DeletePayload> deletes(p);
  RequestId r = p.a.Up("other");
  p.RunFor(2s);
  EXPECT_THAT(p.a.replies[r].error, HasSubstr("answered HMAC_SHA2_256_128/NO_EXT_SEQ to AH HMAC_SHA2_256_128/NO_EXT_SEQ"));
  EXPECT_FALSE(p.a.Sends("other"));
  ASSERT_FALSE(deletes.all.empty());
  EXPECT_EQ(deletes.all[0].protocol, IpsecProtocol::kEsp);
}

}  // namespace
}  // namespace culvert::ike
