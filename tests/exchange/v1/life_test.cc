#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/peers_v1.h"

// ISAKMP SAs and their children from the first to the last: rekeyed, authenticated again, deleted, dead.
namespace culvert::ike {
namespace {

using namespace std::chrono_literals;

const auto kNothingArrives = [](const SimPacket&) { return Fate{.arrivals = {}}; };

struct Ways {
  const char* name;
  SpeakV1 how;
};
const Ways kWays[] = {
    {"main", {}},
    {"aggressive", {.aggressive = true}},
    {"PFS", {.esp = "aes128gcm16-ecp256"}},
    {"signed", {.by = SpeakV1::By::kPubkey}},
    {"XAUTH and mode config", {.xauth = true, .mode_config = true}},
};

TEST(LifeV1, EitherPhaseIsMadeAnewByEitherSideWithoutALoss) {
  for (const Ways& w : kWays) {
    for (bool by_a : {true, false}) {
      SCOPED_TRACE(std::string(w.name) + (by_a ? " by a" : " by b"));
      // Whoever asks for a user's name is not called by the one who tells it.
      if (!by_a && w.how.asks_user()) continue;
      TwoPeers p;
      UseIkev1(p, w.how);
      p.Establish();
      p.WatchTraffic();
      SimPeer& who = by_a ? p.a : p.b;
      for (int round = 0; round < 3; ++round) {
        const uint32_t child = p.a.LiveChildren().at(0).spi_in;
        const RequestId r = who.RekeyChildren("net");
        p.RunFor(20s);
        EXPECT_TRUE(who.replies[r].ok) << who.replies[r].error;
        ASSERT_EQ(p.Disagreement(), "");
        ASSERT_EQ(p.a.LiveChildren().size(), 1u);
        EXPECT_NE(p.a.LiveChildren()[0].spi_in, child);
        const uint64_t ike = p.a.Established().at(0).spi_i;
        const RequestId s = who.RekeyIke("gw");
        p.RunFor(20s);
        EXPECT_TRUE(who.replies[s].ok) << who.replies[s].error;
        ASSERT_EQ(p.Disagreement(), "");
        ASSERT_EQ(p.a.Established().size(), 1u);
        EXPECT_NE(p.a.Established()[0].spi_i, ike);
        ASSERT_EQ(p.a.LiveChildren().size(), 1u);
      }
      EXPECT_EQ(p.lost, 0u) << p.first_loss;
    }
  }
}

TEST(LifeV1, ByTheirLifetimesForALongTime) {
  for (const Ways& w : kWays) {
    SCOPED_TRACE(w.name);
    TwoPeers p;
    UseIkev1(p, w.how);
    p.ForBoth([&](SimPeer& peer) {
      auto& c = p.ConnectionOf(peer);
      c.rekey_time = 100s;
      c.over_time = 20s;
      c.rand_time = 10s;
      c.children[0].seconds_ = {60, 80, 10};
    });
    p.Establish();
    p.WatchTraffic("net", 10ms);
    p.RunFor(1000s);
    p.StopTraffic();
    EXPECT_EQ(p.lost, 0u) << p.first_loss;
    for (int tries = 0; tries < 100 && !p.Disagreement().empty(); ++tries) p.RunFor(500ms);
    EXPECT_EQ(p.Disagreement(), "");
    EXPECT_EQ(p.a.Established().size(), 1u);
    EXPECT_EQ(p.a.LiveChildren().size(), 1u);
  }
}

TEST(LifeV1, RekeyingBothSidesAtOnce) {
  for (bool ike : {false, true}) {
    for (auto apart : {0ms, 3ms, 7ms, 12ms, 20ms}) {
      SCOPED_TRACE(apart.count());
      TwoPeers p;
      UseIkev1(p);
      p.Establish();
      p.WatchTraffic();
      auto renew = [&](SimPeer& peer) { return ike ? peer.RekeyIke("gw") : peer.RekeyChildren("net"); };
      const RequestId at_a = renew(p.a);
      p.RunFor(apart);
      const RequestId at_b = renew(p.b);
      p.RunFor(200s);
      EXPECT_TRUE(p.a.replies[at_a].ok && p.b.replies[at_b].ok);
      EXPECT_EQ(p.Disagreement(), "");
      EXPECT_EQ(p.lost, 0u) << p.first_loss;
      EXPECT_GE(p.a.LiveChildren().size(), 1u);
    }
  }
}

TEST(LifeV1, RekeyingWhateverHappensToOneMessage) {
  for (bool ike : {false, true}) {
    for (bool aggressive : {false, true}) {
      SCOPED_TRACE(std::string(ike ? "ISAKMP SA" : "child") + (aggressive ? ", aggressive" : ""));
      TellWithEveryDisturbance({.prepare =
                                    [&](TwoPeers& p) {
                                      UseIkev1(p, {.aggressive = aggressive, .esp = "aes128gcm16-ecp256"});
                                      p.ConnectionOf(p.a).keyingtries = 3;
                                      p.Establish();
                                      p.WatchTraffic("net", 10ms);
                                    },
                                .story = [ike](TwoPeers& p) { ike ? p.a.RekeyIke("gw") : p.a.RekeyChildren("net"); },
                                .check =
                                    [](TwoPeers& p) {
                                      p.StopTraffic();
                                      EXPECT_EQ(p.lost, 0u) << p.first_loss;
                                      EXPECT_EQ(p.Disagreement(), "");
                                      EXPECT_EQ(p.a.Established().size(), 1u);
                                    }});
    }
  }
}

TEST(LifeV1, Deletes) {
  for (bool by_a : {true, false}) {
    TwoPeers p;
    UseIkev1(p);
    p.Establish();
    SimPeer& who = by_a ? p.a : p.b;
    const RequestId child = who.Down("", "net");
    p.RunFor(10s);
    EXPECT_TRUE(who.replies[child].ok);
    EXPECT_EQ(p.Disagreement(), "");
    EXPECT_EQ(p.a.Established().size(), 1u);
    EXPECT_TRUE(p.a.LiveChildren().empty());
    who.Up("net");
    p.RunFor(1s);
    EXPECT_TRUE(p.CarriesBothWays());
    const RequestId ike = who.Down("gw");
    p.RunFor(10s);
    EXPECT_TRUE(who.replies[ike].ok);
    EXPECT_EQ(p.Disagreement(), "");
    p.ForBoth([](SimPeer& peer) {
      EXPECT_TRUE(peer.core->List().empty()) << peer.name;
      EXPECT_EQ(peer.Untidiness(), "");
    });
  }
}

// RFC 3706, and what dpd_action asks for then.
TEST(LifeV1, ADeadPeerIsFoundOutAndCalledAgain) {
  for (bool restart : {false, true}) {
    TwoPeers p;
    UseIkev1(p);
    p.ChildOf(p.a).dpd_action = restart ? config::DpdAction::kRestart : config::DpdAction::kClear;
    p.ConnectionOf(p.a).keyingtries = 0;
    p.Establish();
    const uint64_t ike = p.a.Established().at(0).spi_i;
    p.RunFor(100s);
    EXPECT_EQ(p.a.Established().at(0).spi_i, ike) << "a peer that answers is not dead";
    p.b.Crash();
    p.RunFor(100s);
    EXPECT_EQ(p.a.Established().size(), 0u);
    EXPECT_TRUE(p.a.installed.empty());
    p.b.Start();
    p.RunFor(100s);
    EXPECT_EQ(p.a.Established().size(), restart ? 1u : 0u);
    EXPECT_EQ(p.Disagreement(), "");
    EXPECT_EQ(p.CarriesBothWays(), restart);
  }
}

// A gateway that has forgotten everything and is called by its peer, or calls it: INITIAL-CONTACT clears what is left.
TEST(LifeV1, APeerThatComesBackReplacesWhatItHadBefore) {
  for (bool aggressive : {false, true}) {
    TwoPeers p;
    UseIkev1(p, {.aggressive = aggressive});
    p.ForBoth([&](SimPeer& peer) { p.ConnectionOf(peer).dpd_delay = 0s; });
    p.Establish();
    p.a.Crash();
    p.RunFor(5s);
    p.a.Start();
    p.a.Up("net");
    p.RunFor(20s);
    EXPECT_EQ(p.Disagreement(), "");
    EXPECT_EQ(p.b.Established().size(), 1u);
    EXPECT_EQ(p.b.LiveChildren().size(), 1u);
    EXPECT_TRUE(p.CarriesBothWays());
  }
}

// The children outlive phase 1, and whoever needs an exchange calls again.
TEST(LifeV1, Phase1ExpiresAndPhase2LivesOn) {
  TwoPeers p;
  UseIkev1(p);
  p.ForBoth([&](SimPeer& peer) {
    auto& c = p.ConnectionOf(peer);
    c.dpd_delay = 0s;
    c.rekey_time = 60s;
    c.over_time = 30s;
    c.rand_time = 0s;
    c.children[0].seconds_ = {200, 250, 0};
  });
  p.Establish();
  p.WatchTraffic("net", 10ms);
  p.network.fate = kNothingArrives;   // nobody can be authenticated again
  p.RunFor(150s);
  EXPECT_TRUE(p.a.Established().empty());
  EXPECT_EQ(p.lost, 0u) << p.first_loss;
  p.network.fate = nullptr;
  p.RunFor(150s);
  p.StopTraffic();
  EXPECT_EQ(p.lost, 0u) << p.first_loss;
  EXPECT_EQ(p.a.Established().size(), 1u);
  EXPECT_EQ(p.Disagreement(), "");
}

TEST(LifeV1, UnansweredCallsAreGivenUpOrTriedAgain) {
  for (unsigned tries : {1u, 3u}) {
    TwoPeers p;
    UseIkev1(p);
    p.ConnectionOf(p.a).keyingtries = tries;
    p.Start();
    p.b.Crash();
    const RequestId r = p.a.Up("net");
    p.RunFor(tries * 100s);
    ASSERT_TRUE(p.a.replies.contains(r));
    EXPECT_FALSE(p.a.replies[r].ok);
    EXPECT_TRUE(p.a.core->List().empty());
    EXPECT_EQ(p.a.Untidiness(), "");
  }
}

}  // namespace
}  // namespace culvert::ike
