#include "dataplane/main/network.h"

#include <gtest/gtest.h>

#include "tests/support/gateway_rig.h"

namespace culvert::dp {
namespace {

using channel::Event;
using channel::EventType;
using channel::Status;
using testing::GatewayRig;
using testing::Ip;
using testing::IpPacket;
using testing::Mac;

constexpr uint16_t kWan = GatewayRig::kWan, kLan = GatewayRig::kLan;
constexpr auto kConfig = Network::Origin::kConfig, kChannel = Network::Origin::kChannel;

class NetworkTest : public ::testing::Test {
 protected:
  NetworkTest() {
    net.SetListener([this](const Event& e) { events.push_back(e); });
  }
  std::vector<EventType> Types() {
    std::vector<EventType> t;
    for (const Event& e : events) t.push_back(e.type);
    events.clear();
    return t;
  }
  GatewayRig rig;
  Network& net = rig.gateway().network();
  std::vector<Event> events;
};

Network::Address Address(const char* port, const char* address, uint8_t length) { return {port, {Ip(address), length}}; }
Network::Route Route(const char* to, const char* via, const char* port) {
  return {*IpPrefix::Parse(to), *via ? std::optional(Ip(via)) : std::nullopt, port};
}

// What is routed into one is the policy's: a plain router has nowhere to send it. culvert-ike hears nothing of its addresses,
// which are no way to a peer.
TEST_F(NetworkTest, TunnelsAreNoPorts) {
  EXPECT_EQ(net.AddTunnel({"t1", 42, {{Ip("169.254.1.1"), 30}, {Ip("fd00:1::1"), 64}}}), Status::kOk);
  EXPECT_TRUE(Types().empty());
  EXPECT_EQ(net.AddTunnel({"t1", 43, {}}), Status::kExists);
  EXPECT_EQ(net.AddTunnel({"lan", 43, {}}), Status::kExists);
  EXPECT_EQ(net.AddTunnel({"t2", 42, {}}), Status::kExists);
  EXPECT_EQ(net.AddTunnel({"t2", 43, {{Ip("10.1.0.1"), 24}}}), Status::kExists);
  EXPECT_EQ(net.AddTunnel({"t2", 43, {{Ip("169.254.1.1"), 32}}}), Status::kExists);
  EXPECT_EQ(net.AddTunnel({"t2", 0, {}}), Status::kMalformed);
  EXPECT_EQ(net.AddTunnel({"t2", 43, {{Ip("fe80::7"), 64}}}), Status::kMalformed);
  EXPECT_EQ(net.AddAddress(Address("t1", "169.254.1.9", 32), kChannel), Status::kNotFound);
  EXPECT_EQ(net.AddAddress(Address("lan", "169.254.1.1", 32), kChannel), Status::kExists);
  EXPECT_EQ(net.AddRoute(Route("10.9.0.0/16", "", "t1"), kConfig), Status::kOk);
  EXPECT_EQ(net.AddRoute(Route("10.8.0.0/16", "169.254.1.2", ""), kChannel), Status::kOk) << "the gateway is behind it";
  EXPECT_EQ(net.AddTunnel({"wide", 77, {{Ip("10.0.0.1"), 8}}}), Status::kOk);
  EXPECT_EQ(net.AddRoute(Route("172.20.0.0/16", "10.1.0.2", ""), kChannel), Status::kOk) << "the gateway is nearer on a port";
  rig.Run();
  EXPECT_EQ(rig.gateway().context(0).fib->TunnelTowards(Ip("172.20.0.1")), 0u);
  EXPECT_EQ(rig.gateway().context(0).fib->TunnelTowards(Ip("10.77.0.1")), 77u);
  for (const char* into : {"169.254.1.2", "10.9.0.1", "10.8.0.1", "fd00:1::2"}) {
    EXPECT_EQ(rig.gateway().context(0).fib->TunnelTowards(Ip(into)), 42u) << into;
    EXPECT_FALSE(net.SourceFor(Ip(into))) << into;
  }
  EXPECT_EQ(rig.gateway().context(0).fib->TunnelTowards(Ip("203.0.113.1")), 0u);
  EXPECT_EQ(net.SourceFor(Ip("203.0.113.1"))->local.address, Ip("192.0.2.1"));
  rig.AddNeighbour(kLan, Ip("10.1.0.2"), Mac(2));
  rig.SendIp(kLan, Mac(2), IpPacket(Ip("10.1.0.2"), Ip("10.9.0.1"), 17, Bytes(8, 0)));
  EXPECT_EQ(rig.drops(Drop::kNoRoute), 1u);
  (void)rig.Sent(kLan);
  rig.SendIp(kLan, Mac(2),
             IpPacket(Ip("10.1.0.2"), Ip("169.254.1.1"), 1, testing::EchoRequest(Ip("10.1.0.2"), Ip("169.254.1.1"), Bytes(8, 0))));
  EXPECT_EQ(rig.Sent(kLan).size(), 1u) << "its address is ours";
  EXPECT_EQ(net.RemoveRoute(Route("10.8.0.0/16", "169.254.1.2", ""), kChannel), Status::kOk);
  EXPECT_TRUE(rig.Balanced());
}

TEST_F(NetworkTest, AddsAndRemovesAddressesAndTells) {
  EXPECT_EQ(net.AddAddress(Address("lan", "10.1.0.7", 32), kChannel), Status::kOk);
  EXPECT_EQ(net.AddAddress(Address("lan", "10.1.0.7", 24), kChannel), Status::kExists);
  EXPECT_EQ(net.AddAddress(Address("wan", "10.1.0.7", 24), kChannel), Status::kExists);
  EXPECT_EQ(net.AddAddress(Address("dmz", "10.1.0.8", 24), kChannel), Status::kNotFound);
  for (const char* bad : {"0.0.0.0", "127.0.0.1", "224.0.0.1", "255.255.255.255", "::", "::1", "ff02::1"}) {
    EXPECT_EQ(net.AddAddress(Address("lan", bad, 24), kChannel), Status::kMalformed) << bad;
  }
  EXPECT_EQ(net.AddAddress(Address("lan", "10.1.0.9", 33), kChannel), Status::kMalformed);
  EXPECT_EQ(Types(), std::vector{EventType::kAddressAdded});
  rig.Run();
  rig.Sent(kLan);
  rig.SendIp(kLan, Mac(2), IpPacket(Ip("10.1.0.2"), Ip("10.1.0.7"), 1, testing::EchoRequest(Ip("10.1.0.2"), Ip("10.1.0.7"), {})));
  EXPECT_EQ(rig.balance().held, 1u) << "answered: the reply waits for 10.1.0.2's MAC";
  EXPECT_EQ(net.RemoveAddress(Address("lan", "10.1.0.7", 32), kConfig), Status::kNotFound);
  EXPECT_EQ(net.RemoveAddress(Address("lan", "10.1.0.7", 32), kChannel), Status::kOk);
  EXPECT_EQ(net.RemoveAddress(Address("lan", "10.1.0.7", 32), kChannel), Status::kNotFound);
  EXPECT_EQ(Types(), std::vector{EventType::kAddressRemoved});
  EXPECT_EQ(net.RemoveAddress(Address("lan", "10.1.0.1", 24), kChannel), Status::kNotFound) << "culvert.conf's is not its to remove";
}

TEST_F(NetworkTest, ANewAddressIsAnnounced) {
  net.AddAddress(Address("lan", "10.1.0.7", 24), kChannel);
  rig.Run();
  auto sent = rig.Sent(kLan);
  ASSERT_EQ(sent.size(), 1u);
  auto m = DecodeNeighbour(sent[0]);
  ASSERT_TRUE(m);
  EXPECT_EQ(m->sender, Ip("10.1.0.7"));
  EXPECT_EQ(m->target, Ip("10.1.0.7"));
}

TEST_F(NetworkTest, RoutesBecomeActiveWithTheirGatewaysSubnet) {
  EXPECT_EQ(net.AddRoute(Route("172.16.0.0/12", "10.9.0.1", ""), kChannel), Status::kOk);
  EXPECT_TRUE(Types().empty());
  EXPECT_FALSE(net.SourceFor(Ip("172.16.0.1"))->port == "lan");
  net.AddAddress(Address("lan", "10.9.0.9", 24), kConfig);
  EXPECT_EQ(Types(), (std::vector{EventType::kRouteAdded, EventType::kAddressAdded}));
  auto source = net.SourceFor(Ip("172.16.0.1"));
  ASSERT_TRUE(source);
  EXPECT_EQ(source->port, "lan");
  net.RemoveAddress(Address("lan", "10.9.0.9", 24), kConfig);
  EXPECT_EQ(Types(), (std::vector{EventType::kRouteRemoved, EventType::kAddressRemoved}));
  EXPECT_EQ(net.SourceFor(Ip("172.16.0.1"))->port, "wan");
  EXPECT_EQ(net.RemoveRoute(Route("172.16.0.0/12", "10.9.0.1", ""), kChannel), Status::kOk);
  EXPECT_TRUE(Types().empty()) << "it was not active";
}

TEST_F(NetworkTest, RefusesRoutesThatSayNeitherHow) {
  struct {
    Network::Route route;
    Status status;
  } kCases[] = {{Route("10.0.0.0/8", "", ""), Status::kMalformed},
                {Route("10.0.0.0/8", "2001:db8::9", ""), Status::kMalformed},
                {Route("2001:db8:9::/48", "fe80::9", ""), Status::kMalformed},
                {Route("10.0.0.0/8", "", "dmz"), Status::kNotFound},
                {{{Ip("10.0.0.1"), 8}, std::nullopt, "lan"}, Status::kMalformed},
                {Route("2001:db8:9::/48", "fe80::9", "wan"), Status::kOk},
                {Route("10.0.0.0/8", "", "lan"), Status::kOk},
                {Route("10.0.0.0/8", "", "lan"), Status::kExists}};
  for (const auto& c : kCases) EXPECT_EQ(net.AddRoute(c.route, kChannel), c.status) << c.route.to.ToString();
}

TEST_F(NetworkTest, ForwardsByTheNewRouteAtOnce) {
  rig.AddNeighbour(kLan, Ip("10.1.0.3"), Mac(3));
  auto send = [&] {
    rig.SendIp(kWan, Mac(9), IpPacket(Ip("192.0.2.77"), Ip("172.16.0.5"), 17, Bytes(8, 0)));
    return rig.Sent(kLan).size();
  };
  EXPECT_EQ(send(), 0u);
  net.AddRoute(Route("172.16.0.0/12", "10.1.0.3", ""), kChannel);
  EXPECT_EQ(send(), 1u);
  net.RemoveRoute(Route("172.16.0.0/12", "10.1.0.3", ""), kChannel);
  EXPECT_EQ(send(), 0u);
  rig.Advance(std::chrono::seconds(3));
  EXPECT_TRUE(rig.Balanced());
  EXPECT_EQ(rig.gateway().grace().waiting(), 0u);
}

TEST_F(NetworkTest, KeepsAGatewaysNeighbourOverARebuild) {
  rig.AddNeighbour(kWan, Ip("192.0.2.254"), Mac(9));
  for (int i = 0; i < 50; ++i) {
    net.AddAddress(Address("lan", "10.77.0.1", 24), kChannel);
    net.RemoveAddress(Address("lan", "10.77.0.1", 24), kChannel);
    rig.Run();
    rig.Sent(kLan);
  }
  rig.SendIp(kLan, Mac(2), IpPacket(Ip("10.1.0.2"), Ip("198.51.100.1"), 17, Bytes(8, 0)));
  EXPECT_EQ(rig.Sent(kWan).size(), 1u) << "no new ARP";
}

TEST_F(NetworkTest, ForgetsNeighboursThatAreNoLongerOnLink) {
  net.AddAddress(Address("lan", "10.77.0.1", 24), kChannel);
  rig.Run();
  rig.Send(kLan, EncodeRequest({Mac(7), Ip("10.77.0.7")}, Ip("10.77.0.1"), nullptr));
  auto known = [&] {
    bool found = false;
    rig.gateway().neighbours().Visit([&](const Neighbours::View& v) { found |= v.address == Ip("10.77.0.7"); });
    return found;
  };
  EXPECT_TRUE(known());
  net.RemoveAddress(Address("lan", "10.77.0.1", 24), kChannel);
  EXPECT_FALSE(known());
}

TEST_F(NetworkTest, DescribesEverythingInOrder) {
  std::vector<Event> all;
  net.Describe([&](const Event& e) { all.push_back(e); });
  std::vector<EventType> types;
  for (const Event& e : all) types.push_back(e.type);
  using enum EventType;
  EXPECT_EQ(types, (std::vector{kLink, kLink, kAddressAdded, kAddressAdded, kAddressAdded, kAddressAdded, kRouteAdded, kRouteAdded}));
  EXPECT_STREQ(all[1].link.port, "lan");
  EXPECT_EQ(all[1].link.mtu, 1500u);
}

TEST_F(NetworkTest, TellsALinksChangeOnce) {
  rig.port(kWan).Stop();
  rig.Advance(std::chrono::seconds(2));
  EXPECT_EQ(Types(), std::vector{EventType::kLink});
  EXPECT_FALSE(net.ports()[kWan].up);
}

TEST_F(NetworkTest, SpeaksFromTheRightAddress) {
  EXPECT_EQ(net.SourceFor(Ip("198.51.100.1"))->local.address, Ip("192.0.2.1"));
  EXPECT_EQ(net.SourceFor(Ip("10.1.0.9"))->local.address, Ip("10.1.0.1"));
  EXPECT_EQ(net.SourceFor(Ip("2620::1"))->local.address, Ip("2001:db8::1"));
  EXPECT_FALSE(GatewayRig({.addresses = false}).gateway().SourceFor(Ip("10.0.0.1")));
}

}  // namespace
}  // namespace culvert::dp
