#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "control/ike/wire/header.h"
#include "tests/support/two_peers.h"

namespace culvert::ike {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

void UsePfs(TwoPeers& p, const char* proposal = "aes128gcm16-x25519") {
  p.ForBoth([&](SimPeer& peer) { p.ChildOf(peer).esp_proposals = {*config::ParseEspProposal(proposal, false)}; });
}

// The one child's SPI on a's side.
uint32_t SpiOf(const SimPeer& peer) { return peer.LiveChildren().at(0).spi_in; }

TEST(RekeyChild, ReplacesKeysWithoutLosingAPacket) {
  for (bool pfs : {false, true}) {
    for (bool from_a : {true, false}) {
      TwoPeers p;
      if (pfs) UsePfs(p);
      p.ForBoth([](SimPeer& peer) { peer.install_delay = 20ms; });
      p.Establish();
      p.WatchTraffic();
      uint32_t before = SpiOf(p.a);
      SimPeer& who = from_a ? p.a : p.b;
      RequestId r = who.RekeyChildren("net");
      p.RunFor(30s);
      EXPECT_TRUE(who.replies[r].ok);
      EXPECT_NE(SpiOf(p.a), before);
      EXPECT_EQ(p.Disagreement(), "");
      EXPECT_GT(p.packets, 50000u);
      EXPECT_EQ(p.lost, 0u) << p.first_loss;
      EXPECT_EQ(p.a.LiveChildren()[0].group, pfs ? KeGroup::kX25519 : KeGroup::kNone);
    }
  }
}

// What is on the wire may take longer than the exchange: the old inbound SA stays for delete_rekeyed_delay.
TEST(RekeyChild, KeepsTheOldInboundForStragglers) {
  TwoPeers p;
  p.Establish();
  p.a.RekeyChildren("net");
  p.RunFor(4s);
  p.ForBoth([](SimPeer& peer) { EXPECT_EQ(peer.installed.size(), 3u) << peer.name; });
  p.RunFor(2s);
  p.ForBoth([](SimPeer& peer) { EXPECT_EQ(peer.installed.size(), 2u) << peer.name; });
}

TEST(RekeyChild, SurvivesWhateverHappensToOneMessage) {
  for (bool pfs : {false, true}) {
    TellWithEveryDisturbance({.prepare = [pfs](TwoPeers& p) {
                                if (pfs) UsePfs(p);
                                p.Establish();
                                p.WatchTraffic("net", 4ms);
                              },
                              .story = [](TwoPeers& p) { p.a.RekeyChildren("net"); },
                              .check = [](TwoPeers& p) {
                                EXPECT_EQ(p.Disagreement(), "");
                                EXPECT_EQ(p.a.LiveChildren().size(), 1u);
                                EXPECT_EQ(p.lost, 0u) << p.first_loss;
                              }});
  }
}

// The replier sends on the new SA when it sees the requester use it, also where the old one's Delete does not come.
TEST(RekeyChild, TrafficOnTheNewSaIsEvidenceEnough) {
  TwoPeers p;
  p.Establish();
  p.WatchTraffic();
  uint32_t before = p.b.Sends("net")->sa.spi;
  // Only the Delete is lost, time and again.
  p.network.fate = [&](const SimPacket& packet) {
    bool is_delete = DecodeHeader(packet.data)->exchange == ExchangeType::kInformational && packet.from.address == p.a.address;
    return is_delete ? Fate{.arrivals = {}} : Fate{};
  };
  p.a.RekeyChildren("net");
  p.RunFor(3s);
  EXPECT_NE(p.b.Sends("net")->sa.spi, before);
  EXPECT_EQ(p.lost, 0u) << p.first_loss;
}

TEST(RekeyChild, ProposesTheNarrowedSelectorsAndNeverWidens) {
  TwoPeers p;
  p.ChildOf(p.a).remote_ts = {SelectorTs("0.0.0.0/0")};
  p.Establish();
  // Both would now allow more; the SA's selectors stay what they were (trap 14, B41).
  for (SimPeer* who : {&p.a, &p.b}) {
    who->RekeyChildren("net");
    p.RunFor(10s);
    p.ForBoth([](SimPeer& peer) { ASSERT_EQ(peer.LiveChildren().size(), 1u); });
    EXPECT_EQ(p.a.LiveChildren()[0].remote_ts, Selectors({"10.2.0.0/16"}));
    EXPECT_EQ(p.b.LiveChildren()[0].local_ts, Selectors({"10.2.0.0/16"}));
  }
}

TEST(RekeyChild, PreferenceRisesWithEachReplacement) {
  TwoPeers p;
  p.Establish();
  uint32_t last = p.a.Sends("net")->preference;
  for (int i = 0; i < 3; ++i) {
    p.a.RekeyChildren("net");
    p.RunFor(1s);
    EXPECT_GT(p.a.Sends("net")->preference, last);
    last = p.a.Sends("net")->preference;
  }
}

TEST(RekeyChild, InvalidKePayloadNamesTheGroupThatIsWanted) {
  TwoPeers p;
  p.ChildOf(p.a).esp_proposals = {*config::ParseEspProposal("aes128gcm16-ecp256-x25519", false)};
  p.ChildOf(p.b).esp_proposals = {*config::ParseEspProposal("aes128gcm16-x25519", false)};
  p.Establish();
  RequestId r = p.a.RekeyChildren("net");
  p.RunFor(10s);
  EXPECT_TRUE(p.a.replies[r].ok) << p.a.replies[r].error;
  EXPECT_EQ(p.a.Counted(Count::kInvalidKeReceived), 1u);
  EXPECT_EQ(p.b.Counted(Count::kInvalidKeSent), 1u);
  EXPECT_EQ(p.a.LiveChildren()[0].group, KeGroup::kX25519);
  EXPECT_EQ(p.Disagreement(), "");
}

// The first child has no key exchange of its own, so a mismatch only shows at the first rekeying (trap 19).
TEST(RekeyChild, PfsMismatchFailsTheRekeyingOnly) {
  TwoPeers p;
  p.ChildOf(p.b).esp_proposals = {*config::ParseEspProposal("aes128gcm16-x25519", false)};
  p.Establish();
  p.WatchTraffic();
  RequestId r = p.a.RekeyChildren("net");
  p.RunFor(5s);
  EXPECT_THAT(p.a.replies[r].error, HasSubstr("NO_PROPOSAL_CHOSEN"));
  EXPECT_EQ(p.Disagreement(), "");
  EXPECT_EQ(p.lost, 0u) << p.first_loss;
}

TEST(RekeyChild, DefaultChildrenOfferAKeyExchangeAndAcceptNone) {
  for (bool default_calls : {true, false}) {
    TwoPeers p;
    auto& child = p.ChildOf(default_calls ? p.a : p.b);
    child.esp_proposals = config::DefaultEspProposals();
    p.Establish();
    RequestId r = p.a.RekeyChildren("net");
    p.RunFor(10s);
    EXPECT_TRUE(p.a.replies[r].ok) << p.a.replies[r].error;
    EXPECT_EQ(p.Disagreement(), "");
  }
}

TEST(RekeyChild, RefusedByTheDataPlaneTheOldOneStays) {
  for (bool replier : {true, false}) {
    for (bool inbound : {true, false}) {
      TwoPeers p;
      p.Establish();
      SimPeer& refusing = replier ? p.b : p.a;
      refusing.install_status = [=](const InstallChild& i) { return i.inbound == inbound ? InstallStatus::kRefused : InstallStatus::kOk; };
      p.a.RekeyChildren("net");
      p.RunFor(9s);
      refusing.install_status = nullptr;
      // A replier's outbound half fails after the old SA is gone: then there is nothing, but both know it.
      EXPECT_EQ(p.Disagreement(), "") << replier << inbound;
      EXPECT_EQ(p.a.LiveChildren().size(), replier && !inbound ? 0u : 1u);
      p.RunFor(60s);
      EXPECT_EQ(p.Disagreement(), "") << replier << inbound;
    }
  }
}

TEST(RekeyChild, TwentyInARowInBothDirections) {
  TwoPeers p;
  UsePfs(p);
  p.Establish();
  p.WatchTraffic();
  for (int i = 0; i < 20; ++i) {
    (i % 2 ? p.a : p.b).RekeyChildren("net");
    p.RunFor(1s);
  }
  p.RunFor(10s);
  EXPECT_EQ(p.Disagreement(), "");
  EXPECT_EQ(p.lost, 0u) << p.first_loss;
}

TEST(RekeyIke, MovesChildrenAndLosesNothing) {
  for (bool from_a : {true, false}) {
    TwoPeers p;
    p.Establish();
    p.WatchTraffic();
    IkeView before = p.a.Established()[0];
    SimPeer& who = from_a ? p.a : p.b;
    RequestId r = who.RekeyIke("gw");
    p.RunFor(10s);
    EXPECT_TRUE(who.replies[r].ok);
    EXPECT_EQ(p.Disagreement(), "");
    ASSERT_EQ(p.a.Established().size(), 1u);
    IkeView after = p.a.Established()[0];
    EXPECT_NE(after.spi_i, before.spi_i);
    // RFC 7296 1.3.2: whoever rekeys is the new SA's original initiator. The bucket stays.
    EXPECT_EQ(after.initiator, from_a);
    uint64_t ours_before = before.spi_i, ours_after = from_a ? after.spi_i : after.spi_r;
    EXPECT_EQ(IkeSpiBucket(ours_after), IkeSpiBucket(ours_before));
    ASSERT_EQ(after.children.size(), 1u);
    EXPECT_EQ(after.children[0].spi_in, before.children[0].spi_in);
    EXPECT_EQ(p.lost, 0u) << p.first_loss;
    // The successor works: rekey its child, from the other side.
    (from_a ? p.b : p.a).RekeyChildren("net");
    p.RunFor(10s);
    EXPECT_EQ(p.Disagreement(), "");
    EXPECT_NE(SpiOf(p.a), before.children[0].spi_in);
  }
}

TEST(RekeyIke, SurvivesWhateverHappensToOneMessage) {
  TellWithEveryDisturbance({.prepare = [](TwoPeers& p) {
                              p.Establish();
                              p.WatchTraffic("net", 4ms);
                            },
                            .story = [](TwoPeers& p) { p.a.RekeyIke("gw"); },
                            .check = [](TwoPeers& p) {
                              EXPECT_EQ(p.Disagreement(), "");
                              EXPECT_EQ(p.a.Established().size(), 1u);
                              EXPECT_EQ(p.lost, 0u) << p.first_loss;
                            }});
}

// hostile.md D13: tunnels that came up together are rekeyed over a tenth of their lifetime, no part of it much fuller than others.
TEST(Rekey, AHerdIsSpread) {
  constexpr unsigned kTunnels = 400, kParts = 4;
  std::array<unsigned, kParts> ike{}, child{};
  auto part = [&](Duration until, Duration latest, Duration spread) {
    EXPECT_LE(until, latest);
    EXPECT_GE(until, latest - spread);
    return std::min(static_cast<size_t>((latest - until) * kParts / spread), size_t{kParts} - 1);
  };
  for (unsigned seed = 1; seed <= kTunnels; ++seed) {
    TwoPeers p(seed);
    const config::Connection& c = p.ConnectionOf(p.a);
    const config::Lifetime& life = p.ChildOf(p.a).seconds_;
    p.Establish();
    const IkeView sa = p.a.Established().at(0);
    ++ike[part(sa.rekey_at - sa.established, c.rekey_time, c.rand_time)];
    ++child[part(sa.children.at(0).rekey_at - sa.established, std::chrono::seconds(life.rekey), std::chrono::seconds(life.rand))];
    EXPECT_GE(c.rand_time * 10, c.rekey_time);
    EXPECT_GE(life.rand * 10, life.rekey);
  }
  for (unsigned n : ike) EXPECT_GT(n, kTunnels / kParts / 2);
  for (unsigned n : child) EXPECT_GT(n, kTunnels / kParts / 2);
}

TEST(RekeyIke, InvalidKePayloadNamesTheGroupThatIsWanted) {
  TwoPeers p;
  p.ConnectionOf(p.a).proposals = {*config::ParseIkeProposal("aes128gcm16-prfsha256-x25519-ecp256")};
  p.ConnectionOf(p.b).proposals = {*config::ParseIkeProposal("aes128gcm16-prfsha256-x25519-ecp256")};
  p.Establish();
  // The replier now prefers another group than the SA has.
  p.b.control.connections[0].proposals = {*config::ParseIkeProposal("aes128gcm16-prfsha256-ecp256-x25519")};
  p.b.Crash();
  p.b.Start();
  p.a.Down("gw");
  p.RunFor(70s);
  p.a.Up("net");
  p.RunFor(1s);
  EXPECT_EQ(p.a.Counted(Count::kInvalidKeReceived), 1u);
  RequestId r = p.a.RekeyIke("gw");
  p.RunFor(10s);
  EXPECT_TRUE(p.a.replies[r].ok) << p.a.replies[r].error;
  EXPECT_EQ(p.a.Established()[0].suite.group, KeGroup::kEcp256);
  EXPECT_EQ(p.Disagreement(), "");
}

TEST(RekeyIke, QueuedWorkMovesToTheSuccessor) {
  TwoPeers p;
  p.AddChild("other", 1);
  p.Establish();
  p.a.RekeyIke("gw");
  RequestId r = p.a.Up("other");
  p.RunFor(10s);
  EXPECT_TRUE(p.a.replies[r].ok);
  EXPECT_EQ(p.a.Established().size(), 1u);
  EXPECT_EQ(p.Disagreement(), "");
  EXPECT_TRUE(p.CarriesBothWays("other"));
}

TEST(RekeyIke, ByItsLifetime) {
  TwoPeers p;
  p.ConnectionOf(p.a).rekey_time = 60s;
  p.ConnectionOf(p.a).rand_time = 10s;
  p.Establish();
  p.WatchTraffic();
  uint64_t before = p.a.Established()[0].spi_i;
  p.RunFor(49s);
  EXPECT_EQ(p.a.Established()[0].spi_i, before);
  p.RunFor(15s);
  EXPECT_NE(p.a.Established()[0].spi_i, before);
  EXPECT_EQ(p.Disagreement(), "");
  EXPECT_EQ(p.lost, 0u) << p.first_loss;
}

// An SA keeps the connection it was made with: a reload changes what new ones are.
TEST(RekeyIke, IsNotTouchedByAReload) {
  TwoPeers p;
  p.ConnectionOf(p.a).rekey_time = 30s;
  p.ConnectionOf(p.a).rand_time = 0s;
  p.Establish();
  uint64_t before = p.a.Established()[0].spi_i;
  p.ConnectionOf(p.b).proposals = {*config::ParseIkeProposal("aes256-sha512-ecp521")};
  p.b.Post(ConfigChanged{});
  p.RunFor(32s);
  EXPECT_NE(p.a.Established()[0].spi_i, before);
  EXPECT_EQ(p.Disagreement(), "");
}

// D12: a burst of 32 is granted, then one in 30 s.
TEST(RekeyIke, TooOftenIsRefusedForNow) {
  TwoPeers p;
  p.Establish();
  for (int i = 0; i < 32; ++i) {
    RequestId r = p.a.RekeyIke("gw");
    p.RunFor(100ms);
    ASSERT_TRUE(p.a.replies.contains(r) && p.a.replies[r].ok) << i;
  }
  RequestId r = p.a.RekeyIke("gw");
  p.RunFor(5s);
  EXPECT_FALSE(p.a.replies.contains(r));
  EXPECT_GT(p.b.Counted(Count::kTemporaryFailureSent), 1u);
  p.RunFor(40s);
  EXPECT_TRUE(p.a.replies.contains(r));
  EXPECT_EQ(p.Disagreement(), "");
}

TEST(Lifetimes, ChildIsRekeyedByItsTime) {
  TwoPeers p;
  p.ChildOf(p.a).seconds_ = {60, 70, 10};
  p.Establish();
  p.WatchTraffic();
  uint32_t before = SpiOf(p.a);
  EXPECT_EQ(p.a.Sends("net")->hard_at, p.a.LiveChildren()[0].installed + 70s);
  EXPECT_EQ(p.a.Sends("net")->soft_at, Time{});
  p.RunFor(48s);
  EXPECT_EQ(SpiOf(p.a), before);
  p.RunFor(12s);
  EXPECT_NE(SpiOf(p.a), before);
  p.RunFor(10s);
  EXPECT_EQ(p.Disagreement(), "");
  EXPECT_EQ(p.lost, 0u) << p.first_loss;
}

TEST(Lifetimes, SoftExpiryOfBytesOrPacketsRekeys) {
  TwoPeers p;
  p.ChildOf(p.a).bytes = {1000000, 2000000, 100000};
  p.ChildOf(p.a).packets = {1000, 2000, 100};
  p.Establish();
  const InstallChild* out = p.a.Sends("net");
  EXPECT_EQ(out->hard_bytes, 2000000u);
  EXPECT_EQ(out->hard_packets, 2000u);
  EXPECT_TRUE(out->soft_bytes > 900000 && out->soft_bytes <= 1000000);
  EXPECT_TRUE(out->soft_packets > 900 && out->soft_packets <= 1000);
  uint32_t before = SpiOf(p.a);
  p.a.Post(ChildSoftExpired{out->child});
  p.a.Post(ChildSoftExpired{out->child});   // both halves may say so
  p.RunFor(10s);
  EXPECT_NE(SpiOf(p.a), before);
  EXPECT_EQ(p.a.LiveChildren().size(), 1u);
  EXPECT_EQ(p.Disagreement(), "");
}

TEST(Lifetimes, HardExpiryDeletesAndCloseActionFollows) {
  for (auto action : {config::CloseAction::kNone, config::CloseAction::kStart, config::CloseAction::kTrap}) {
    TwoPeers p;
    p.ChildOf(p.a).close_action = action;
    p.Establish();
    uint32_t before = SpiOf(p.a);
    p.a.Post(ChildHardExpired{p.a.Sends("net")->child});
    p.RunFor(10s);
    EXPECT_EQ(p.Disagreement(), "");
    EXPECT_EQ(p.a.LiveChildren().size(), action == config::CloseAction::kStart ? 1u : 0u);
    EXPECT_EQ(p.a.traps.size(), action == config::CloseAction::kTrap ? 1u : 0u);
    if (action == config::CloseAction::kStart) {
      EXPECT_NE(SpiOf(p.a), before);
    }
  }
}

}  // namespace
}  // namespace culvert::ike
