#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/insider.h"
#include "tests/support/two_peers.h"

// A Child SA for less than was asked for (RFC 7296 2.9): what the two sides say of it, and what becomes of the rest.
namespace culvert::ike {
namespace {

using namespace std::chrono_literals;

constexpr const char* kMore = "the peer would take another for the rest";

TriggeringPacket Packet(const char* local, const char* remote) {
  auto one = [](const char* address, uint16_t port) {
    return TrafficSelector{.addresses = IpRange::Of(*IpPrefix::Parse(address)), .protocol = 6, .port_first = port, .port_last = port};
  };
  return {one(local, 40000), one(remote, 80)};
}

TrapHit Hit(const char* child, const TriggeringPacket& packet) { return {"gw", child, packet.local, packet.remote}; }

TEST(Narrowing, TheAnswerSaysThatMoreIsPossible) {
  for (bool in_auth : {true, false}) {
    TwoPeers p;
    p.AddChild("other", 1);
    // Of what a's "wide" asks for, b has two children for a part each.
    p.ConnectionOf(p.a).children.push_back(p.ChildOf(p.a, 1));
    p.ChildOf(p.a, 2).name = "wide";
    p.ChildOf(p.a, 2).local_ts = {SelectorTs("10.0.0.0/8")};
    p.ChildOf(p.a, 2).remote_ts = {SelectorTs("10.0.0.0/8")};
    p.Start();
    if (!in_auth) {
      p.a.Up("net");
      p.RunFor(1s);
      EXPECT_FALSE(p.a.Logged(kMore));
    }
    RequestId r = p.a.Up("wide");
    p.RunFor(1s);
    EXPECT_TRUE(p.a.replies[r].ok) << p.a.replies[r].error;
    EXPECT_TRUE(p.a.Logged(kMore));
  }
}

// Shunts are the data plane's alone.
TEST(Narrowing, NobodyIsOfferedAShunt) {
  TwoPeers p;
  for (SimPeer* peer : {&p.a, &p.b}) {
    auto& children = p.ConnectionOf(*peer).children;
    children.insert(children.begin(), children.front());
    children.front().name = "pass";
    children.front().mode = config::ChildMode::kPass;
    children.front().start_action = config::StartAction::kStart;
  }
  p.Establish();
  EXPECT_NE(p.a.Sends("net"), nullptr);
  EXPECT_NE(p.b.Sends("net"), nullptr);
  RequestId r = p.a.Up("pass");
  p.RunFor(1s);
  EXPECT_FALSE(p.a.replies[r].ok);
  EXPECT_EQ(p.a.Sends("pass"), nullptr);
}

TEST(Narrowing, WhatOneChildTakesIsNotPossibleAgain) {
  TwoPeers p;
  p.ChildOf(p.a).remote_ts = {SelectorTs("10.0.0.0/8")};
  p.Establish();
  EXPECT_EQ(p.a.Sends("net")->remote_ts, Selectors({"10.2.0.0/16"}));
  EXPECT_FALSE(p.a.Logged(kMore));
}

TEST(Narrowing, APacketThatTheChildDoesNotTakeRaisesAnother) {
  TwoPeers p;
  p.AddChild("other", 1);
  p.ConnectionOf(p.b).children.push_back(p.ChildOf(p.b, 1));
  p.ChildOf(p.b, 1).local_ts = {SelectorTs("10.102.1.0/25")};
  p.ChildOf(p.b, 2).name = "upper";
  p.ChildOf(p.b, 2).local_ts = {SelectorTs("10.102.1.128/25")};
  p.Establish();
  auto hit = [&p](const char* remote) {
    for (int n = 0; n < 3; ++n) p.a.Post(Hit("other", Packet("10.101.1.5/32", remote)));
    p.RunFor(1s);
    return p.a.LiveChildren().size();
  };
  EXPECT_EQ(hit("10.102.1.9/32"), 2u);
  EXPECT_EQ(hit("10.102.1.10/32"), 2u);
  EXPECT_EQ(hit("10.102.1.200/32"), 3u);
  EXPECT_EQ(hit("10.102.1.201/32"), 3u);
  EXPECT_EQ(p.Disagreement(), "");
}

// A responder that will have nothing but single pairs: b, with its answers changed on their way.
class SinglePairs {
 public:
  explicit SinglePairs(TwoPeers& p) : p_(p), insider_(p.b) {
    p_.b.core->set_key_logging(true);
    p_.network.fate = [this](const SimPacket& packet) { return Pass(packet); };
  }
  unsigned refused = 0;
  bool refuses = false;
  bool always = false;   // also where it has got one

 private:
  Fate Pass(const SimPacket& packet) {
    auto payloads = refuses && packet.from.address == p_.b.address ? insider_.Open(packet.data) : std::nullopt;
    if (!payloads || !FindPayload(*payloads, PayloadType::kTsI)) return {};
    const auto& ts = std::get<TsPayload>(*FindPayload(*payloads, PayloadType::kTsI)).selectors;
    if (ts == SelectorList{Packet("10.1.0.5/32", "10.2.0.9/32").local} && !always) return {};
    ++refused;
    PayloadList changed;
    const auto of_child = {PayloadType::kSa, PayloadType::kTsI, PayloadType::kTsR, PayloadType::kNonce};
    for (const Payload& payload : *payloads) {
      if (std::ranges::find(of_child, TypeOf(payload)) == of_child.end()) changed.Add(payload);
    }
    changed.AddNotify(NotifyType::kSinglePairRequired);
    const IkeHeader header = DecodeMessage(packet.data)->header;
    Bytes data = *insider_.Seal(header, header.initiator, changed.Encode());
    p_.a.Post(DatagramIn{packet.to, packet.from, packet.marker, std::move(data)});
    return {.arrivals = {}};
  }

  TwoPeers& p_;
  Insider insider_;
};

TEST(Narrowing, SinglePairRequiredIsAskedAgainForTheFlowAlone) {
  for (bool in_auth : {true, false}) {
    TwoPeers p;
    p.AddChild("other", 1);
    p.Start();
    SinglePairs b(p);
    if (!in_auth) {
      p.a.Up("other");
      p.RunFor(1s);
    }
    b.refuses = true;
    const TriggeringPacket packet = Packet("10.1.0.5/32", "10.2.0.9/32");
    p.a.Post(Hit("net", packet));
    p.RunFor(2s);
    EXPECT_EQ(b.refused, 1u);
    ASSERT_TRUE(p.a.Sends("net"));
    EXPECT_EQ(p.a.Sends("net")->local_ts, SelectorList{packet.local});
    EXPECT_EQ(p.a.Sends("net")->remote_ts, SelectorList{packet.remote});
  }
}

TEST(Narrowing, SinglePairRequiredWithNoFlowOrOfASinglePairIsARefusal) {
  for (bool of_a_flow : {true, false}) {
    TwoPeers p;
    p.AddChild("other", 1);
    p.Start();
    SinglePairs b(p);
    p.a.Up("other");
    p.RunFor(1s);
    b.refuses = b.always = true;
    RequestId r = 0;
    if (of_a_flow) {
      p.a.Post(Hit("net", Packet("10.1.0.5/32", "10.2.0.9/32")));
    } else {
      r = p.a.Up("net");
    }
    p.RunFor(2s);
    EXPECT_EQ(b.refused, of_a_flow ? 2u : 1u);
    EXPECT_FALSE(p.a.Sends("net"));
    EXPECT_TRUE(p.a.Logged("the peer answers SINGLE_PAIR_REQUIRED"));
    if (r != 0) {
      EXPECT_THAT(p.a.replies[r].error, testing::HasSubstr("SINGLE_PAIR_REQUIRED"));
    }
    EXPECT_EQ(p.a.installed.size(), 2u);
    EXPECT_EQ(p.a.spis.drawn.size(), 1u);
  }
}

}  // namespace
}  // namespace culvert::ike
