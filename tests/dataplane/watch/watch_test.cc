#include "dataplane/watch/watch.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "dataplane/main/neighbour_messages.h"
#include "tests/support/tunnel_rig.h"
#include "tests/support/watching.h"

// What a worker tells of its packets, held against what they were and what became of them.
namespace culvert::testing {
namespace {

using dp::Exit;
using dp::Place;
using dp::Stage;

constexpr dp::WatchOrder kTrace{.paths = true};
constexpr dp::WatchOrder kCapture{.paths = true, .frames = true, .snap = 2048};
constexpr dp::WatchOrder kClear{.paths = true, .frames = true, .clear_text = true, .snap = 2048};
constexpr size_t kEthernet = 14;

Bytes Marked(size_t n) {
  Bytes b;
  while (b.size() < n) Append(b, AsBytes("a secret of alice's "));
  b.resize(n);
  return b;
}

bool Contains(ByteView where, ByteView what) { return !std::ranges::search(where, what).empty(); }

class WatchTunnel : public ::testing::TestWithParam<TunnelKind> {
 protected:
  WatchTunnel() : t({.v6 = GetParam().v6}) { t.Install(GetParam()); }
  Bytes FromAlice() const {
    return IpPacket(t.alice(false), t.bob(false), 17, UdpDatagram(t.alice(false), t.bob(false), {1000, 2000}, Marked(60)));
  }
  Bytes FromBob() const {
    return IpPacket(t.bob(false), t.alice(false), 17, UdpDatagram(t.bob(false), t.alice(false), {2000, 1000}, Marked(60)));
  }
  // Octets change places, so that a UDP checksum stays right.
  static Bytes Spoil(Bytes outer) {
    size_t last = outer.size() - 1, other = last - 2;
    while (outer[other] == outer[last]) other -= 2;
    std::swap(outer[last], outer[other]);
    return outer;
  }
  Bytes Spoiled() { return Spoil(t.Seal(FromBob())); }
  // Of the outer packet: what may be told of one whose ICV failed.
  size_t OuterHeaders() const { return (GetParam().v6 ? 40u : 20u) + (GetParam().encap ? 8u : 0u) + (GetParam().ah ? 12u : 8u); }

  mutable TunnelRig t;
};
INSTANTIATE_TEST_SUITE_P(Kinds, WatchTunnel, ::testing::ValuesIn(kTunnelKinds), [](const auto& i) { return i.param.name; });

TEST_P(WatchTunnel, NamesEveryPassOut) {
  Watching w(t.rig().gateway(), kTrace);
  ASSERT_EQ(t.FromAlice(FromAlice()).size(), 1u);
  auto ways = w.Ways();
  ASSERT_EQ(ways.size(), 1u);
  EXPECT_EQ(ways[0].Passes(), "receive classify policy seal encipher transmit; transmitted");
  const dp::PathRecord& r = ways[0].last();
  EXPECT_EQ(r.steps[0].port, GatewayRig::kLan);
  EXPECT_EQ(r.exit_port, GatewayRig::kWan);
  EXPECT_EQ(r.sa_out, t.sa().sa_index);
  EXPECT_EQ(r.spi_out, t.sa().spi);
  EXPECT_EQ(r.sequence_out, 1u);
  EXPECT_EQ(r.seen[0].destination_port, 2000);
  EXPECT_EQ(r.seen[r.seen_n - 1].spi, t.sa().spi);
  EXPECT_TRUE(std::is_sorted(r.steps, r.steps + r.steps_n, [](const auto& a, const auto& b) { return a.tsc < b.tsc; }));
}

TEST_P(WatchTunnel, NamesEveryPassIn) {
  Watching w(t.rig().gateway(), kTrace);
  t.next_sequence = 7;
  ASSERT_EQ(t.FromPeer(t.Seal(FromBob())).size(), 1u);
  auto ways = w.Ways();
  ASSERT_EQ(ways.size(), 1u);
  EXPECT_EQ(ways[0].Passes(), "receive classify open verify accept inside policy transmit; transmitted");
  const dp::PathRecord& r = ways[0].last();
  EXPECT_EQ(r.sa_in, t.sa().sa_index);
  EXPECT_EQ(r.spi_in, t.sa().spi);
  EXPECT_EQ(r.sequence_in, 7u);
  EXPECT_TRUE(r.opened);
  EXPECT_EQ(r.exit_port, GatewayRig::kLan);
}

TEST_P(WatchTunnel, SaysWhereAndWhyItWasDropped) {
  Watching w(t.rig().gateway(), kTrace);
  Bytes good = t.Seal(FromBob());
  ASSERT_EQ(t.FromPeer(good).size(), 1u);
  ASSERT_EQ(t.FromPeer(good).size(), 0u);
  ASSERT_EQ(t.FromPeer(Spoiled()).size(), 0u);
  Bytes stranger = t.Seal(FromBob());
  stranger[OuterHeaders() - 8] ^= 0x10;
  if (!GetParam().encap || !GetParam().v6) {  // else its checksum were wrong
    ASSERT_EQ(t.FromPeer(stranger).size(), 0u);
  }
  // From elsewhere than the SA's selectors.
  Bytes other = IpPacket(Ip("10.8.0.2"), t.alice(false), 17, UdpDatagram(Ip("10.8.0.2"), t.alice(false), {1, 2}, Bytes(8, 0)));
  ASSERT_EQ(t.FromPeer(t.Seal(other)).size(), 0u);
  std::vector<std::string> passes;
  for (const auto& way : w.Ways()) passes.push_back(way.Passes());
  ASSERT_GE(passes.size(), 4u);
  EXPECT_EQ(passes[1], "receive classify open; replayed");
  EXPECT_EQ(passes[2], "receive classify open verify accept; bad-icv");
  if (passes.size() == 5) {
    EXPECT_EQ(passes[3], "receive classify open; unknown-spi");
  }
  EXPECT_EQ(passes.back(), "receive classify open verify accept; inner-mismatch");
  EXPECT_TRUE(t.rig().Balanced());
}

// Neither what it was nor what the failed deciphering left of it, whatever is asked for.
TEST_P(WatchTunnel, NothingOfAPacketWhoseIcvFailedLeaves) {
  for (const dp::WatchOrder& order : {kTrace, kCapture, kClear}) {
    Watching w(t.rig().gateway(), order);
    Bytes outer = Spoiled();
    ASSERT_EQ(t.FromPeer(outer).size(), 0u);
    const uint8_t* slot = w.watch().records().Peek();
    ASSERT_NE(slot, nullptr);
    dp::PathPart part(slot);
    size_t octets = 0;
    for (const dp::PathFrame& f : part.record().frames) octets += f.captured;
    ByteView told(slot, sizeof(dp::PathRecord) + octets);
    for (size_t at = OuterHeaders(); at + 6 <= outer.size(); ++at) {
      ASSERT_FALSE(Contains(told, ByteView(outer).subspan(at, 6))) << "octet " << at << " of the packet";
    }
    EXPECT_FALSE(Contains(told, AsBytes("secret")));
    EXPECT_FALSE(Contains(told, t.bob(false).bytes()));
    auto ways = w.Ways();
    ASSERT_EQ(ways.size(), 1u);
    EXPECT_EQ(ways[0].last().drop, Drop::kBadIcv);
    if (!order.frames) continue;
    EXPECT_EQ(ways[0].Octets(Place::kReceived).size(), kEthernet + OuterHeaders());
    EXPECT_TRUE(ways[0].Octets(Place::kInside).empty());
  }
}

TEST_P(WatchTunnel, ACaptureShowsWhatIsOnTheOutside) {
  Watching w(t.rig().gateway(), kCapture);
  auto sent = t.FromAlice(FromAlice());
  Bytes outer = t.Seal(FromBob());
  ASSERT_EQ(t.FromPeer(outer).size(), 1u);
  ASSERT_EQ(sent.size(), 1u);
  auto ways = w.Ways();
  ASSERT_EQ(ways.size(), 2u);
  EXPECT_TRUE(ways[0].Octets(Place::kReceived).empty());
  EXPECT_TRUE(ways[0].Octets(Place::kInside).empty());
  EXPECT_TRUE(std::ranges::equal(ByteView(ways[0].Octets(Place::kSent)).subspan(kEthernet), sent[0]));
  EXPECT_TRUE(std::ranges::equal(ByteView(ways[1].Octets(Place::kReceived)).subspan(kEthernet), outer));
  EXPECT_TRUE(ways[1].Octets(Place::kInside).empty());
  EXPECT_TRUE(ways[1].Octets(Place::kSent).empty());
}

TEST_P(WatchTunnel, TheClearTextBehindTheSwitch) {
  Watching w(t.rig().gateway(), kClear);
  Bytes plain = FromAlice(), inner = FromBob();
  ASSERT_EQ(t.FromAlice(plain).size(), 1u);
  auto delivered = t.FromPeer(t.Seal(inner));
  ASSERT_EQ(delivered.size(), 1u);
  auto ways = w.Ways();
  ASSERT_EQ(ways.size(), 2u);
  EXPECT_TRUE(std::ranges::equal(ByteView(ways[0].Octets(Place::kReceived)).subspan(kEthernet), plain));
  EXPECT_EQ(ways[0].Octets(Place::kInside).size(), plain.size());
  EXPECT_TRUE(Contains(ways[0].Octets(Place::kInside), AsBytes("secret")));
  EXPECT_EQ(ways[1].Octets(Place::kInside), inner);
  EXPECT_TRUE(std::ranges::equal(ByteView(ways[1].Octets(Place::kSent)).subspan(kEthernet), delivered[0]));
}

TEST_P(WatchTunnel, WhatIsDroppedForWantOfAnSaStaysHidden) {
  t.Remove(t.sa(), channel::Direction::kOutbound);
  Watching w(t.rig().gateway(), kCapture, {.drop = Drop::kNoSa});
  t.FromAlice(FromAlice());
  EXPECT_EQ(t.rig().drops(Drop::kNoSa), 1u);
  EXPECT_TRUE(w.Ways().empty());
  EXPECT_EQ(w.watch().hidden(), 1u);
}

TEST_P(WatchTunnel, FragmentsKeepTheirPacketsNumber) {
  Watching w(t.rig().gateway(), kTrace);
  Bytes big = IpPacket(t.alice(false), t.bob(false), 17, UdpDatagram(t.alice(false), t.bob(false), {1, 2}, Marked(1460)));
  ASSERT_EQ(t.FromAlice(big).size(), 2u);
  auto ways = w.Ways();
  ASSERT_EQ(ways.size(), 2u);
  for (const auto& way : ways) {
    EXPECT_EQ(way.parts.size(), 2u);
    EXPECT_EQ(way.first().exit, Exit::kCut);
    EXPECT_EQ(way.last().exit, Exit::kTransmitted);
    EXPECT_EQ(way.first().id, way.last().id);
    EXPECT_TRUE(way.last().sealed);
  }
}

TEST_P(WatchTunnel, FragmentsThatAreHeldAndJoined) {
  Watching w(t.rig().gateway(), kClear);
  Bytes big = IpPacket(t.bob(false), t.alice(false), 17, UdpDatagram(t.bob(false), t.alice(false), {1, 2}, Marked(1200)));
  t.choices.id = 77;  // which AH covers
  auto pieces = ReferenceFragment(t.Seal(big), {800}, 77);
  ASSERT_EQ(t.FromPeer(pieces).size(), 1u);
  auto ways = w.Ways();
  ASSERT_EQ(ways.size(), 2u) << "the joined one, with the first fragment's way; the other fragment";
  EXPECT_EQ(ways[0].Passes(), "receive classify; held; open verify accept inside policy transmit; transmitted");
  EXPECT_EQ(ways[1].Passes(), "receive classify; held");
  EXPECT_FALSE(Contains(ways[0].parts[0].frame(Place::kReceived), AsBytes("secret")));
  t.Settle();
}

TEST_P(WatchTunnel, UnarmedNothingIsRecorded) {
  auto w = std::make_unique<Watching>(t.rig().gateway(), dp::WatchOrder{.stages = true, .paths = true});
  t.FromAlice(FromAlice());
  EXPECT_EQ(w->Ways().size(), 1u);
  uint64_t before = w->watch().use(Stage::kSeal).packets.get();
  t.rig().gateway().context(0).armed.store(nullptr);
  t.FromAlice(FromAlice());
  t.FromPeer(t.Seal(FromBob()));
  EXPECT_TRUE(w->Ways().empty());
  EXPECT_EQ(w->watch().use(Stage::kSeal).packets.get(), before);
}

TEST_P(WatchTunnel, ByFilter) {
  struct Case {
    const char* name;
    dp::WatchFilter filter;
    size_t ways;
  };
  const Case cases[] = {
      {"all", {}, 3},
      {"port", {.port = GatewayRig::kLan}, 2},
      {"spi", {.spi = t.sa().spi}, 3},
      {"another spi", {.spi = 0x12345678}, 0},
      {"sa", {.sas = std::vector<uint32_t>{t.sa().sa_index}}, 3},
      {"another sa", {.sas = std::vector<uint32_t>{9999}}, 0},
      {"dropped", {.dropped = true}, 1},
      {"bad icv", {.drop = Drop::kBadIcv}, 1},
      {"another reason", {.drop = Drop::kNoRoute}, 0},
      {"inner flow", {.protocol = 17, .a = {IpPrefix::Parse("10.9.0.2"), 2000}, .b = {IpPrefix::Parse("10.1.0.0/24"), 1000}}, 2},
      {"inner flow, ports the other way", {.a = {IpPrefix::Parse("10.9.0.2"), 1000}}, 0},
      {"outer address", {.a = {t.sa().peer.address == Ip("198.51.100.9") ? IpPrefix::Parse("198.51.100.9")
                                                                           : IpPrefix::Parse("2001:db8:5::9")}}, 3},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    Watching w(t.rig().gateway(), kTrace, c.filter);
    t.FromAlice(FromAlice());
    t.FromPeer(t.Seal(FromBob()));
    t.FromPeer(Spoiled());
    EXPECT_EQ(w.Ways().size(), c.ways);
  }
}

TEST_P(WatchTunnel, AFullRingIsCountedAndNothingIsLostOfThePackets) {
  Watching w(t.rig().gateway(), kTrace);
  for (int i = 0; i < 1100; ++i) t.FromAlice(FromAlice());
  EXPECT_EQ(w.Ways().size() + w.watch().missed(), 1100u);
  EXPECT_NE(w.watch().missed(), 0u);
  EXPECT_TRUE(t.rig().Balanced());
}

// Two workers: who receives, and who owns the SA.
TEST_P(WatchTunnel, PartsOfTwoWorkersAreOneWay) {
  TunnelRig two({.v6 = GetParam().v6, .workers = 2});
  two.Install(GetParam());
  Watching w(two.rig().gateway(), kClear);
  size_t out = 0, in = 0;
  out += two.FromAlice(FromAlice()).size();
  in += two.FromPeer(two.Seal(FromBob())).size();
  in += two.FromPeer(Spoil(two.Seal(FromBob()))).size();
  ASSERT_EQ(out + in, 2u);
  auto ways = w.Ways();
  ASSERT_EQ(ways.size(), 3u);
  bool handed = false;
  for (const auto& way : ways) {
    for (const auto& p : way.parts) {
      EXPECT_EQ(p.record().id, way.first().id);
      handed |= p.record().exit == Exit::kHandedOver;
      if (way.last().drop != Drop::kBadIcv) continue;
      EXPECT_LE(p.frame(Place::kReceived).size(), kEthernet + OuterHeaders());
      EXPECT_FALSE(Contains(p.frame(Place::kReceived), AsBytes("secret")));
    }
  }
  EXPECT_TRUE(handed);
  EXPECT_FALSE(ways[1].Octets(Place::kReceived).empty()) << "who opened it tells what came";
}

TEST_P(WatchTunnel, StagesCountWhatWentThrough) {
  Watching w(t.rig().gateway(), {.stages = true});
  for (int i = 0; i < 5; ++i) {
    t.FromAlice(FromAlice());
    t.FromPeer(t.Seal(FromBob()));
  }
  auto packets = [&](Stage s) { return w.watch().use(s).packets.get(); };
  EXPECT_EQ(packets(Stage::kReceive), 10u);
  EXPECT_EQ(packets(Stage::kClassify), 10u);
  EXPECT_EQ(packets(Stage::kInside), 5u);
  EXPECT_EQ(packets(Stage::kPolicy), 10u);
  EXPECT_EQ(packets(Stage::kEncipher), 5u);
  EXPECT_EQ(packets(Stage::kVerify), 5u);
  EXPECT_EQ(packets(Stage::kTransmit), 10u);
  EXPECT_NE(w.watch().use(Stage::kIdle).cycles.get(), 0u);
  EXPECT_EQ(w.watch().records().Peek(), nullptr);
}

TEST(WatchRouter, NamesEveryPass) {
  GatewayRig rig;
  rig.AddNeighbour(GatewayRig::kWan, Ip("192.0.2.254"), Mac(9));
  Watching w(rig.gateway(), kCapture);
  auto from = Ip("10.1.0.2"), to = Ip("198.51.100.1");
  rig.SendIp(GatewayRig::kLan, Mac(2), IpPacket(from, to, 17, UdpDatagram(from, to, {1, 2}, Marked(40))));
  rig.SendIp(GatewayRig::kLan, Mac(2), IpPacket(from, to, 17, UdpDatagram(from, to, {1, 2}, Marked(40)), {.ttl = 1}));
  rig.SendIp(GatewayRig::kLan, Mac(2), IpPacket(from, Ip("10.1.0.1"), 1, EchoRequest(from, Ip("10.1.0.1"), Marked(40))));
  auto ways = w.Ways();
  std::vector<std::string> passes;
  for (const auto& way : ways) passes.push_back(way.Passes());
  // The last two wait for alice's MAC, which nobody tells: the error, and the answer to the ping.
  EXPECT_EQ(passes, (std::vector<std::string>{
                        "receive classify route transmit; transmitted",
                        "receive classify; ttl-expired",
                        "take transmit; transmitted",
                        "route transmit; to-main",
                        "receive classify route transmit; to-main",
                    }));
  // In clear, and nobody's secret: the headers.
  EXPECT_EQ(ways[0].Octets(Place::kReceived).size(), kEthernet + 28);
  EXPECT_EQ(ways[0].Octets(Place::kSent).size(), kEthernet + 28);
  EXPECT_EQ(ways[0].last().frames[static_cast<size_t>(Place::kSent)].length, kEthernet + 68);
}

TEST(WatchRouter, WhatWaitedForItsNeighbourGoesOnUnderItsNumber) {
  GatewayRig rig;
  rig.AddNeighbour(GatewayRig::kLan, Ip("10.1.0.2"), Mac(2));
  Watching w(rig.gateway(), kTrace, {.a = {IpPrefix::Parse("198.51.100.1"), 0}});
  auto from = Ip("10.1.0.2"), to = Ip("198.51.100.1");
  rig.SendIp(GatewayRig::kLan, Mac(2), IpPacket(from, to, 17, UdpDatagram(from, to, {1, 2}, Marked(40))));
  rig.AddNeighbour(GatewayRig::kWan, Ip("192.0.2.254"), Mac(9));
  auto ways = w.Ways();
  ways.erase(std::remove_if(ways.begin(), ways.end(), [](const auto& way) { return way.parts.size() < 2; }), ways.end());
  ASSERT_EQ(ways.size(), 1u);
  EXPECT_EQ(ways[0].Passes(), "receive classify route transmit; to-main; take transmit; transmitted");
}

}  // namespace
}  // namespace culvert::testing
