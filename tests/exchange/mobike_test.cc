#include <gmock/gmock.h>

#include <cstdlib>

#include <gtest/gtest.h>

#include "control/ike/wire/header.h"
#include "tests/support/two_peers.h"

// RFC 4555. a initiates and so decides; each side has a second address to go to.
namespace culvert::ike {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

#if defined(__SANITIZE_ADDRESS__)
constexpr uint64_t kSeeds = 30;
#else
constexpr uint64_t kSeeds = 1000;
#endif

const IpAddress kA2 = Address("198.51.100.1"), kB2 = Address("198.51.100.2"), kNatOutside = Address("203.0.113.7");

void Prepare(TwoPeers& p) {
  p.ForBoth([&p](SimPeer& peer) {
    config::Connection& c = p.ConnectionOf(peer);
    c.mobike = true;
    c.local_addrs = {"%any"};
    c.dpd_delay = 10s;
  });
  p.ConnectionOf(p.b).remote_addrs = {"%any"};
}

// What of the two ends' addresses does not fit together; empty where all does, or where both have nothing.
std::string Misfit(TwoPeers& p) {
  if (std::string d = p.Disagreement(); !d.empty()) return d;
  if (p.a.Established().empty()) return "";
  const IkeView a = p.a.Established().at(0), b = p.b.Established().at(0);
  const auto outside = [&p](const Endpoint& e) { return p.network.nat && p.network.nat->inside == e.address; };
  auto differ = [&](const std::string& what, const Endpoint& from, const Endpoint& to) {
    const bool same = outside(from) ? to.address == p.network.nat->outside : from.address == to.address;
    return same ? "" : what + ": " + from.ToString() + " is " + to.ToString() + " to the other; ";
  };
  std::string out = differ("a's IKE", a.local, b.remote) + differ("b's IKE", b.local, a.remote);
  for (const auto& child : p.a.LiveChildren()) {
    const InstallChild *x = p.a.Sends(child.name), *y = p.b.Sends(child.name);
    if (!x || !y) return "no outbound SA";
    out += differ("a's ESP", x->local, y->remote) + differ("b's ESP", y->local, x->remote);
    if (x->udp_encap != y->udp_encap) out += "one encapsulates, the other does not; ";
    if (x->udp_encap != outside(a.local)) out += "UDP does not follow the NAT; ";
  }
  return out;
}

class MobikeTest : public testing::Test {
 protected:
  MobikeTest() { Prepare(p_); }

  void Move(SimPeer& peer, const IpAddress& from, const IpAddress& to) {
    peer.AddAddress(to);
    p_.RunFor(1s);
    peer.RemoveAddress(from);
  }
  void ExpectAt(const IpAddress& a, const IpAddress& b) {
    EXPECT_EQ(Misfit(p_), "");
    ASSERT_EQ(p_.a.Established().size(), 1u);
    EXPECT_EQ(p_.a.Established()[0].local.address, a);
    EXPECT_EQ(p_.a.Established()[0].remote.address, b);
    EXPECT_TRUE(p_.CarriesBothWays());
  }

  TwoPeers p_;
};

TEST_F(MobikeTest, GoesOnFromPort4500WithoutANat) {
  std::vector<uint16_t> ports;
  p_.network.on_send = [&](const SimPacket& packet) { ports.push_back(packet.from.port); };
  p_.Start();
  p_.a.Up("net");
  p_.RunFor(1s);
  EXPECT_THAT(ports, ElementsAre(500, 500, 4500, 4500));
  EXPECT_FALSE(p_.a.Sends("net")->udp_encap);
  EXPECT_FALSE(p_.b.Sends("net")->udp_encap);
}

TEST_F(MobikeTest, NeedsBothSides) {
  for (bool a_has : {true, false}) {
    TwoPeers p;
    Prepare(p);
    p.ConnectionOf(a_has ? p.b : p.a).mobike = false;
    p.Establish();
    p.a.AddAddress(kA2);
    uint64_t before = p.network.sent;
    p.RunFor(1s);
    EXPECT_EQ(p.network.sent, before);
    EXPECT_EQ(p.a.Established()[0].local.port, a_has ? 4500 : 500);
    EXPECT_EQ(p.a.Counted(Count::kMoved), 0u);
  }
}

TEST_F(MobikeTest, TheInitiatorMoves) {
  p_.Establish();
  Move(p_.a, p_.a.address, kA2);
  p_.RunFor(1s);
  ExpectAt(kA2, p_.b.address);
  EXPECT_EQ(p_.a.Counted(Count::kMoved), 1u);
  EXPECT_EQ(p_.b.Counted(Count::kPeerMoved), 1u);
  EXPECT_EQ(p_.a.Counted(Count::kRetransmitted) + p_.b.Counted(Count::kRetransmitted), 0u);
  Move(p_.a, kA2, p_.a.address);
  p_.RunFor(1s);
  ExpectAt(p_.a.address, p_.b.address);
}

TEST_F(MobikeTest, TheInitiatorWaitsForAnAddress) {
  p_.Establish();
  p_.a.routes = false;
  Move(p_.a, p_.a.address, kA2);
  p_.RunFor(3s);
  EXPECT_EQ(p_.a.Counted(Count::kMoved), 0u);
  p_.a.routes = true;
  p_.RunFor(7s);
  ExpectAt(kA2, p_.b.address);
}

TEST_F(MobikeTest, AnAddressBesideTheOneInUseMovesNothing) {
  p_.Establish();
  p_.a.AddAddress(kA2);
  p_.b.AddAddress(kB2);
  p_.RunFor(2s);
  p_.a.RemoveAddress(kA2);
  p_.b.RemoveAddress(kB2);
  p_.RunFor(2s);
  ExpectAt(p_.a.address, p_.b.address);
  EXPECT_EQ(p_.a.Counted(Count::kMoved), 0u);
}

TEST_F(MobikeTest, LocalAddrsSaysWhichAddressesMayBeUsed) {
  p_.ConnectionOf(p_.a).local_addrs = {p_.a.address.ToString()};
  p_.Establish();
  Move(p_.a, p_.a.address, kA2);
  p_.RunFor(10s);
  EXPECT_EQ(p_.a.Counted(Count::kMoved), 0u);
}

// RFC 4555 1.2: what transport mode protects ends where its addresses do. Whichever side has a child for it does not say
// MOBIKE_SUPPORTED.
TEST_F(MobikeTest, IsNotForTransportMode) {
  for (bool at_a : {true, false}) {
    TwoPeers p;
    Prepare(p);
    p.AddChild("host", 1);
    p.UseTransport(at_a ? p.a : p.b, 1);
    p.Establish();
    EXPECT_EQ(p.a.Established()[0].local.port, at_a ? 500 : 4500);
    p.a.AddAddress(kA2);
    p.RunFor(1s);
    p.a.RemoveAddress(p.a.address);
    p.RunFor(2s);
    EXPECT_EQ(p.a.Counted(Count::kMoved), 0u);
  }
}

TEST_F(MobikeTest, GoesFromIpv4ToIpv6AndBack) {
  const IpAddress a6 = Address("2001:db8::1"), b6 = Address("2001:db8::2");
  p_.Establish();
  p_.b.AddAddress(b6);
  p_.RunFor(1s);
  Move(p_.a, p_.a.address, a6);
  p_.RunFor(2s);
  ExpectAt(a6, b6);
  p_.a.RekeyChildren("net");
  p_.RunFor(7s);
  Move(p_.a, a6, p_.a.address);
  p_.RunFor(2s);
  ExpectAt(p_.a.address, p_.b.address);
}

TEST_F(MobikeTest, NothingIsSentWithoutAnAddress) {
  p_.Establish();
  p_.a.RemoveAddress(p_.a.address);
  p_.a.RekeyChildren("net");
  const uint64_t before = p_.network.sent;
  p_.RunFor(8s);
  EXPECT_EQ(p_.network.sent, before);
  p_.a.AddAddress(p_.a.address);
  p_.RunFor(8s);
  ExpectAt(p_.a.address, p_.b.address);
  EXPECT_EQ(p_.a.Counted(Count::kMoved), 0u) << "the address in use is back";
}

// Every SimPeer fails the test where it sends from an address it has not.
TEST_F(MobikeTest, AnAddressGoesWhileSomebodyCallsThere) {
  for (Duration at = 1ms; at < 60ms; at += 1ms) {
    TwoPeers p;
    Prepare(p);
    p.ForBoth([](SimPeer& peer) { peer.job_delay = 10ms; });
    p.Start();
    p.b.AddAddress(kB2);
    RequestId up = p.a.Up("net");
    p.RunFor(at);
    p.b.RemoveAddress(p.b.address);
    p.RunFor(1s);
    EXPECT_EQ(p.b.core->List().size(), p.b.Established().size()) << at;
    p.b.AddAddress(p.b.address);
    p.RunFor(120s);
    EXPECT_EQ(Misfit(p), "") << at;
    EXPECT_TRUE(p.a.replies.contains(up)) << at;
    EXPECT_EQ(p.a.replies[up].ok, !p.a.Established().empty()) << at;
  }
}

TEST_F(MobikeTest, TheResponderMovesAndTheInitiatorFollows) {
  p_.Establish();
  Move(p_.b, p_.b.address, kB2);
  p_.RunFor(2s);
  ExpectAt(p_.a.address, kB2);
  EXPECT_EQ(p_.b.Counted(Count::kMoved), 0u) << "it is not b's to decide";
  EXPECT_EQ(p_.a.Counted(Count::kMoved), 1u);
}

// Trap 21: whoever rekeyed the IKE SA since, a decides.
TEST_F(MobikeTest, TheFirstInitiatorDecidesForEver) {
  p_.Establish();
  for (SimPeer* by : {&p_.b, &p_.a, &p_.b}) {
    by->RekeyIke("gw");
    p_.RunFor(2s);
    ASSERT_EQ(Misfit(p_), "");
  }
  ASSERT_TRUE(p_.b.Established()[0].initiator);
  Move(p_.a, p_.a.address, kA2);
  Move(p_.b, p_.b.address, kB2);
  p_.RunFor(5s);
  ExpectAt(kA2, kB2);
  EXPECT_EQ(p_.b.Counted(Count::kMoved), 0u);
}

// The connection's own addresses are long gone on both sides.
TEST_F(MobikeTest, AuthenticatesAgainWhereTheSaIs) {
  p_.ConnectionOf(p_.a).reauth_time = 60s;
  p_.Establish();
  const IkeId before = p_.a.Established()[0].id;
  Move(p_.a, p_.a.address, kA2);
  Move(p_.b, p_.b.address, kB2);
  p_.RunFor(5s);
  ExpectAt(kA2, kB2);
  p_.RunFor(60s);
  ExpectAt(kA2, kB2);
  EXPECT_NE(p_.a.Established()[0].id, before);
  Move(p_.a, kA2, p_.a.address);
  p_.RunFor(5s);
  ExpectAt(p_.a.address, kB2);
}

TEST_F(MobikeTest, AnAddressGoesWhileAuthenticatingAgain) {
  for (int ms = -20; ms <= 80; ms += 2) {
    SCOPED_TRACE(std::to_string(ms) + " ms after it began");
    TwoPeers p;
    Prepare(p);
    p.ForBoth([](SimPeer& peer) { peer.job_delay = peer.install_delay = 4ms; });
    p.ConnectionOf(p.a).reauth_time = 60s;
    p.ConnectionOf(p.a).rand_time = 0s;
    p.ConnectionOf(p.a).over_time = 200s;
    p.a.AddAddress(kA2);
    p.Establish();
    p.ConnectionOf(p.a).reauth_time = 0s;
    p.a.Post(ConfigChanged{});
    p.RunFor(p.a.Established()[0].reauth_at - p.clock.now() + std::chrono::milliseconds(ms));
    p.a.RemoveAddress(p.a.address);
    p.RunFor(300s);   // what only b has of a call that a gave up is found to be dead
    EXPECT_EQ(Misfit(p), "");
    ASSERT_EQ(p.a.Established().size(), 1u);
    EXPECT_EQ(p.a.Established()[0].local.address, kA2);
    EXPECT_EQ(p.a.Established()[0].remote.address, p.b.address);
  }
}

// What is sent from a new address is believed, ESP towards it waits until COOKIE2 has come back.
TEST_F(MobikeTest, EspFollowsOnlyToAProvenAddress) {
  p_.Establish();
  p_.network.fate = [&](const SimPacket& packet) {
    const bool proof = packet.to.address == kA2 && !DecodeHeader(packet.data)->response;
    return proof ? Fate{.arrivals = {}} : Fate{};
  };
  Move(p_.a, p_.a.address, kA2);
  p_.RunFor(2s);
  EXPECT_EQ(p_.a.Sends("net")->local.address, kA2) << "our own address is gone at once";
  EXPECT_EQ(p_.b.Sends("net")->remote.address, p_.a.address);
  EXPECT_EQ(p_.b.Counted(Count::kPeerMoved), 0u);
  p_.network.fate = nullptr;
  p_.RunFor(5s);
  ExpectAt(kA2, p_.b.address);
}

// Somebody on the way gives the update another source, where nobody is: ESP stays until the true one is heard of.
TEST_F(MobikeTest, AnAddressThatOnlyTheHeaderClaimsGetsNoEsp) {
  p_.Establish();
  p_.a.AddAddress(kA2);
  p_.RunFor(1s);
  const Endpoint nowhere{Address("203.0.113.99"), 4500, 0};
  Bytes update;
  p_.network.on_send = [&](const SimPacket& packet) {
    if (packet.from.address == kA2 && !DecodeHeader(packet.data)->response && update.empty()) update = packet.data;
  };
  p_.network.fate = [&](const SimPacket& packet) { return packet.from.address == kA2 ? Fate{.arrivals = {}} : Fate{}; };
  p_.a.RemoveAddress(p_.a.address);
  p_.RunFor(1ms);
  ASSERT_FALSE(update.empty());
  p_.b.Post(DatagramIn{{p_.b.address, 4500, 0}, nowhere, true, update});
  p_.RunFor(100ms);
  EXPECT_EQ(p_.b.Established()[0].remote, nowhere) << "where IKE asks";
  EXPECT_EQ(p_.b.Sends("net")->remote.address, p_.a.address) << "where ESP stays";
  p_.network.fate = nullptr;
  p_.a.AddAddress(p_.a.address);
  p_.RunFor(60s);
  ExpectAt(kA2, p_.b.address);
}

TEST_F(MobikeTest, OtherPathsAreTriedWhenNobodyAnswers) {
  for (bool by_rekeying : {false, true}) {
    TwoPeers p;
    Prepare(p);
    p.b.AddAddress(kB2);
    p.Establish();
    p.network.fate = [&](const SimPacket& packet) {
      const bool dead = packet.to.address == p.b.address || packet.from.address == p.b.address;
      return dead ? Fate{.arrivals = {}} : Fate{};
    };
    if (by_rekeying) p.a.RekeyChildren("net");
    p.RunFor(90s);
    EXPECT_EQ(Misfit(p), "");
    ASSERT_EQ(p.a.Established().size(), 1u);
    EXPECT_EQ(p.a.Established()[0].remote.address, kB2);
    EXPECT_EQ(p.a.Counted(Count::kPeerDead) + p.b.Counted(Count::kPeerDead), 0u);
  }
}

// Trap 10: the answer to what went to one address, come from another, moves nothing.
TEST_F(MobikeTest, AnAnswerFromElsewhereMovesNothing) {
  p_.Establish();
  Bytes answer;
  p_.network.on_send = [&](const SimPacket& packet) {
    if (packet.from.address == p_.b.address && DecodeHeader(packet.data)->response) answer = packet.data;
  };
  p_.network.fate = [&](const SimPacket& packet) { return packet.from.address == p_.b.address ? Fate{.arrivals = {}} : Fate{}; };
  p_.RunFor(11s);
  ASSERT_FALSE(answer.empty());
  p_.a.Post(DatagramIn{p_.a.Established()[0].local, {kB2, 4500, 0}, true, answer});
  p_.network.fate = nullptr;
  p_.RunFor(1s);
  ExpectAt(p_.a.address, p_.b.address);
  EXPECT_EQ(p_.a.Counted(Count::kMoved), 0u);
}

class MobikeNatTest : public MobikeTest {
 protected:
  MobikeNatTest() : nat_{.inside = kA2, .outside = kNatOutside, .mapped = {}} { p_.network.nat = &nat_; }
  SimNat nat_;
};

TEST_F(MobikeNatTest, UdpComesAndGoesWithTheNat) {
  p_.Establish();
  EXPECT_FALSE(p_.a.Sends("net")->udp_encap);
  Move(p_.a, p_.a.address, kA2);
  p_.RunFor(2s);
  ExpectAt(kA2, p_.b.address);
  EXPECT_TRUE(p_.a.Sends("net")->udp_encap);
  EXPECT_TRUE(p_.b.Established()[0].nat_remote);
  EXPECT_EQ(p_.b.Sends("net")->remote, p_.b.Established()[0].remote);
  p_.RunFor(60s);
  EXPECT_GT(p_.a.Counted(Count::kKeepaliveSent) + p_.a.Counted(Count::kLivenessSent), 1u);
  p_.a.RekeyChildren("net");
  p_.b.RekeyIke("gw");
  p_.RunFor(7s);
  ExpectAt(kA2, p_.b.address);
  Move(p_.a, kA2, p_.a.address);
  p_.RunFor(2s);
  ExpectAt(p_.a.address, p_.b.address);
  EXPECT_FALSE(p_.b.Sends("net")->udp_encap);
}

// RFC 4555 3.8: the probe shows that the NAT has another mapping, and the side that decides says so.
TEST_F(MobikeNatTest, ANewMappingIsFoundByTheLivenessProbe) {
  p_.Establish();
  Move(p_.a, p_.a.address, kA2);
  p_.RunFor(25s);
  const Endpoint before = p_.b.Established()[0].remote;
  nat_.Rebind();
  p_.RunFor(15s);
  ExpectAt(kA2, p_.b.address);
  EXPECT_NE(p_.b.Established()[0].remote.port, before.port);
  EXPECT_EQ(p_.b.Sends("net")->remote, p_.b.Established()[0].remote);
}

TEST_F(MobikeNatTest, OnlyEspIsFollowedUnasked) {
  p_.ConnectionOf(p_.a).dpd_delay = 0s;
  p_.ConnectionOf(p_.b).dpd_delay = 0s;
  p_.Establish();
  Move(p_.a, p_.a.address, kA2);
  p_.RunFor(2s);
  const Endpoint before = p_.b.Established()[0].remote;
  nat_.Rebind();
  p_.a.RekeyChildren("net");
  p_.RunFor(2s);
  EXPECT_EQ(p_.b.Established()[0].remote, before) << "RFC 4555 3.8: not by IKE";
  Endpoint moved = before;
  moved.port = 41234;
  p_.b.Post(PeerMovedByEsp{p_.b.Sends("net")->child, p_.b.Established()[0].local, moved});
  EXPECT_EQ(p_.b.Sends("net")->remote, moved);
  EXPECT_EQ(p_.b.Established()[0].remote, before);
  p_.b.Post(PeerMovedByEsp{p_.b.Sends("net")->child, {p_.b.address, 0, 0}, {kNatOutside, 0, 0}});
  EXPECT_EQ(p_.b.Sends("net")->remote, moved) << "raw ESP says nothing of UDP's way";
}

// Every other exchange, at every moment of a move.
TEST_F(MobikeTest, CrossesWithEveryOtherDeed) {
  struct Deed {
    const char* name;
    std::function<void(TwoPeers&)> does;
  };
  const Deed deeds[] = {
      {"a rekeys the child", [](TwoPeers& p) { p.a.RekeyChildren("net"); }},
      {"b rekeys the child", [](TwoPeers& p) { p.b.RekeyChildren("net"); }},
      {"a rekeys IKE", [](TwoPeers& p) { p.a.RekeyIke("gw"); }},
      {"b rekeys IKE", [](TwoPeers& p) { p.b.RekeyIke("gw"); }},
      {"both rekey IKE", [](TwoPeers& p) { p.a.RekeyIke("gw"), p.b.RekeyIke("gw"); }},
      {"b makes a child", [](TwoPeers& p) { p.b.Up("other"); }},
      {"a deletes the child", [](TwoPeers& p) { p.a.Down("", "net"); }},
      {"b deletes the IKE SA", [](TwoPeers& p) { p.b.Down("gw"); }},
      {"b moves", [](TwoPeers& p) { p.b.RemoveAddress(p.b.address); }},
  };
  for (const Deed& deed : deeds) {
    for (int ms = -30; ms <= 30; ms += 3) {
      SCOPED_TRACE(std::string(deed.name) + " " + std::to_string(ms) + " ms after the move");
      TwoPeers p;
      Prepare(p);
      p.AddChild("other", 1);
      p.a.AddAddress(kA2);
      p.b.AddAddress(kB2);
      p.Establish();
      p.ForBoth([](SimPeer& peer) { peer.job_delay = peer.install_delay = 4ms; });
      if (ms < 0) deed.does(p);
      p.RunFor(std::chrono::milliseconds(std::max(-ms, 0)));
      p.a.RemoveAddress(p.a.address);
      p.RunFor(std::chrono::milliseconds(std::max(ms, 0)));
      if (ms >= 0) deed.does(p);
      p.RunFor(120s);
      EXPECT_EQ(Misfit(p), "");
    }
  }
}

TEST(MobikeStory, AMoveWithEveryDisturbance) {
  for (bool of_initiator : {true, false}) {
    TellWithEveryDisturbance({
        .prepare =
            [](TwoPeers& p) {
              Prepare(p);
              p.a.AddAddress(kA2);
              p.b.AddAddress(kB2);
              p.Establish();
            },
        .story =
            [of_initiator](TwoPeers& p) {
              SimPeer& who = of_initiator ? p.a : p.b;
              who.RemoveAddress(who.address);
              p.RunFor(9s);
            },
        .check =
            [of_initiator](TwoPeers& p) {
              EXPECT_EQ(Misfit(p), "");
              ASSERT_EQ(p.a.Established().size(), 1u);
              EXPECT_EQ(p.a.Established()[0].local.address, of_initiator ? kA2 : p.a.address);
              EXPECT_EQ(p.a.Established()[0].remote.address, of_initiator ? p.b.address : kB2);
            },
    });
  }
}

// From a seed: addresses come and go on both sides, exchanges are under way, the network loses, repeats and reorders. When it
// heals the two fit together, or both have given up. CULVERT_SIM_SEED=N runs one alone, with both logs.
std::string RandomRun(uint64_t seed, bool print, uint64_t& moved) {
  SeededRandom random(seed * 0x9e3779b97f4a7c15 + 7);
  TwoPeers p(seed);
  Prepare(p);
  SimNat nat{.inside = kA2, .outside = kNatOutside, .mapped = {}};
  if (random.Chance(0.4)) p.network.nat = &nat;
  p.ForBoth([&](SimPeer& peer) {
    peer.print = print;
    peer.job_delay = std::chrono::milliseconds(random.Below(15));
    peer.install_delay = std::chrono::milliseconds(random.Below(10));
  });
  p.Start();
  p.a.Up("net");
  p.RunFor(2s);
  const double drop = static_cast<double>(random.Below(30)) / 100;
  p.network.fate = MakeWeather({.drop = drop, .duplicate = 0.1, .corrupt = 0.01, .least = 1ms, .most = 80ms}, random);
  auto swap = [&](SimPeer& peer, const IpAddress& second) {
    const bool has_first = std::ranges::contains(peer.addresses, peer.address);
    const bool has_second = std::ranges::contains(peer.addresses, second);
    if (has_first && has_second) return peer.RemoveAddress(random.Chance(0.5) ? second : peer.address);
    peer.AddAddress(has_first ? second : peer.address);
  };
  for (uint64_t n = 4 + random.Below(12); n > 0; --n) {
    p.RunFor(std::chrono::milliseconds(random.Below(random.Chance(0.5) ? 60 : 9000)));
    const uint64_t dice = random.Below(10);
    SimPeer& peer = random.Chance(0.5) ? p.a : p.b;
    if (dice < 4) swap(p.a, kA2);
    else if (dice < 6) swap(p.b, kB2);
    else if (dice < 8) peer.RekeyChildren("net");
    else if (dice < 9) peer.RekeyIke("gw");
    else nat.Rebind();
  }
  p.network.fate = nullptr;
  p.RunFor(400s);
  for (int tries = 0; tries < 100 && !Misfit(p).empty(); ++tries) p.RunFor(500ms);
  moved += p.a.Counted(Count::kMoved);
  return Misfit(p);
}

TEST(MobikeRandom, EveryRunEndsInAgreement) {
  const char* only = std::getenv("CULVERT_SIM_SEED");
  const uint64_t first = only ? std::strtoull(only, nullptr, 10) : 1, count = only ? 1 : kSeeds;
  uint64_t moved = 0;
  for (uint64_t seed = first; seed < first + count; ++seed) {
    std::string verdict = RandomRun(seed, only != nullptr, moved);
    ASSERT_TRUE(verdict.empty() && !testing::Test::HasFailure()) << "CULVERT_SIM_SEED=" << seed << ": " << verdict;
  }
  if (!only) {
    EXPECT_GT(moved, count) << "a run in which nothing moves proves nothing";
  }
}

}  // namespace
}  // namespace culvert::ike
