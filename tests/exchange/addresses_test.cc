#include <gtest/gtest.h>

#include "control/pools/lease_table.h"
#include "tests/support/two_peers.h"

// RFC 7296 2.19: b lends inner addresses of its pools, a asks for some.
namespace culvert::ike {
namespace {

using namespace std::chrono_literals;
using Texts = std::vector<std::string>;

const IpAddress kAny4 = IpAddress::Any(Family::kV4), kAny6 = IpAddress::Any(Family::kV6);

config::Pool MakePool(const std::string& name, const std::string& range) {
  config::Pool pool;
  pool.name = name;
  pool.addrs = IpRange::Parse(range);
  return pool;
}
config::Ts Dynamic() { return {.dynamic = true, .selector = {}}; }

void MakeClient(SimPeer& a, std::vector<IpAddress> vips = {kAny4}) {
  config::Connection& c = a.control.connections.front();
  c.vips = std::move(vips);
  c.children[0].local_ts = {Dynamic()};
}
void MakeServer(SimPeer& b, const std::string& range = "10.3.0.1-10.3.0.9") {
  b.control.pools = {MakePool("p", range)};
  b.control.pools[0].attributes = {{.kind = config::PoolAttribute::Kind::kDns, .value = Address("10.2.0.53")}};
  config::Connection& c = b.control.connections.front();
  c.pools = {"p"};
  c.children[0].remote_ts = {Dynamic()};
}
void Prepare(TwoPeers& p) {
  MakeClient(p.a);
  MakeServer(p.b);
}

Texts Strings(const auto& list) {
  Texts out;
  for (const auto& one : list) out.push_back(one.ToString());
  return out;
}
// What a borrows, and b lends, by the only IKE SA each.
Texts Shared(TwoPeers& p) {
  auto a = p.a.Established(), b = p.b.Established();
  if (a.size() != 1 || b.size() != 1) return {"not one IKE SA each"};
  EXPECT_EQ(Strings(a[0].local_vips), Strings(b[0].remote_vips));
  EXPECT_TRUE(a[0].remote_vips.empty() && b[0].local_vips.empty());
  EXPECT_EQ(p.Disagreement(), "");
  return Strings(a[0].local_vips);
}
Texts LocalTs(SimPeer& p) {
  auto children = p.LiveChildren();
  return children.size() == 1 ? Strings(children[0].local_ts) : Texts{"not one child"};
}
pools::PoolView PoolOf(SimPeer& b) { return b.core->leases().Pools().at(0); }

TEST(AddressesTest, LentForAsLongAsTheIkeSa) {
  TwoPeers p;
  Prepare(p);
  p.Establish();
  EXPECT_EQ(Shared(p), Texts{"10.3.0.1"});
  EXPECT_EQ(LocalTs(p.a), Texts{"10.3.0.1/32"});
  EXPECT_TRUE(p.CarriesBothWays());
  EXPECT_TRUE(p.a.Logged("the peer lends us 10.3.0.1"));
  EXPECT_EQ(PoolOf(p.b).online, 1u);
  p.a.Down("gw");
  p.RunFor(10s);
  EXPECT_EQ(PoolOf(p.b).online, 0u);
  EXPECT_EQ(PoolOf(p.b).offline, 1u);
  p.a.Up("net");
  p.RunFor(10s);
  EXPECT_EQ(Shared(p), Texts{"10.3.0.1"});
  EXPECT_EQ(PoolOf(p.b).counters.returned, 1u);
}

TEST(AddressesTest, WhateverHappensToAMessage) {
  TellWithEveryDisturbance({.prepare = [](TwoPeers& p) {
                              Prepare(p);
                              p.Start();
                            },
                            .story = [](TwoPeers& p) { p.a.Up("net"); },
                            .check = [](TwoPeers& p) {
                              EXPECT_EQ(Shared(p), Texts{"10.3.0.1"});
                              EXPECT_EQ(PoolOf(p.b).online, 1u);
                              EXPECT_TRUE(p.CarriesBothWays());
                            }});
}

TEST(AddressesTest, OneThatIsAskedForByNumber) {
  TwoPeers p;
  MakeClient(p.a, {Address("10.3.0.7")});
  MakeServer(p.b);
  p.Establish();
  EXPECT_EQ(Shared(p), Texts{"10.3.0.7"});
}

// It is b's to choose.
TEST(AddressesTest, AnotherThanWasAskedFor) {
  TwoPeers p;
  MakeClient(p.a, {Address("192.0.2.77")});
  MakeServer(p.b);
  p.Establish();
  EXPECT_EQ(Shared(p), Texts{"10.3.0.1"});
  EXPECT_EQ(LocalTs(p.a), Texts{"10.3.0.1/32"});
}

TEST(AddressesTest, OneOfEachFamily) {
  TwoPeers p;
  MakeClient(p.a, {kAny4, kAny6});
  MakeServer(p.b);
  p.ForBoth([&](SimPeer& peer) {
    auto& ts = &peer == &p.a ? p.ChildOf(peer).remote_ts : p.ChildOf(peer).local_ts;
    ts.push_back(SelectorTs("2001:db8:2::/48"));
  });
  p.b.control.pools.push_back(MakePool("six", "2001:db8:3::1-2001:db8:3::9"));
  p.ConnectionOf(p.b).pools.push_back("six");
  p.Establish();
  auto a = p.a.Established();
  ASSERT_EQ(a.size(), 1u);
  EXPECT_EQ(Strings(a[0].local_vips), (Texts{"10.3.0.1", "2001:db8:3::1"}));
  EXPECT_EQ(LocalTs(p.a), (Texts{"10.3.0.1/32", "2001:db8:3::1/128"}));
  EXPECT_EQ(p.Disagreement(), "");
}

// RFC 7296 3.15.4: the one that can be had is enough.
TEST(AddressesTest, OneFamilyOfTwo) {
  TwoPeers p;
  MakeClient(p.a, {kAny6, kAny4});
  MakeServer(p.b);
  p.Establish();
  EXPECT_EQ(Shared(p), Texts{"10.3.0.1"});
}

TEST(AddressesTest, RekeyingKeepsThem) {
  TwoPeers p;
  Prepare(p);
  p.AddChild("other", 9);
  p.ConnectionOf(p.a).children[1].local_ts = {Dynamic()};
  p.ConnectionOf(p.b).children[1].remote_ts = {Dynamic()};
  p.Establish();
  p.WatchTraffic();
  p.a.RekeyIke("gw");
  p.RunFor(5s);
  p.b.RekeyIke("gw");
  p.RunFor(5s);
  p.a.RekeyChildren("net");
  p.RunFor(20s);
  EXPECT_EQ(PoolOf(p.b).online, 1u);
  EXPECT_EQ(LocalTs(p.a), Texts{"10.3.0.1/32"});
  p.a.Up("other");
  p.RunFor(5s);
  ASSERT_EQ(p.a.LiveChildren().size(), 2u);
  for (const ChildView& c : p.a.LiveChildren()) EXPECT_EQ(Strings(c.local_ts), Texts{"10.3.0.1/32"});
  EXPECT_EQ(Shared(p), Texts{"10.3.0.1"});
  p.StopTraffic();
  EXPECT_EQ(p.lost, 0u) << p.first_loss;
  p.a.Down("gw");
  p.RunFor(10s);
  EXPECT_EQ(PoolOf(p.b).online, 0u);
}

TEST(AddressesTest, AuthenticatingAgainKeepsThem) {
  TwoPeers p;
  Prepare(p);
  p.ConnectionOf(p.a).reauth_time = 600s;
  p.ConnectionOf(p.a).rand_time = 1s;
  p.Establish();
  p.WatchTraffic("net", 50ms);
  p.RunFor(605s);
  EXPECT_TRUE(p.a.Logged("authenticating again"));
  p.RunFor(60s);
  EXPECT_EQ(Shared(p), Texts{"10.3.0.1"});
  EXPECT_EQ(PoolOf(p.b).online, 1u);
  EXPECT_EQ(PoolOf(p.b).counters.fresh, 1u);
  EXPECT_EQ(PoolOf(p.b).counters.shared, 1u);
  p.StopTraffic();
  EXPECT_EQ(p.lost, 0u) << p.first_loss;
}

TEST(AddressesTest, APeerThatLostItHasItAgain) {
  TwoPeers p;
  Prepare(p);
  p.Establish();
  p.a.Crash();
  p.RunFor(1s);
  p.a.Start();
  p.a.Up("net");
  p.RunFor(10s);
  EXPECT_EQ(Shared(p), Texts{"10.3.0.1"});
  EXPECT_EQ(PoolOf(p.b).online, 1u);
}

TEST(AddressesTest, APeerThatIsDeadReleasesIt) {
  TwoPeers p;
  Prepare(p);
  p.ConnectionOf(p.b).dpd_delay = 10s;
  p.Establish();
  p.a.Crash();
  p.RunFor(300s);
  EXPECT_EQ(PoolOf(p.b).online, 0u);
}

// F26. The IKE SA stays, for the peer may have other use for it (RFC 7296 2.21.2).
TEST(AddressesTest, AnEmptyPool) {
  TwoPeers p;
  Prepare(p);
  p.b.control.pools = {MakePool("p", "10.3.0.1")};
  SimPeer c({p.clock, p.network, 7}, "c", Address("192.0.2.3"));
  c.control.connections = p.a.control.connections;
  c.control.connections[0].local_addrs = {"192.0.2.3"};
  c.control.connections[0].local[0].id = "c.example.org";
  c.control.secrets.emplace_back().data = p.a.control.secrets[0].data.Clone();
  p.ConnectionOf(p.b).remote_addrs = {"%any"};
  p.ConnectionOf(p.b).remote[0].id = "%any";
  p.Establish();
  c.Start();
  const RequestId request = c.Up("net");
  p.RunFor(10s);
  ASSERT_TRUE(c.replies.contains(request));
  EXPECT_NE(c.replies[request].error.find("INTERNAL_ADDRESS_FAILURE"), std::string::npos) << c.replies[request].error;
  EXPECT_TRUE(p.b.Logged("asks for an address: every address is leased"));
  EXPECT_EQ(p.b.Counted(Count::kNoAddress), 1u);
  EXPECT_EQ(c.Established().size(), 1u);
  EXPECT_TRUE(c.LiveChildren().empty());
  c.Down("gw");
  p.a.Down("gw");
  p.RunFor(10s);
  c.Up("net");
  p.RunFor(10s);
  EXPECT_EQ(LocalTs(c), Texts{"10.3.0.1/32"});   // freed, and used again
}

TEST(AddressesTest, APeerThatAsksForNone) {
  TwoPeers p;
  MakeServer(p.b);
  p.Start();
  const RequestId request = p.a.Up("net");
  p.RunFor(10s);
  EXPECT_NE(p.a.replies[request].error.find("FAILED_CP_REQUIRED"), std::string::npos) << p.a.replies[request].error;
  EXPECT_EQ(p.b.Counted(Count::kNoAddress), 1u);
  EXPECT_EQ(p.a.Established().size(), 1u);
}

TEST(AddressesTest, APeerThatLendsNone) {
  TwoPeers p;
  MakeClient(p.a);
  p.Start();
  const RequestId request = p.a.Up("net");
  p.RunFor(10s);
  EXPECT_NE(p.a.replies[request].error.find("lends no address"), std::string::npos) << p.a.replies[request].error;
  EXPECT_TRUE(p.a.LiveChildren().empty());
  const RequestId again = p.a.Up("net");
  p.RunFor(10s);
  EXPECT_NE(p.a.replies[again].error.find("lent no address"), std::string::npos) << p.a.replies[again].error;
  EXPECT_EQ(p.Disagreement(), "");
}

// Attributes alone: who wants them asks, nobody must.
TEST(AddressesTest, APoolWithoutAddresses) {
  TwoPeers p;
  p.b.control.pools = {MakePool("p", "10.3.0.1")};
  p.b.control.pools[0].addrs.reset();
  p.ConnectionOf(p.b).pools = {"p"};
  p.Establish();
  EXPECT_EQ(Shared(p), Texts{});
}

TEST(AddressesTest, AReloadKeepsWhatIsLent) {
  TwoPeers p;
  Prepare(p);
  p.Establish();
  p.b.control.pools = {MakePool("q", "10.3.0.1-10.3.0.2")};
  p.b.Post(ConfigChanged{});
  p.RunFor(1s);
  EXPECT_EQ(PoolOf(p.b).name, "q");
  EXPECT_EQ(PoolOf(p.b).online, 1u);
  p.a.Down("gw");
  p.RunFor(10s);
  EXPECT_EQ(PoolOf(p.b).offline, 1u);
}

TEST(AddressesTest, ChildrenThatFollow) {
  TwoPeers p;
  Prepare(p);
  p.ForBoth([&p](SimPeer& peer) { p.ConnectionOf(peer).childless = config::Childless::kPrefer; });
  p.Establish();
  EXPECT_EQ(Shared(p), Texts{"10.3.0.1"});
  EXPECT_EQ(LocalTs(p.a), Texts{"10.3.0.1/32"});
}

}  // namespace
}  // namespace culvert::ike
