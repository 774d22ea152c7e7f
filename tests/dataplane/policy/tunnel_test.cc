#include <gtest/gtest.h>

#include "tests/dataplane/policy/policy_fixture.h"

// Tunnel interfaces: children that are reached by a route and by nothing else.
namespace culvert::test {
namespace {

using channel::Direction;
using channel::PolicyAction;
using channel::Status;

constexpr uint32_t kTunnel = 42, kOtherTunnel = 43;   // of those the rig has
const IpAddress kFar = testing::Ip("203.0.113.7");

class TunnelPath : public PolicyPath {
 protected:
  explicit TunnelPath(dp::EspWorker::Options options = {}) : PolicyPath(options) {
    sa_.local = sa_.remote = One("0.0.0.0/0");
    sa_.if_id_in = sa_.if_id_out = kTunnel;
    Route({{"10.9.0.0/16", kTunnel}, {"169.254.1.0/30", kTunnel}});
  }
  // Beside the rig's default route.
  void Route(const std::vector<std::pair<const char*, uint32_t>>& into) {
    std::vector<dp::Forwarding::Route> routes = {{*IpPrefix::Parse("0.0.0.0/0"), *rig_.fib().Lookup(4, kFar.octets.data())}};
    for (auto [to, if_id] : into) routes.push_back({*IpPrefix::Parse(to), {.port = dp::kNoPort, .if_id = if_id}});
    std::vector<dp::OwnAddress> own = rig_.fib().own();
    own.push_back({testing::Ip("169.254.1.1"), dp::kNoPort, 30});
    fib_ = std::make_unique<dp::Forwarding>(++generation_, routes, own, std::vector<dp::RouteTarget>{});
    rig_.context().fib = fib_.get();
  }
  void AddTunnelPolicy(uint32_t id, dp::Policy::Tunnels if_id, PolicyAction action = PolicyAction::kProtect, bool acquire = false) {
    channel::AddPolicy p{};
    p.policy_id = id;
    p.action = action;
    p.acquire = acquire;
    p.if_id_in = if_id.in;
    p.if_id_out = if_id.out;
    ASSERT_EQ(rig_.database().AddPolicy(p, sa_.local, sa_.remote), Status::kOk);
    rig_.Settle();
  }
  void InstallTunnel() {
    AddTunnelPolicy(sa_.policy_id, {sa_.if_id_in, sa_.if_id_out});
    ASSERT_EQ(rig_.Install(sa_, Direction::kInbound), Status::kOk);
    ASSERT_EQ(rig_.Install(sa_, Direction::kOutbound), Status::kOk);
  }

 private:
  std::unique_ptr<dp::Forwarding> fib_;
  uint64_t generation_ = 100;
};

TEST_F(TunnelPath, IsReachedByItsRouteAndByNothingElse) {
  InstallTunnel();
  EXPECT_EQ(Fate(Tcp(kHere, kThere, 9, 80)), "sealed");
  EXPECT_EQ(Fate(Tcp(kHere, testing::Ip("169.254.1.2"), 9, 80)), "sealed");
  EXPECT_EQ(Fate(Tcp(kHere, kFar, 9, 80)), "clear") << "its selectors say everything, its routes do not";
  EXPECT_EQ(Opened(Tcp(kThere, kHere, 80, 9)), "clear");
  EXPECT_EQ(Opened(Tcp(kFar, kHere, 80, 9)), "clear") << "its selectors say so";
}

TEST_F(TunnelPath, NothingGoesIntoItAsItIs) {
  EXPECT_EQ(Fate(Tcp(kHere, kThere, 9, 80)), "policy") << "no child has it";
  AddTunnelPolicy(1, {kOtherTunnel, kOtherTunnel});
  EXPECT_EQ(Fate(Tcp(kHere, kThere, 9, 80)), "policy") << "another one's";
  AddTunnelPolicy(2, {kTunnel, kTunnel}, PolicyAction::kBypass);
  EXPECT_EQ(Fate(Tcp(kHere, kThere, 9, 80)), "policy");
  AddTunnelPolicy(2, {kTunnel, kTunnel});
  EXPECT_EQ(Fate(Tcp(kHere, kThere, 9, 80)), "no-sa");
}

TEST_F(TunnelPath, RoutesMoveFlowsAtOnce) {
  InstallTunnel();
  EXPECT_EQ(Fate(Tcp(kHere, kThere, 9, 80)), "sealed");
  EXPECT_EQ(Fate(Tcp(kHere, kFar, 9, 80)), "clear");
  Route({{"203.0.113.0/24", kTunnel}});
  EXPECT_EQ(Fate(Tcp(kHere, kThere, 9, 80)), "clear");
  EXPECT_EQ(Fate(Tcp(kHere, kFar, 9, 80)), "sealed");
  Route({});
  EXPECT_EQ(Fate(Tcp(kHere, kFar, 9, 80)), "clear");
}

// The ports' policy is looked up first, as for every packet, before any route.
TEST_F(TunnelPath, ThePortsPolicyGoesBeforeTheRoutes) {
  InstallTunnel();
  Add(2, PolicyAction::kDiscard, One("0.0.0.0/0"), One("10.9.0.0/16", 6, 23, 23));
  Add(3, PolicyAction::kBypass, One("0.0.0.0/0"), One("10.9.0.0/16", 6, 22, 22));
  Add(4, PolicyAction::kProtect, One("0.0.0.0/0"), One("10.9.0.0/16", 6, 24, 24));
  EXPECT_EQ(Fate(Tcp(kHere, kThere, 9, 23)), "policy");
  EXPECT_EQ(Fate(Tcp(kHere, kThere, 9, 22)), "sealed") << "left to the routes, which lead into the tunnel";
  EXPECT_EQ(Fate(Tcp(kHere, kThere, 9, 24)), "no-sa");
  EXPECT_EQ(Fate(Tcp(kHere, kThere, 9, 25)), "sealed");
}

// What would go back into the tunnel does not come in clear.
TEST_F(TunnelPath, InClearComesNothingFromBehindIt) {
  EXPECT_EQ(Fate(Tcp(kThere, kHere, 80, 9)), "clear") << "nobody protects it";
  InstallTunnel();
  EXPECT_EQ(Fate(Tcp(kThere, kHere, 80, 9)), "plaintext-inbound");
  EXPECT_EQ(Fate(Tcp(kFar, kHere, 80, 9)), "clear");
  auto here = [&](const IpAddress& from) {
    dp::Burst made;
    made.Add(rig_.MakePacket(Icmp(from, testing::Ip("192.0.2.1"), 8, 0)));
    Drop why = rig_.worker().RefuseHere(rig_.context(), *made.p[0]);
    rig_.Free(made);
    return why;
  };
  EXPECT_EQ(here(kThere), Drop::kPlaintextInbound);
  EXPECT_EQ(here(kFar), Drop::kCount);
}

TEST_F(TunnelPath, InAndOutMayBeDifferentOnes) {
  sa_.if_id_in = 0;
  sa_.if_id_out = kTunnel;
  sa_.local = One("10.1.0.0/16");
  sa_.remote = One("10.9.0.0/16");
  InstallTunnel();
  EXPECT_EQ(Fate(Tcp(kHere, kThere, 9, 80)), "sealed");
  EXPECT_EQ(Fate(Tcp(kThere, kHere, 80, 9)), "plaintext-inbound") << "inbound it is of the ports";
}

TEST_F(TunnelPath, AsksForItsSa) {
  AddTunnelPolicy(9, {kTunnel, kTunnel}, PolicyAction::kProtect, true);
  EXPECT_EQ(Fate(Tcp(kHere, kThere, 9, 80)), "no-sa");
  rig_.Settle();
  ASSERT_EQ(rig_.events().size(), 1u);
  EXPECT_EQ(rig_.events()[0].type, channel::EventType::kAcquire);
  EXPECT_EQ(rig_.events()[0].acquire.policy_id, 9u);
}

TEST_F(TunnelPath, CountsWhatItsSasCarryAlsoOnceTheyAreGone) {
  InstallTunnel();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Opened(Tcp(kThere, kHere, 80, 9)), "clear");
  EXPECT_EQ(Fate(Tcp(kHere, kThere, 9, 80)), "sealed");
  auto use = [&] { return rig_.database().UseOfTunnels().at(kTunnel); };
  EXPECT_EQ(use().packets_in, 3u);
  EXPECT_EQ(use().packets_out, 2u);
  EXPECT_EQ(use().sas_in + use().sas_out, 2u);
  EXPECT_EQ(rig_.Remove(sa_, Direction::kInbound), Status::kOk);
  EXPECT_EQ(rig_.Remove(sa_, Direction::kOutbound), Status::kOk);
  rig_.MakeKeys(sa_);
  InstallTunnel();
  EXPECT_EQ(Fate(Tcp(kHere, kThere, 9, 80)), "sealed");
  EXPECT_EQ(use().packets_in, 3u);
  EXPECT_EQ(use().packets_out, 4u);
  EXPECT_GT(use().bytes_out, 4 * 60u);
  EXPECT_EQ(use().sas_out, 1u);
  EXPECT_EQ(rig_.database().UseOfTunnels().at(kOtherTunnel).packets_out, 0u);
}

TEST_F(TunnelPath, OrphansStayInTheirs) {
  InstallTunnel();
  rig_.database().BeginSync();
  rig_.database().OpenForwarding();
  rig_.Settle();
  EXPECT_EQ(Fate(Tcp(kHere, kThere, 9, 80)), "sealed");
  EXPECT_EQ(Fate(Tcp(kHere, kFar, 9, 80)), "clear");
  EXPECT_EQ(Fate(Tcp(kThere, kHere, 80, 9)), "plaintext-inbound");
}

TEST_F(TunnelPath, AnSaOfATunnelThatIsNotHereIsRefused) {
  sa_.if_id_in = sa_.if_id_out = 7;
  AddTunnelPolicy(sa_.policy_id, {7, 7});
  EXPECT_EQ(rig_.Install(sa_, Direction::kInbound), Status::kUnsupported);
  EXPECT_EQ(rig_.Install(sa_, Direction::kOutbound), Status::kUnsupported);
}

class ClosedTunnelPath : public TunnelPath {
 protected:
  ClosedTunnelPath() : TunnelPath({.default_forward = false}) {}
};

// `default_policy` is of what no policy matches; what a tunnel protects matches its.
TEST_F(ClosedTunnelPath, DefaultPolicyIsForTheRest) {
  InstallTunnel();
  EXPECT_EQ(Fate(Tcp(kHere, kThere, 9, 80)), "sealed");
  EXPECT_EQ(Fate(Tcp(kHere, kFar, 9, 80)), "policy");
}

// An SA whose own outer packets would go into a tunnel sends nothing: that way lies a loop.
TEST_F(TunnelPath, OuterPacketsNeverGoIntoATunnel) {
  InstallTunnel();
  Route({{"10.9.0.0/16", kTunnel}, {"198.51.100.0/24", kTunnel}});
  EXPECT_EQ(Fate(Tcp(kHere, kThere, 9, 80)), "no-route");
}

}  // namespace
}  // namespace culvert::test
