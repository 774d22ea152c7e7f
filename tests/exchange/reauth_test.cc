#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/ike/wire/header.h"
#include "tests/support/two_peers.h"

// Authenticating again, make before break, and RFC 4478.
namespace culvert::ike {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::seconds kReauth{100};

void SetReauth(SimPeer& peer) {
  auto& c = peer.control.connections.front();
  c.reauth_time = kReauth;
  c.rand_time = 10s;
}

// Both sides have one IKE SA, another than `before`, that carries all of `children`.
void ExpectAnew(TwoPeers& p, IkeId before, const std::vector<std::string>& children = {"net"}) {
  EXPECT_EQ(p.Disagreement(), "");
  ASSERT_EQ(p.a.Established().size(), 1u);
  ASSERT_EQ(p.b.Established().size(), 1u);
  EXPECT_NE(p.a.Established()[0].id, before);
  EXPECT_EQ(p.a.LiveChildren().size(), children.size());
  for (const auto& child : children) EXPECT_TRUE(p.CarriesBothWays(child)) << child;
}

TEST(Reauth, MakesAllAnewBeforeTheOldGoes) {
  TwoPeers p;
  p.AddChild("more", 1);
  SetReauth(p.a);
  p.ConnectionOf(p.a).over_time = 1s;   // less than the two SAs stand beside each other
  p.Establish();
  p.a.Up("more");
  p.RunFor(1s);
  const IkeId before = p.a.Established()[0].id;
  EXPECT_GT(p.a.Established()[0].reauth_at, p.clock.now() + 80s);
  p.WatchTraffic("more");
  p.RunFor(kReauth + 5s);
  EXPECT_EQ(p.lost, 0u) << p.first_loss;
  EXPECT_TRUE(p.a.Logged("authenticated again"));
  EXPECT_FALSE(p.a.Logged("in time"));
  ExpectAnew(p, before, {"net", "more"});
  EXPECT_GT(p.a.Established()[0].reauth_at, p.clock.now() + 60s);
}

TEST(Reauth, SurvivesWhateverHappensToOneMessage) {
  TellWithEveryDisturbance({.prepare = [](TwoPeers& p) {
                              p.ConnectionOf(p.a).reauth_time = 20s;
                              p.ConnectionOf(p.a).over_time = 200s;
                              p.ConnectionOf(p.a).rand_time = 1s;
                              p.Establish();
                              p.ConnectionOf(p.a).reauth_time = 0s;
                              p.a.Post(ConfigChanged{});
                              p.WatchTraffic("net", 20ms);
                              p.RunFor(18s);
                            },
                            .story = [](TwoPeers&) {},
                            .check = [](TwoPeers& p) {
                              EXPECT_EQ(p.Disagreement(), "");
                              EXPECT_EQ(p.lost, 0u) << p.first_loss;
                              EXPECT_EQ(p.a.Established().size(), 1u);
                              EXPECT_TRUE(p.a.Logged("authenticated again"));
                            }});
}

TEST(Reauth, TheCalledSideAsksAndTheCallerComes) {
  TwoPeers p;
  p.ConnectionOf(p.b).reauth_time = kReauth;
  p.Establish();
  const IkeId before = p.a.Established()[0].id;
  EXPECT_TRUE(p.a.Logged("wants us to authenticate again within 100 s"));
  p.WatchTraffic();
  p.RunFor(kReauth - 1s);   // RFC 4478 3: before it is over
  EXPECT_EQ(p.lost, 0u) << p.first_loss;
  ExpectAnew(p, before);
}

TEST(Reauth, WhoDoesNotComeIsSentAway) {
  TwoPeers p;
  p.ConnectionOf(p.b).reauth_time = kReauth;
  p.ConnectionOf(p.b).over_time = 20s;
  p.Establish();
  // Nothing but what is under way with the old SA reaches b any more.
  p.network.fate = [&](const SimPacket& packet) {
    const bool fresh = packet.data.size() > 18 && packet.data[18] == static_cast<uint8_t>(ExchangeType::kIkeSaInit);
    return fresh ? Fate{.arrivals = {}} : Fate{};
  };
  p.RunFor(kReauth + 15s);
  EXPECT_EQ(p.b.Established().size(), 1u);
  p.RunFor(10s);
  EXPECT_EQ(p.b.Established().size(), 0u);
  EXPECT_TRUE(p.b.Logged("has not been authenticated again in time"));
}

TEST(Reauth, IsTriedAgainUntilItSucceedsAndTheOldCarriesOn) {
  TwoPeers p;
  SetReauth(p.a);
  p.ConnectionOf(p.a).over_time = 300s;
  p.Establish();
  const IkeId before = p.a.Established()[0].id;
  SecretBytes right = std::exchange(p.b.control.secrets[0].data, SecretBytes(AsBytes("another key")));
  p.b.Post(ConfigChanged{});
  p.WatchTraffic();
  p.RunFor(kReauth + 60s);
  EXPECT_EQ(p.a.Established()[0].id, before);
  EXPECT_GT(p.b.Counted(Count::kAuthenticationFailed), 3u);
  p.b.control.secrets[0].data = std::move(right);
  p.b.Post(ConfigChanged{});
  p.RunFor(30s);
  EXPECT_EQ(p.lost, 0u) << p.first_loss;
  ExpectAnew(p, before);
}

TEST(Reauth, RekeyingDoesNotPutItOff) {
  TwoPeers p;
  p.ConnectionOf(p.a).rekey_time = 40s;
  p.ConnectionOf(p.a).reauth_time = kReauth;
  p.ConnectionOf(p.a).over_time = p.ConnectionOf(p.a).rand_time = 5s;
  p.ConnectionOf(p.b).rekey_time = 30s;   // the called side rekeys: the caller is still the one to authenticate again
  p.ConnectionOf(p.b).over_time = p.ConnectionOf(p.b).rand_time = 5s;
  p.Establish();
  p.RunFor(60s);
  EXPECT_FALSE(p.a.Logged("authenticating again"));
  p.WatchTraffic();
  p.RunFor(kReauth - 60s + 10s);
  EXPECT_TRUE(p.a.Logged("authenticated again"));
  EXPECT_EQ(p.lost, 0u) << p.first_loss;
  EXPECT_EQ(p.Disagreement(), "");
}

TEST(Reauth, UniquePoliciesLetItPass) {
  for (auto unique : {config::Unique::kReplace, config::Unique::kKeep, config::Unique::kNo, config::Unique::kNever}) {
    TwoPeers p;
    p.ForBoth([&](SimPeer& peer) { p.ConnectionOf(peer).unique = unique; });
    p.AddChild("more", 1);
    SetReauth(p.a);
    p.Establish();
    p.a.Up("more");
    p.RunFor(1s);
    const IkeId before = p.a.Established()[0].id;
    p.WatchTraffic("more");
    p.RunFor(kReauth + 20s);
    EXPECT_EQ(p.lost, 0u) << p.first_loss;
    ExpectAnew(p, before, {"net", "more"});
  }
}

// Another part of the same child of b's is nothing that b could go on sending on meanwhile.
TEST(Reauth, AnotherIkeSaOfThePeersIsUsedAtOnce) {
  TwoPeers p;
  p.a.control.connections.push_back(p.ConnectionOf(p.a));
  p.a.control.connections.back().name = "second";
  for (size_t i : {0u, 1u}) {
    p.a.control.connections[i].unique = config::Unique::kNever;   // and so no INITIAL_CONTACT
    auto& ts = p.a.control.connections[i].children[0].local_ts.at(0).selector;
    ts.addresses = IpRange::Of(*IpPrefix::Parse(i == 0 ? "10.1.1.0/24" : "10.1.2.0/24"));
  }
  p.Start();
  p.a.Up("net", "gw");
  p.RunFor(1s);
  p.a.Up("net", "second");
  p.RunFor(100ms);
  EXPECT_EQ(p.b.Established().size(), 2u);
  EXPECT_EQ(p.b.installed.size(), 4u);
}

TEST(Reauth, AnIkeSaWithoutChildrenToo) {
  TwoPeers p;
  SetReauth(p.a);
  p.Establish();
  p.a.Down("", "net");
  p.RunFor(1s);
  const IkeId before = p.a.Established()[0].id;
  p.RunFor(kReauth + 5s);
  ExpectAnew(p, before, {});
}

}  // namespace
}  // namespace culvert::ike
