#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/ike/wire/header.h"
#include "tests/support/two_peers.h"

namespace culvert::ike {
namespace {

using namespace std::chrono_literals;

// a sits behind a NAT that b sees as 198.51.100.7.
class Nat : public testing::Test {
 protected:
  Nat() : nat_{.inside = p_.a.address, .outside = Address("198.51.100.7"), .mapped = {}} {
    p_.network.nat = &nat_;
    p_.ConnectionOf(p_.b).remote_addrs = {"%any"};
  }

  TwoPeers p_;
  SimNat nat_;
};

TEST_F(Nat, IsFoundByBothAndTheInitiatorFloats) {
  std::vector<uint16_t> ports;
  std::vector<bool> markers;
  p_.network.on_send = [&](const SimPacket& packet) {
    ports.push_back(packet.from.port);
    markers.push_back(packet.marker);
  };
  p_.Start();
  p_.a.Up("net");
  p_.RunFor(1s);
  EXPECT_THAT(ports, testing::ElementsAre(500, 500, 4500, 4500));
  EXPECT_THAT(markers, testing::ElementsAre(false, false, true, true));
  IkeView a = p_.a.Established().at(0), b = p_.b.Established().at(0);
  EXPECT_TRUE(a.nat_local && !a.nat_remote && !b.nat_local && b.nat_remote);
  EXPECT_EQ(b.remote.address, nat_.outside);
  EXPECT_EQ(p_.Disagreement(), "");
  // ESP goes through UDP, to where the peer's IKE comes from.
  const InstallChild* out = p_.b.Sends("net");
  EXPECT_TRUE(out->udp_encap);
  EXPECT_EQ(out->remote, b.remote);
  EXPECT_EQ(out->local.port, 4500);
  EXPECT_TRUE(p_.a.Sends("net")->udp_encap);
}

TEST_F(Nat, ComesUpWhateverHappensToOneMessage) {
  for (uint64_t lost = 0; lost < 4; ++lost) {
    TwoPeers p;
    SimNat nat{.inside = p.a.address, .outside = nat_.outside, .mapped = {}};
    p.network.nat = &nat;
    p.ConnectionOf(p.b).remote_addrs = {"%any"};
    p.network.fate = [=](const SimPacket& packet) { return packet.number == lost ? Fate{.arrivals = {}} : Fate{}; };
    p.Start();
    p.a.Up("net");
    p.RunFor(10s);
    EXPECT_EQ(p.Disagreement(), "");
    EXPECT_TRUE(p.CarriesBothWays());
  }
}

TEST_F(Nat, KeepalivesGoOutOnlyWhileNothingElseDoes) {
  p_.Establish();
  uint64_t keepalives = 0;
  p_.network.on_send = [&](const SimPacket& packet) {
    bool keepalive = packet.data == Bytes{0xff};
    keepalives += keepalive;
    if (keepalive) {
      EXPECT_EQ(packet.from.address, p_.a.address) << "only who is behind a NAT keeps it open";
      EXPECT_EQ(packet.from.port, 4500);
      EXPECT_FALSE(packet.marker);
    }
  };
  p_.RunFor(61s);
  EXPECT_EQ(keepalives, 3u);
  EXPECT_EQ(p_.b.Counted(Count::kKeepalive), 3u);
  // ESP that goes out holds the mapping as well.
  Time until = p_.clock.now() + 100s;
  while (p_.clock.now() < until) {
    for (auto& [half, sa] : p_.a.installed) {
      if (!half.second) sa.last_out = p_.clock.now();
    }
    p_.RunFor(1s);
  }
  EXPECT_EQ(keepalives, 3u);
  p_.RunFor(41s);
  EXPECT_EQ(keepalives, 5u);
}

TEST_F(Nat, NoKeepalivesWhereAskedForNone) {
  p_.a.control.settings.keep_alive = 0s;
  p_.Establish();
  p_.RunFor(120s);
  EXPECT_EQ(p_.a.Counted(Count::kKeepaliveSent), 0u);
}

TEST_F(Nat, AnAuthenticatedPeerIsFollowedToItsNewPort) {
  p_.Establish();
  Endpoint before = p_.b.Established()[0].remote;
  nat_.Rebind();
  p_.a.RekeyChildren("net");
  p_.RunFor(10s);
  Endpoint after = p_.b.Established()[0].remote;
  EXPECT_NE(after.port, before.port);
  EXPECT_EQ(p_.b.Counted(Count::kPeerMoved), 1u);
  for (const auto& [half, sa] : p_.b.installed) EXPECT_EQ(sa.what.remote, after);
  EXPECT_EQ(p_.Disagreement(), "");
}

TEST_F(Nat, EspWithAGoodIcvMovesItToo) {
  p_.Establish();
  Endpoint moved = p_.b.Established()[0].remote;
  moved.port = 41234;
  p_.b.Post(PeerMovedByEsp{p_.b.Sends("net")->child, p_.b.Established()[0].local, moved});
  EXPECT_EQ(p_.b.Established()[0].remote, moved);
  EXPECT_EQ(p_.b.Sends("net")->remote, moved);
}

// B51: a changed source with a bad ICV moves nothing.
TEST_F(Nat, NobodyElseMovesThePeer) {
  p_.Establish();
  Endpoint before = p_.b.Established()[0].remote;
  Bytes seen;
  p_.network.on_send = [&](const SimPacket& packet) {
    if (packet.data.size() > 1) seen = packet.data;
  };
  p_.a.RekeyChildren("net");
  p_.RunFor(10s);
  Endpoint attacker{Address("203.0.113.66"), 4500, 0};
  p_.b.Post(DatagramIn{p_.b.Established()[0].local, attacker, true, seen});   // a replay: not the newest request
  Bytes forged = seen;
  forged.back() ^= 1;
  p_.b.Post(DatagramIn{p_.b.Established()[0].local, attacker, true, forged});
  EXPECT_EQ(p_.b.Established()[0].remote, before);
}

TEST(NoNat, WhoIsNotBehindOneIsNotFollowed) {
  TwoPeers p;
  p.Establish();
  p.b.Post(PeerMovedByEsp{p.b.Sends("net")->child, {p.b.address, 4500, 0}, {Address("203.0.113.66"), 4500, 0}});
  EXPECT_EQ(p.b.Established()[0].remote.address, p.a.address);
  EXPECT_FALSE(p.a.Sends("net")->udp_encap);
  EXPECT_EQ(p.a.Established()[0].local.port, 500);
}

TEST(NoNat, EncapForcesUdpByAHashThatCannotMatch) {
  for (bool by_initiator : {true, false}) {
    TwoPeers p;
    p.ConnectionOf(by_initiator ? p.a : p.b).encap = true;
    p.Establish();
    EXPECT_TRUE(p.a.Sends("net")->udp_encap && p.b.Sends("net")->udp_encap);
    EXPECT_EQ(p.a.Established()[0].local.port, 4500);
    EXPECT_EQ(p.b.Established()[0].remote.port, 4500);
    p.a.RekeyIke("gw");
    p.b.RekeyChildren("net");
    p.RunFor(10s);
    EXPECT_EQ(p.Disagreement(), "");
    EXPECT_TRUE(p.b.Sends("net")->udp_encap);
  }
}

TEST(NoNat, StartsOnPort4500WhereThatIsThePeersPort) {
  TwoPeers p;
  p.ConnectionOf(p.a).remote_port = 4500;
  std::vector<uint16_t> ports;
  p.network.on_send = [&](const SimPacket& packet) { ports.push_back(packet.from.port); };
  p.Start();
  p.a.Up("net");
  p.RunFor(1s);
  EXPECT_EQ(p.a.LiveChildren().size(), 1u);
  EXPECT_THAT(ports, testing::Each(4500));
}

}  // namespace
}  // namespace culvert::ike
