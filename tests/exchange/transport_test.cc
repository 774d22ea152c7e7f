#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/meddler.h"

// Transport mode (RFC 7296 1.3.1, 2.23.1): what two gateways say to each other themselves.
namespace culvert::ike {
namespace {

using namespace std::chrono_literals;
using config::ChildMode;
using testing::HasSubstr;

SelectorList At(const IpAddress& a) { return {{.addresses = {a, a}}}; }
TrafficSelector Port(const IpAddress& a, uint8_t protocol, uint16_t port) {
  return {.addresses = {a, a}, .protocol = protocol, .port_first = port, .port_last = port};
}
config::Ts DynamicPort(uint8_t protocol, uint16_t port) {
  return {.dynamic = true, .selector = {.protocol = protocol, .port_first = port, .port_last = port}};
}

const InstallChild* Inbound(const SimPeer& p) {
  for (const auto& [half, sa] : p.installed) {
    if (half.second) return &sa.what;
  }
  return nullptr;
}

// Which messages of an exchange ask for transport mode, or agree to it.
class Listener {
 public:
  explicit Listener(TwoPeers& p) : insider_(p.a) {
    p.a.core->set_key_logging(true);
    p.network.on_send = [this](const SimPacket& packet) {
      auto payloads = insider_.Open(packet.data);
      if (!payloads) return;
      const IkeHeader h = DecodeMessage(packet.data)->header;
      said[{h.exchange, h.response}] = FindNotify(*payloads, NotifyType::kUseTransportMode) != nullptr;
    };
  }
  std::map<std::pair<ExchangeType, bool>, bool> said;

 private:
  Insider insider_;
};

// Child "net" between a and b themselves; `host` is the same beside it, for CREATE_CHILD_SA.
class Transport : public testing::Test {
 protected:
  Transport() {
    p_.ForBoth([this](SimPeer& peer) { p_.UseTransport(peer); });
  }

  // `net` up from a, whatever comes of it.
  std::string ErrorOfUp(SimPeer& from, const std::string& child = "net") {
    RequestId r = from.Up(child);
    p_.RunFor(2s);
    EXPECT_TRUE(from.replies.contains(r));
    return from.replies[r].ok ? "" : from.replies[r].error;
  }
  // An IKE SA is up first, by a child in tunnel mode, and `net` follows in CREATE_CHILD_SA.
  void UpByAnother() {
    p_.AddChild("other", 1);
    p_.Start();
    ASSERT_EQ(ErrorOfUp(p_.a, "other"), "");
  }
  void ExpectNoNet(size_t others) {
    p_.ForBoth([&](SimPeer& peer) {
      EXPECT_FALSE(peer.Sends("net")) << peer.name;
      EXPECT_EQ(peer.Established().size(), 1u) << peer.name;
      EXPECT_EQ(peer.LiveChildren().size(), others) << peer.name;
    });
    EXPECT_EQ(p_.Disagreement(), "");
  }

  TwoPeers p_;
};

TEST_F(Transport, IsAskedForAndAgreedToInEitherExchange) {
  for (bool in_auth : {true, false}) {
    TwoPeers p;
    p.AddChild("other", 1);
    p.ForBoth([&](SimPeer& peer) { p.UseTransport(peer); });
    p.Start();
    Listener wire(p);
    if (!in_auth) p.a.Up("other");
    p.RunFor(1s);
    RequestId r = p.a.Up("net");
    p.RunFor(1s);
    ASSERT_TRUE(p.a.replies[r].ok) << p.a.replies[r].error;
    const ExchangeType by = in_auth ? ExchangeType::kIkeAuth : ExchangeType::kCreateChildSa;
    EXPECT_TRUE((wire.said[{by, false}] && wire.said[{by, true}]));
    if (!in_auth) {
      EXPECT_FALSE((wire.said[{ExchangeType::kIkeAuth, false}] || wire.said[{ExchangeType::kIkeAuth, true}]));
    }
    p.ForBoth([&](SimPeer& peer) {
      const SimPeer& other = &peer == &p.a ? p.b : p.a;
      const InstallChild* out = peer.Sends("net");
      ASSERT_TRUE(out);
      EXPECT_EQ(out->mode, ChildMode::kTransport);
      EXPECT_EQ(out->local_ts, At(peer.address));
      EXPECT_EQ(out->remote_ts, At(other.address));
      EXPECT_FALSE(out->original);
      EXPECT_TRUE(peer.Logged("in transport mode, AES_GCM_16-128"));
      const auto live = peer.LiveChildren();
      EXPECT_EQ(std::ranges::find(live, "net", &ChildView::name)->mode, ChildMode::kTransport);
    });
    EXPECT_TRUE(p.CarriesBothWays());
    EXPECT_EQ(p.Disagreement(), "");
  }
}

TEST_F(Transport, SelectorsAreNarrowedToTheEndsAndKeepProtocolAndPort) {
  p_.ChildOf(p_.a).local_ts = {SelectorTs("192.0.2.0/24"), SelectorTs("10.0.0.0/8")};
  p_.ChildOf(p_.a).remote_ts = {DynamicPort(17, 1701)};
  p_.ChildOf(p_.b).local_ts = {DynamicPort(17, 0), DynamicPort(17, 1701)};
  p_.ChildOf(p_.b).remote_ts = {SelectorTs("0.0.0.0/0")};
  p_.Establish();
  EXPECT_EQ(p_.a.Sends("net")->local_ts, At(p_.a.address));
  EXPECT_EQ(p_.a.Sends("net")->remote_ts, SelectorList{Port(p_.b.address, 17, 1701)});
  EXPECT_EQ(p_.b.Sends("net")->local_ts, SelectorList{Port(p_.b.address, 17, 1701)});
}

TEST_F(Transport, WhatTheRequesterOffersTooWideIsNarrowedToTheEnds) {
  p_.Start();
  Meddler wide(p_);
  wide.InRequests(ExchangeType::kIkeAuth, [](std::vector<Payload>& payloads) {
    for (Payload& p : payloads) {
      if (auto* ts = std::get_if<TsPayload>(&p)) ts->selectors = Selectors({"0.0.0.0/0"});
    }
  });
  EXPECT_EQ(ErrorOfUp(p_.a), "");
  EXPECT_EQ(p_.b.Sends("net")->remote_ts, At(p_.a.address));
  EXPECT_EQ(p_.Disagreement(), "");
}

TEST_F(Transport, SelectorsElsewhereAreUnacceptable) {
  p_.ChildOf(p_.b).local_ts = {SelectorTs("10.2.0.0/16")};
  p_.Start();
  EXPECT_THAT(ErrorOfUp(p_.a), HasSubstr("TS_UNACCEPTABLE"));
  EXPECT_TRUE(p_.b.Logged("net is for transport mode, and leaves out the addresses in use"));
  ExpectNoNet(0);
  EXPECT_THAT(ErrorOfUp(p_.b), HasSubstr("its selectors leave out 192.0.2.2 === 192.0.2.1, and transport mode is for nothing else"));
}

// RFC 7296 1.3.1: who declines leaves the notify out, and who cannot accept that deletes the SA.
TEST_F(Transport, AnInitiatorThatIsDeclinedDeletesTheChild) {
  for (bool in_auth : {true, false}) {
    TwoPeers p;
    p.AddChild("other", 1);
    p.ForBoth([&](SimPeer& peer) { p.UseTransport(peer); });
    p.ChildOf(p.b).mode = ChildMode::kTunnel;
    p.Start();
    if (!in_auth) p.a.Up("other");
    p.RunFor(1s);
    RequestId r = p.a.Up("net");
    p.RunFor(2s);
    EXPECT_THAT(p.a.replies[r].error, HasSubstr("declined transport mode, and a tunnel is not wanted"));
    EXPECT_TRUE(p.b.Logged("the peer asks for transport mode; net is for a tunnel: a tunnel it is"));
    EXPECT_EQ(p.a.Established().size(), 1u);
    EXPECT_EQ(p.a.LiveChildren().size(), in_auth ? 0u : 1u);
    EXPECT_FALSE(p.a.Sends("net") || p.b.Sends("net"));
    EXPECT_EQ(p.Disagreement(), "");
  }
}

TEST_F(Transport, AResponderThatWantsItTakesNoTunnel) {
  p_.ChildOf(p_.a).mode = ChildMode::kTunnel;
  p_.Start();
  EXPECT_THAT(ErrorOfUp(p_.a), HasSubstr("NO_PROPOSAL_CHOSEN"));
  EXPECT_TRUE(p_.b.Logged("net is for transport mode, which was not asked for"));
  ExpectNoNet(0);
}

TEST_F(Transport, AnAnswerThatSaysItUnaskedIsRefused) {
  for (auto exchange : {ExchangeType::kIkeAuth, ExchangeType::kCreateChildSa}) {
    TwoPeers p;
    p.AddChild("other", 1);
    p.Start();
    Meddler m(p);
    const bool in_auth = exchange == ExchangeType::kIkeAuth;
    if (!in_auth) p.a.Up("other");
    p.RunFor(1s);
    m.InAnswers(exchange, [](std::vector<Payload>& payloads) { payloads.push_back(Meddler::Notify(NotifyType::kUseTransportMode)); });
    std::vector<ChildId> installed;
    p.a.install_status = [&](const InstallChild& i) {
      if (i.name == "net") installed.push_back(i.child);
      return InstallStatus::kOk;
    };
    RequestId r = p.a.Up("net");
    p.RunFor(2s);
    EXPECT_THAT(p.a.replies[r].error, HasSubstr("answered in transport mode, unasked"));
    EXPECT_TRUE(installed.empty());
    EXPECT_FALSE(p.b.Sends("net"));
    EXPECT_EQ(p.Disagreement(), "");
  }
}

// RFC 7296 2.23.1: a child for transport mode goes first; without one, there may be one for a tunnel.
TEST_F(Transport, OfTwoChildrenTheOneForTheModeAskedForIsTaken) {
  config::Child tunnel = p_.ChildOf(p_.b);
  tunnel.name = "tunnel";
  tunnel.mode = ChildMode::kTunnel;
  auto& children = p_.ConnectionOf(p_.b).children;
  children.insert(children.begin(), tunnel);
  p_.Establish();
  EXPECT_EQ(p_.b.Sends("net")->mode, ChildMode::kTransport);
  EXPECT_FALSE(p_.b.Logged("a tunnel it is"));
}

TEST_F(Transport, RekeyingKeepsTheMode) {
  for (bool pfs : {false, true}) {
    for (bool from_a : {true, false}) {
      TwoPeers p;
      p.ForBoth([&](SimPeer& peer) {
        p.UseTransport(peer);
        if (pfs) p.ChildOf(peer).esp_proposals = {*config::ParseEspProposal("aes128gcm16-x25519", false)};
      });
      p.Establish();
      p.WatchTraffic();
      SimPeer& who = from_a ? p.a : p.b;
      RequestId r = who.RekeyChildren("net");
      p.RunFor(10s);
      EXPECT_TRUE(who.replies[r].ok);
      p.a.RekeyIke("gw");
      p.RunFor(10s);
      p.b.RekeyChildren("net");
      p.RunFor(10s);
      p.ForBoth([](SimPeer& peer) { EXPECT_EQ(peer.Sends("net")->mode, ChildMode::kTransport); });
      EXPECT_EQ(p.Disagreement(), "");
      EXPECT_EQ(p.lost, 0u) << p.first_loss;
    }
  }
}

TEST_F(Transport, ARekeyingThatLeavesTheModeIsRefused) {
  p_.Start();
  Meddler m(p_);
  ASSERT_EQ(ErrorOfUp(p_.a), "");
  p_.WatchTraffic();
  const uint32_t before = p_.a.Sends("net")->sa.spi;
  for (bool in_request : {true, false}) {
    auto drop = [](std::vector<Payload>& payloads) { Meddler::Drop(payloads, NotifyType::kUseTransportMode); };
    auto leave = [](std::vector<Payload>&) {};
    m.InRequests(ExchangeType::kCreateChildSa, in_request ? Meddler::Change(drop) : leave);
    m.InAnswers(ExchangeType::kCreateChildSa, in_request ? Meddler::Change(leave) : drop);
    RequestId r = p_.a.RekeyChildren("net");
    p_.RunFor(8s);
    EXPECT_THAT(p_.a.replies[r].error, HasSubstr(in_request ? "NO_PROPOSAL_CHOSEN" : "declined transport mode"));
    EXPECT_EQ(p_.a.Sends("net")->sa.spi, before);
    EXPECT_EQ(p_.Disagreement(), "");
  }
  EXPECT_EQ(p_.lost, 0u) << p_.first_loss;
}

// Asked for what it is not, a tunnel stays one: the peer may have it as second best, and ask again with each rekeying.
TEST_F(Transport, ATunnelThatIsRekeyedWithAWishForTransportStaysATunnel) {
  TwoPeers p;
  p.Start();
  Meddler m(p);
  p.a.Up("net");
  p.RunFor(1s);
  m.InRequests(ExchangeType::kCreateChildSa, [](std::vector<Payload>& payloads) {
    payloads.push_back(Meddler::Notify(NotifyType::kUseTransportMode));
  });
  RequestId r = p.a.RekeyChildren("net");
  p.RunFor(8s);
  EXPECT_TRUE(p.a.replies[r].ok) << p.a.replies[r].error;
  EXPECT_EQ(p.b.Sends("net")->mode, ChildMode::kTunnel);
  EXPECT_EQ(p.Disagreement(), "");
}

TEST_F(Transport, BothRekeyAtOnce) {
  constexpr Duration kDelays[] = {5ms, 60ms, 1300ms};
  uint64_t collisions = 0;
  for (unsigned order = 0; order < 81; ++order) {
    SCOPED_TRACE("order " + std::to_string(order));
    TwoPeers p(order + 1);
    p.ForBoth([&](SimPeer& peer) { p.UseTransport(peer); });
    p.Establish();
    p.WatchTraffic("net", 7ms);
    const uint64_t first = p.network.sent;
    p.network.fate = [&](const SimPacket& packet) {
      unsigned digits = order;
      for (uint64_t n = packet.number - first; n > 0; --n) digits /= 3;
      return Fate{.arrivals = {kDelays[digits % 3]}};
    };
    p.a.RekeyChildren("net");
    p.b.RekeyChildren("net");
    p.RunFor(60s);
    EXPECT_EQ(p.Disagreement(), "");
    ASSERT_TRUE(p.a.Sends("net") && p.b.Sends("net"));
    EXPECT_EQ(p.a.Sends("net")->mode, ChildMode::kTransport);
    EXPECT_EQ(p.lost, 0u) << p.first_loss;
    collisions += p.a.Counted(Count::kChildCollision);
  }
  EXPECT_GT(collisions, 5u);
}

TEST_F(Transport, SurvivesWhateverHappensToOneMessage) {
  TellWithEveryDisturbance({.prepare = [](TwoPeers& p) {
                              p.ForBoth([&](SimPeer& peer) { p.UseTransport(peer); });
                              p.Start();
                            },
                            .story =
                                [](TwoPeers& p) {
                                  p.a.Up("net");
                                  p.RunFor(20s);
                                  p.b.RekeyChildren("net");
                                  p.RunFor(20s);
                                  p.a.Down("gw", "net");
                                },
                            .check =
                                [](TwoPeers& p) {
                                  EXPECT_EQ(p.Disagreement(), "");
                                  EXPECT_FALSE(p.a.Sends("net"));
                                }});
}

TEST_F(Transport, APacketThatRaisesItGoesFirstWhereItIsOfTheEnds) {
  for (bool of_the_ends : {true, false}) {
    TwoPeers p;
    p.ForBoth([&](SimPeer& peer) { p.UseTransport(peer); });
    p.Start();
    Insider insider(p.a);
    p.a.core->set_key_logging(true);
    SelectorList asked;
    p.network.on_send = [&](const SimPacket& packet) {
      auto payloads = insider.Open(packet.data);
      auto* ts = payloads ? FindPayload(*payloads, PayloadType::kTsI) : nullptr;
      if (ts && asked.empty()) asked = std::get<TsPayload>(*ts).selectors;
    };
    const IpAddress from = of_the_ends ? p.a.address : Address("192.0.2.99");
    const TrafficSelector packet = Port(from, 6, 40000);
    p.a.Post(TrapHit{"gw", "net", packet, Port(p.b.address, 6, 179)});
    p.RunFor(1s);
    EXPECT_EQ(asked.front(), of_the_ends ? packet : At(p.a.address).front());
    ASSERT_TRUE(p.a.Sends("net"));
    EXPECT_EQ(p.a.Sends("net")->local_ts, At(p.a.address));
  }
}

TEST_F(Transport, ADataPlaneThatRefusesEndsItOnBothSides) {
  for (bool at_a : {true, false}) {
    TwoPeers p;
    p.ForBoth([&](SimPeer& peer) { p.UseTransport(peer); });
    SimPeer& who = at_a ? p.a : p.b;
    who.install_status = [](const InstallChild&) { return InstallStatus::kRefused; };
    p.Start();
    Listener wire(p);
    RequestId r = p.a.Up("net");
    p.RunFor(3s);
    EXPECT_FALSE(p.a.replies[r].ok);
    EXPECT_TRUE(who.Logged("the data plane refuses Child SA net{1} in transport mode, AES_GCM_16-128"));
    EXPECT_EQ((wire.said[{ExchangeType::kIkeAuth, true}]), at_a);
    EXPECT_EQ(p.a.Established().size(), 1u);
    EXPECT_TRUE(p.a.LiveChildren().empty());
    EXPECT_EQ(p.Disagreement(), "");
  }
}

// ---- through a NAT ----

// One of the two sits behind a NAT that the other knows as 198.51.100.7.
class TransportNat : public Transport {
 protected:
  void Hide(SimPeer& inside) {
    nat_ = {.inside = inside.address, .outside = outside_, .mapped = {}};
    p_.network.nat = &nat_;
    SimPeer& other = &inside == &p_.a ? p_.b : p_.a;
    p_.ConnectionOf(other).remote_addrs = {&inside == &p_.a ? "%any" : outside_.ToString()};
    // Whoever is called from outside has its ports forwarded.
    for (uint16_t port : {uint16_t{500}, uint16_t{4500}}) nat_.mapped[{inside.address, port, 0}] = port;
  }
  // Selectors of each end are as packets are there; what the other end has in its checksums is known.
  void ExpectSeen(SimPeer& peer, const OriginalAddresses& here, const OriginalAddresses& by_the_peer) {
    const InstallChild *in = Inbound(peer), *out = peer.Sends("net");
    ASSERT_TRUE(in && out);
    EXPECT_EQ(in->local_ts, At(here.local));
    EXPECT_EQ(in->remote_ts, At(here.remote));
    EXPECT_EQ(out->remote_ts, At(here.remote));
    ASSERT_TRUE(in->original);
    EXPECT_EQ(in->original->local, by_the_peer.local);
    EXPECT_EQ(in->original->remote, by_the_peer.remote);
    EXPECT_FALSE(out->original);
    EXPECT_TRUE(in->udp_encap);
  }
  void ExpectHidden(SimPeer& inside) {
    SimPeer& other = &inside == &p_.a ? p_.b : p_.a;
    ExpectSeen(inside, {inside.address, other.address}, {outside_, other.address});
    ExpectSeen(other, {other.address, outside_}, {other.address, inside.address});
    EXPECT_EQ(p_.Disagreement(), "");
  }

  const IpAddress outside_ = Address("198.51.100.7");
  SimNat nat_;
};

TEST_F(TransportNat, AddressesAreSubstitutedForAnInitiatorBehindIt) {
  Hide(p_.a);
  p_.Establish();
  ExpectHidden(p_.a);
}

TEST_F(TransportNat, AddressesAreSubstitutedForAResponderBehindIt) {
  Hide(p_.b);
  p_.Establish();
  ExpectHidden(p_.b);
}

class TransportNatRekey : public TransportNat, public testing::WithParamInterface<bool> {};

TEST_P(TransportNatRekey, OfEitherSide) {
  SimPeer& inside = GetParam() ? p_.a : p_.b;
  Hide(inside);
  p_.Establish();
  for (SimPeer* who : {&p_.a, &p_.b}) {
    RequestId r = who->RekeyChildren("net");
    p_.RunFor(10s);
    EXPECT_TRUE(who->replies[r].ok) << who->replies[r].error;
    ExpectHidden(inside);
  }
}

INSTANTIATE_TEST_SUITE_P(Hidden, TransportNatRekey, testing::Bool());

TEST_F(TransportNat, ProtocolAndPortStayWhatTheyWere) {
  p_.ChildOf(p_.a).remote_ts = {DynamicPort(17, 1701)};
  Hide(p_.a);
  p_.Establish();
  EXPECT_EQ(p_.b.Sends("net")->local_ts, SelectorList{Port(p_.b.address, 17, 1701)});
  EXPECT_EQ(p_.b.Sends("net")->remote_ts, At(outside_));
}

// RFC 7296 2.23.1: each side's selectors are of one address; what stands for several cannot be put in its place.
TEST_F(TransportNat, SelectorsOfSeveralAddressesDoNotGoThrough) {
  Hide(p_.a);
  p_.Start();
  Meddler m(p_);
  auto widen = [](std::vector<Payload>& payloads) {
    for (Payload& p : payloads) {
      auto* ts = std::get_if<TsPayload>(&p);
      if (ts && ts->type == PayloadType::kTsI) ts->selectors = Selectors({"0.0.0.0/0"});
    }
  };
  m.InRequests(ExchangeType::kIkeAuth, widen);
  EXPECT_THAT(ErrorOfUp(p_.a), HasSubstr("TS_UNACCEPTABLE"));
  EXPECT_TRUE(p_.b.Logged("net is for transport mode, which goes through a NAT between one address each"));
  ExpectNoNet(0);
  m.InRequests(ExchangeType::kIkeAuth, [](auto&) {});
  m.InAnswers(ExchangeType::kCreateChildSa, widen);
  EXPECT_THAT(ErrorOfUp(p_.a), HasSubstr("through a NAT, not one address each"));
  ExpectNoNet(0);
}

// RFC 7296 2.23.1: where it comes to a tunnel, the selectors are those that came.
TEST_F(TransportNat, ATunnelHasTheSelectorsAsTheyWere) {
  p_.ChildOf(p_.b).mode = ChildMode::kTunnel;
  p_.ChildOf(p_.b).remote_ts = {SelectorTs("192.0.2.1/32")};
  Hide(p_.a);
  p_.Start();
  SelectorList seen;
  p_.b.install_status = [&](const InstallChild& i) {
    EXPECT_EQ(i.mode, ChildMode::kTunnel);
    seen = i.remote_ts;
    return InstallStatus::kOk;
  };
  EXPECT_THAT(ErrorOfUp(p_.a), HasSubstr("declined transport mode"));
  EXPECT_EQ(seen, At(p_.a.address));
  ExpectNoNet(0);
}

// Another port is followed; another address is not the one that was protected.
TEST_F(TransportNat, EndsWithTheAddressItWasFor) {
  Hide(p_.a);
  p_.ChildOf(p_.b).close_action = config::CloseAction::kStart;
  p_.Establish();
  nat_.Rebind();
  p_.a.RekeyIke("gw");
  p_.RunFor(10s);
  ExpectHidden(p_.a);
  const uint32_t before = p_.b.Sends("net")->sa.spi;
  nat_.outside = Address("198.51.100.99");
  nat_.Rebind();
  p_.a.RekeyIke("gw");
  p_.RunFor(20s);
  EXPECT_TRUE(p_.b.Logged("transport mode is for the addresses it was made with"));
  EXPECT_EQ(p_.Disagreement(), "");
  ASSERT_TRUE(p_.b.Sends("net")) << "close_action = start";
  EXPECT_NE(p_.b.Sends("net")->sa.spi, before);
  EXPECT_EQ(p_.b.Sends("net")->remote_ts, At(nat_.outside));
}

// Forced into UDP without a NAT, the peer's addresses are what they seem.
TEST_F(Transport, InUdpWithoutANat) {
  p_.ConnectionOf(p_.a).encap = true;
  p_.Establish();
  for (SimPeer* peer : {&p_.a, &p_.b}) {
    const InstallChild* in = Inbound(*peer);
    ASSERT_TRUE(in && in->original);
    EXPECT_EQ(in->original->local, peer->address);
  }
}

}  // namespace
}  // namespace culvert::ike
