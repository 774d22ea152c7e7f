#include <gtest/gtest.h>

#include "tests/support/two_peers.h"

// RFC 6023.
namespace culvert::ike {
namespace {

using namespace std::chrono_literals;
using config::Childless;

struct Row {
  Childless a, b;
  enum class Result { kInAuth, kAfterAuth, kRefused } result;
  const char* said = nullptr;   // by a, or in b's log
};
using Result = Row::Result;

constexpr const char* kNotTaken = "the peer does not take an IKE SA without a child";
constexpr const char* kForced = "wants no child in IKE_AUTH";
constexpr Row kRows[] = {
    {Childless::kAllow, Childless::kAllow, Result::kInAuth},
    {Childless::kAllow, Childless::kPrefer, Result::kInAuth},
    {Childless::kAllow, Childless::kForce, Result::kRefused, kForced},
    {Childless::kAllow, Childless::kNever, Result::kInAuth},
    {Childless::kPrefer, Childless::kAllow, Result::kAfterAuth},
    {Childless::kPrefer, Childless::kPrefer, Result::kAfterAuth},
    {Childless::kPrefer, Childless::kForce, Result::kAfterAuth},
    {Childless::kPrefer, Childless::kNever, Result::kInAuth},
    {Childless::kForce, Childless::kAllow, Result::kAfterAuth},
    {Childless::kForce, Childless::kPrefer, Result::kAfterAuth},
    {Childless::kForce, Childless::kForce, Result::kAfterAuth},
    {Childless::kForce, Childless::kNever, Result::kRefused, kNotTaken},
    {Childless::kNever, Childless::kAllow, Result::kInAuth},
    {Childless::kNever, Childless::kPrefer, Result::kInAuth},
    {Childless::kNever, Childless::kForce, Result::kRefused, kForced},
    {Childless::kNever, Childless::kNever, Result::kInAuth},
};

// A child that has an exchange of its own has a key exchange of its own: that is how it is told.
TEST(ChildlessTest, EitherSideDecidesAsItsRulesSay) {
  for (const Row& row : kRows) {
    SCOPED_TRACE(std::to_string(static_cast<int>(row.a)) + " to " + std::to_string(static_cast<int>(row.b)));
    TwoPeers p;
    p.AddChild("other", 9);
    p.ForBoth([&p](SimPeer& peer) {
      for (auto& child : p.ConnectionOf(peer).children) child.esp_proposals = {*config::ParseEspProposal("aes128gcm16-x25519", false)};
    });
    p.ConnectionOf(p.a).childless = row.a;
    p.ConnectionOf(p.b).childless = row.b;
    p.Start();
    RequestId net = p.a.Up("net"), other = p.a.Up("other");
    p.RunFor(10s);
    ASSERT_TRUE(p.a.replies.contains(net) && p.a.replies.contains(other));
    EXPECT_EQ(p.a.replies[net].ok, row.result != Result::kRefused) << p.a.replies[net].error;
    EXPECT_EQ(p.a.replies[other].ok, row.result != Result::kRefused) << p.a.replies[other].error;
    EXPECT_TRUE(!row.said || p.a.Logged(row.said) || p.b.Logged(row.said));
    p.RunFor(60s);   // what is half-open at b goes
    EXPECT_EQ(p.Disagreement(), "");
    if (row.result == Result::kRefused) continue;
    ASSERT_EQ(p.a.LiveChildren().size(), 2u);
    for (const auto& child : p.a.LiveChildren()) {
      const bool in_auth = row.result == Result::kInAuth && child.name == "net";
      EXPECT_EQ(child.group, in_auth ? KeGroup::kNone : KeGroup::kX25519) << child.name;
      EXPECT_TRUE(p.CarriesBothWays(child.name));
    }
  }
}

// Every message of it may be lost, late, doubled or damaged.
TEST(ChildlessTest, SurvivesWhateverHappensToOneMessage) {
  TellWithEveryDisturbance({.prepare =
                                [](TwoPeers& p) {
                                  p.ForBoth([&p](SimPeer& peer) { p.ConnectionOf(peer).childless = Childless::kForce; });
                                  p.Start();
                                },
                            .story = [](TwoPeers& p) { p.a.Up("net"); },
                            .check =
                                [](TwoPeers& p) {
                                  EXPECT_EQ(p.Disagreement(), "");
                                  EXPECT_EQ(p.a.LiveChildren().size(), 1u);
                                }});
}

// Made before the old is broken, as with a child in IKE_AUTH.
TEST(ChildlessTest, AuthenticatesAgainWithoutALoss) {
  TwoPeers p;
  p.ForBoth([&p](SimPeer& peer) { p.ConnectionOf(peer).childless = Childless::kForce; });
  p.ConnectionOf(p.a).reauth_time = std::chrono::seconds(60);
  p.ConnectionOf(p.a).rand_time = std::chrono::seconds(0);
  p.Establish();
  p.WatchTraffic();
  p.RunFor(200s);
  EXPECT_TRUE(p.a.Logged("authenticated again"));
  EXPECT_EQ(p.lost, 0u) << p.first_loss;
  p.StopTraffic();
  p.RunFor(10s);
  EXPECT_EQ(p.Disagreement(), "");
}

}  // namespace
}  // namespace culvert::ike
