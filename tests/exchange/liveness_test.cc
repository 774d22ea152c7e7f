#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/ike/wire/header.h"
#include "tests/support/two_peers.h"

namespace culvert::ike {
namespace {

using namespace std::chrono_literals;

const auto kNothingArrives = [](const SimPacket&) { return Fate{.arrivals = {}}; };

TEST(Delete, OfAChildAndOfAnIkeSaByEitherSide) {
  for (bool by_a : {true, false}) {
    TwoPeers p;
    p.Establish();
    SimPeer& who = by_a ? p.a : p.b;
    RequestId child = who.Down("", "net");
    p.RunFor(1s);
    EXPECT_TRUE(who.replies[child].ok);
    EXPECT_EQ(p.Disagreement(), "");
    EXPECT_EQ(p.a.Established().size(), 1u);
    EXPECT_TRUE(p.a.LiveChildren().empty());
    RequestId ike = who.Down("gw");
    p.RunFor(1s);
    EXPECT_TRUE(who.replies[ike].ok);
    EXPECT_TRUE(p.a.Established().empty());
    EXPECT_EQ(p.Disagreement(), "");
  }
}

TEST(Delete, SurvivesWhateverHappensToOneMessage) {
  for (bool ike : {true, false}) {
    TellWithEveryDisturbance({.prepare = [](TwoPeers& p) { p.Establish(); },
                              .story = [ike](TwoPeers& p) { p.a.Down("gw", ike ? "" : "net"); },
                              .check = [ike](TwoPeers& p) {
                                EXPECT_EQ(p.Disagreement(), "");
                                EXPECT_EQ(p.a.Established().size(), ike ? 0u : 1u);
                                EXPECT_TRUE(p.b.LiveChildren().empty());
                              }});
  }
}

// The answer to a Delete is lost, and the SA it closed is gone: its tombstone answers again, and the peer need not give up.
TEST(Delete, ATombstoneAnswersRepeats) {
  TwoPeers p;
  p.Establish();
  uint64_t first = p.network.sent;
  p.network.fate = [&](const SimPacket& packet) { return packet.number == first + 1 ? Fate{.arrivals = {}} : Fate{}; };
  RequestId r = p.a.Down("gw");
  p.RunFor(5s);
  EXPECT_TRUE(p.a.replies.contains(r));
  EXPECT_EQ(p.b.Counted(Count::kRepeatAnswered), 1u);
  EXPECT_EQ(p.b.Counted(Count::kUnknownSpi), 0u);
}

// The same of one that was replaced by rekeying.
TEST(Delete, ATombstoneOfAReplacedSaAnswersRepeats) {
  TwoPeers p;
  p.Establish();
  uint64_t first = p.network.sent;
  // Two messages of CREATE_CHILD_SA, two of the Delete.
  p.network.fate = [&](const SimPacket& packet) { return packet.number == first + 3 ? Fate{.arrivals = {}} : Fate{}; };
  RequestId r = p.a.RekeyIke("gw");
  p.RunFor(5s);
  EXPECT_TRUE(p.a.replies.contains(r));
  EXPECT_EQ(p.b.Counted(Count::kRepeatAnswered), 1u);
  EXPECT_EQ(p.b.Counted(Count::kUnknownSpi), 0u);
  EXPECT_EQ(p.Disagreement(), "");
}

TEST(Delete, OneRequestForSeveralIsAnsweredWhenAllAreGone) {
  TwoPeers p;
  p.AddChild("other", 1);
  p.Start();
  for (int i = 0; i < 3; ++i) p.a.Up("net");
  p.RunFor(1s);
  ASSERT_EQ(p.a.LiveChildren().size(), 3u);
  RequestId r = p.a.Down("", "net");
  p.RunFor(12ms);
  EXPECT_FALSE(p.a.replies.contains(r));   // one exchange after the other
  p.RunFor(1s);
  ASSERT_TRUE(p.a.replies.contains(r));
  EXPECT_TRUE(p.a.replies[r].ok);
  EXPECT_EQ(p.a.replies[r].matches, 3u);
  EXPECT_TRUE(p.a.LiveChildren().empty());
}

TEST(Delete, ByForceIsNotWaitedFor) {
  TwoPeers p;
  p.Establish();
  p.network.fate = kNothingArrives;
  p.a.Post(Terminate{.request = 50, .ike = "gw", .child = "", .force = true});
  EXPECT_TRUE(p.a.replies[50].ok);
  EXPECT_TRUE(p.a.core->List().empty());
  EXPECT_TRUE(p.a.installed.empty());
}

TEST(Delete, CloseActionOfAChildThePeerDeleted) {
  TwoPeers p;
  p.ChildOf(p.a).close_action = config::CloseAction::kStart;
  p.Establish();
  p.b.Down("", "net");
  p.RunFor(2s);
  EXPECT_TRUE(p.a.LiveChildren().empty());   // not at once: a peer that always deletes would be asked for ever
  p.RunFor(10s);
  EXPECT_EQ(p.a.LiveChildren().size(), 1u);
  EXPECT_EQ(p.Disagreement(), "");
  p.b.Down("gw");
  p.RunFor(15s);
  EXPECT_EQ(p.a.LiveChildren().size(), 1u);
  EXPECT_EQ(p.Disagreement(), "");
}

TEST(Delete, CloseActionTrap) {
  TwoPeers p;
  p.ChildOf(p.a).close_action = config::CloseAction::kTrap;
  p.Establish();
  p.b.Down("gw");
  p.RunFor(15s);
  EXPECT_TRUE(p.a.LiveChildren().empty());
  ASSERT_EQ(p.a.traps.size(), 1u);
  EXPECT_EQ(p.a.traps[0].child, "net");
}

TEST(Delete, AnOperatorsOwnDeleteHasNoCloseAction) {
  TwoPeers p;
  p.ChildOf(p.a).close_action = config::CloseAction::kStart;
  p.Establish();
  p.a.Down("gw");
  p.RunFor(30s);
  EXPECT_TRUE(p.a.core->List().empty());
}

TEST(Liveness, ProbesASilentPeerAndNoOther) {
  TwoPeers p;
  p.ConnectionOf(p.a).dpd_delay = 10s;
  p.Establish();
  uint64_t before = p.network.sent;
  p.RunFor(9s);
  EXPECT_EQ(p.network.sent, before);
  p.RunFor(22s);
  EXPECT_EQ(p.a.Counted(Count::kLivenessSent), 3u);
  EXPECT_EQ(p.network.sent, before + 6);
}

TEST(Liveness, EspThroughUdpIsProofOfLife) {
  TwoPeers p;
  p.ForBoth([&](SimPeer& peer) {
    p.ConnectionOf(peer).dpd_delay = 10s;
    p.ConnectionOf(peer).encap = true;
  });
  p.Establish();
  p.WatchTraffic("net", 100ms);
  p.RunFor(120s);
  EXPECT_EQ(p.a.Counted(Count::kLivenessSent), 0u);
  // When it stops, the probes begin.
  p.StopTraffic();
  p.RunFor(30s);
  EXPECT_GE(p.a.Counted(Count::kLivenessSent), 2u);
}

// A firewall may have dropped the way of IKE alone (trap 12).
TEST(Liveness, RawEspIsProofOnlyForAWhile) {
  TwoPeers p;
  p.ConnectionOf(p.a).dpd_delay = 10s;
  p.Establish();
  p.WatchTraffic("net", 100ms);
  p.RunFor(39s);
  EXPECT_EQ(p.a.Counted(Count::kLivenessSent), 0u);
  p.RunFor(42s);
  EXPECT_EQ(p.a.Counted(Count::kLivenessSent), 2u);
}

struct DeadCase {
  const char* name;
  config::DpdAction action;
};
class PeerDies : public testing::TestWithParam<DeadCase> {};

TEST_P(PeerDies, AndTheActionFollows) {
  TwoPeers p;
  p.ConnectionOf(p.a).dpd_delay = 10s;
  p.ConnectionOf(p.a).keyingtries = 0;
  p.ChildOf(p.a).dpd_action = GetParam().action;
  p.Establish();
  p.b.Crash();
  p.RunFor(75s);
  EXPECT_EQ(p.a.Counted(Count::kPeerDead), 1u);
  EXPECT_TRUE(p.a.Established().empty());
  EXPECT_TRUE(p.a.installed.empty());
  EXPECT_EQ(p.a.traps.size(), GetParam().action == config::DpdAction::kTrap ? 1u : 0u);
  p.b.Start();
  p.RunFor(30s);
  EXPECT_EQ(p.a.LiveChildren().size(), GetParam().action == config::DpdAction::kRestart ? 1u : 0u);
  EXPECT_EQ(p.Disagreement(), "");
}

INSTANTIATE_TEST_SUITE_P(Each, PeerDies,
                         testing::Values(DeadCase{"Clear", config::DpdAction::kClear}, DeadCase{"Trap", config::DpdAction::kTrap},
                                         DeadCase{"Restart", config::DpdAction::kRestart}),
                         [](const auto& row) { return row.param.name; });

// D08: 1 s times 1.8 to the nth, at most 10 s, up to 20 % taken off; given up within 60 s.
TEST(Retransmission, KeepsToItsTimetable) {
  TwoPeers p;
  p.Establish();
  std::vector<Time> at;
  std::vector<Bytes> what;
  p.network.fate = kNothingArrives;
  p.network.on_send = [&](const SimPacket& packet) {
    at.push_back(p.clock.now());
    what.push_back(packet.data);
  };
  Time start = p.clock.now();
  p.a.RekeyChildren("net");
  p.RunFor(60s);
  EXPECT_TRUE(p.a.core->List().empty());
  ASSERT_EQ(at.size(), 8u);
  double expected = 1;
  for (size_t i = 1; i < at.size(); ++i) {
    double gap = std::chrono::duration<double>(at[i] - at[i - 1]).count();
    EXPECT_LE(gap, expected + 1e-6);
    EXPECT_GE(gap, expected * 0.8 - 1e-6);
    expected = std::min(expected * 1.8, 10.0);
    EXPECT_EQ(what[i], what[0]);
  }
  EXPECT_LE(at.back() - start, 60s);
}

TEST(Retransmission, AResponderNeverRepeatsByItself) {
  TwoPeers p;
  p.Start();
  // Nothing b says gets through, so a repeats and b only answers.
  p.network.fate = [&](const SimPacket& packet) { return packet.from.address == p.b.address ? Fate{.arrivals = {}} : Fate{}; };
  uint64_t of_a = 0, of_b = 0;
  p.network.on_send = [&](const SimPacket& packet) { ++(packet.from.address == p.a.address ? of_a : of_b); };
  p.a.Up("net");
  p.RunFor(120s);
  EXPECT_EQ(of_a, 5u);
  EXPECT_EQ(of_b, of_a);
  EXPECT_EQ(p.b.Counted(Count::kRepeatAnswered), 4u);
}

}  // namespace
}  // namespace culvert::ike
