#include <gtest/gtest.h>
#include <rte_cycles.h>

#include <algorithm>

#include "dataplane/main/neighbour_messages.h"
#include "tests/support/tunnel_rig.h"

// D20 and D24: what the workers have main do for strangers is limited, kind by kind, and the known fare as ever beside it.
namespace culvert::testing {
namespace {

using dp::Neighbours;
using test::MakeUdp;

constexpr uint16_t kWan = GatewayRig::kWan, kLan = GatewayRig::kLan;

class Punts : public ::testing::Test {
 protected:
  Punts() : t_({}) {
    t_.Install();
    rig().gateway().ike().SetSink([this](const channel::DatagramInfo&, ByteView datagram) {
      ++(datagram[15] == 0 ? strangers_ : known_);
      return true;
    });
  }
  GatewayRig& rig() { return t_.rig(); }
  Bytes IkeFrame(uint8_t responder_spi) {
    const IpAddress from = Ip("198.51.100.77"), to = Ip("192.0.2.1");
    Bytes ike(28, 0);
    ike[15] = responder_spi;
    return Ethernet(rig().port(kWan).mac, Mac(9), 0x0800, IpPacket(from, to, 17, UdpDatagram(from, to, {500, 500}, ike)));
  }
  Bytes Arp(uint32_t i) { return dp::EncodeRequest({Mac(5), IpAddress::V4(0x0a010080 + i % 100)}, Ip("10.1.0.1"), nullptr); }
  // From a stranger that nobody here speaks to.
  Bytes Solicitation(uint32_t i) {
    IpAddress from = Ip("fd01::5:0");
    for (int b = 0; b < 4; ++b) from.octets[static_cast<size_t>(12 + b)] = static_cast<uint8_t>(i >> (24 - 8 * b));
    from.octets[11] = 7;
    return dp::EncodeRequest({Mac(5), from}, Ip("fd01::1"), &rig().port(kLan).mac);
  }
  void ExpectHonestPass() {
    EXPECT_EQ(t_.FromPeer(t_.Seal(MakeUdp(t_.bob(false), t_.alice(false), 2000, 1000, 100))).size(), 1u);
    EXPECT_EQ(t_.FromPeer(t_.Seal(MakeUdp(t_.bob(true), t_.alice(true), 2000, 1000, 100))).size(), 1u);
    EXPECT_EQ(t_.FromAlice(MakeUdp(t_.alice(false), t_.bob(false), 1000, 2000, 100)).size(), 1u);
  }
  Neighbours::State StateOf(const IpAddress& a) {
    Neighbours::State state = Neighbours::State::kIdle;
    rig().gateway().neighbours().Visit([&](const Neighbours::View& v) {
      if (v.address == a) state = v.state;
    });
    return state;
  }
  // What a bucket may have let through since `start`, at most.
  static uint64_t Allowed(uint64_t start) {
    const double seconds = static_cast<double>(rte_rdtsc() - start) / static_cast<double>(rte_get_tsc_hz());
    return static_cast<uint64_t>(dp::kPuntBurst + dp::kPuntsPerSecond * seconds) + 1;
  }

  TunnelRig t_;
  uint64_t strangers_ = 0, known_ = 0;
};

TEST_F(Punts, OfEachKindAreTenThousandASecond) {
  constexpr uint64_t kFlood = 20000;
  const uint64_t start = rte_rdtsc();
  const Bytes stranger = IkeFrame(0), known = IkeFrame(1);
  for (uint64_t i = 0; i < kFlood; ++i) {
    rig().Send(kWan, stranger);  // main takes each at once: no ring is full
    if (i % 40 == 0) rig().Send(kWan, known);
    if (i % 1000 == 0) ExpectHonestPass();
  }
  EXPECT_EQ(known_, kFlood / 40) << "whoever is known is heard";
  EXPECT_GE(strangers_, static_cast<uint64_t>(dp::kPuntBurst));
  EXPECT_LE(strangers_, Allowed(start));
  EXPECT_EQ(rig().drops(Drop::kPuntFull), kFlood - strangers_);
  EXPECT_TRUE(rig().Balanced());
}

// SAs come and go by a ring that no packet is in.
TEST_F(Punts, LeaveTheWayOfSasFree) {
  const Bytes stranger = IkeFrame(0), known = IkeFrame(1), arp = Arp(1);
  for (int i = 0; i < 1500; ++i) {
    for (const Bytes* f : {&stranger, &known, &arp}) {
      rig().Feed(kWan, *f);
      rig().gateway().worker(0).Pass();
    }
  }
  EXPECT_GT(rig().drops(Drop::kPuntFull), 1000u);
  auto more = t_.sa();
  more.spi = MakeSpi(2, 6, 8);
  more.sa_index = SaIndex(more.spi);
  bool done = false;
  auto& database = t_.ipsec().database();
  database.Install(more.Install(channel::Direction::kInbound), more.local, more.remote,
                   [&](const channel::Ack& a) { done = a.status == channel::Status::kOk; });
  for (int i = 0; i < 4; ++i) {
    rig().gateway().worker(0).Pass();
    database.Poll([](const channel::Event&) {});
  }
  EXPECT_TRUE(done) << "beside full rings";
  rig().Run();
  ExpectHonestPass();
}

TEST_F(Punts, KnownNeighboursAreHeardBesideAFloodOfStrangers) {
  ExpectHonestPass();
  rig().Advance(std::chrono::seconds(31));
  EXPECT_EQ(StateOf(t_.alice(false)), Neighbours::State::kStale);
  for (bool v6 : {false, true}) {
    // By the thousand at once, so that they come too fast however slow the machine is.
    const uint64_t before = rig().drops(Drop::kPuntFull);
    uint32_t number = 0;
    for (int batch = 0; batch < 100 && rig().drops(Drop::kPuntFull) < before + 1000; ++batch) {
      for (int i = 0; i < 1000; ++i, ++number) rig().Feed(kLan, v6 ? Solicitation(number) : Arp(number));
      rig().Run();
      rig().Sent(kLan);
    }
    EXPECT_GE(rig().drops(Drop::kPuntFull), before + 1000);
    // Its answer to the gateway's probe, in the middle of it.
    const dp::Asker gateway{rig().port(kLan).mac, Ip(v6 ? "fd01::1" : "10.1.0.1")};
    rig().Send(kLan, dp::EncodeReply({Mac(2), t_.alice(v6)}, &gateway));
    EXPECT_EQ(StateOf(t_.alice(v6)), Neighbours::State::kReachable) << v6;
  }
  size_t entries = 0;
  rig().gateway().neighbours().Visit([&](const Neighbours::View& v) {
    ++entries;
    if (v.address == t_.alice(false)) {
      EXPECT_TRUE(rte_is_same_ether_addr(&*v.mac, &(const rte_ether_addr&)Mac(2)) != 0);
    }
  });
  EXPECT_LE(entries, dp::NeighbourTable::kCapacity / 2);
  ExpectHonestPass();
}

// RFC 6583: somebody outside sends to every address of a connected /64 by turns.
TEST_F(Punts, AScanOfAConnectedNetworkIsBounded) {
  const unsigned in_use = rig().buffers_in_use();
  uint64_t scanned = 0;
  size_t most = 0;
  for (int round = 0; round < 20; ++round) {
    for (uint32_t i = 0; i < 1000; ++i) {
      IpAddress to = Ip("fd01::");
      for (int b = 0; b < 8; ++b) to.octets[static_cast<size_t>(8 + b)] = static_cast<uint8_t>(scanned * 2654435761 >> (8 * b));
      to.octets[8] = 9;
      ++scanned;
      rig().SendIp(kWan, Mac(9), IpPacket(Ip("2001:db8:7::1"), to, 17, Bytes(8, 0)));
    }
    most = std::max(most, rig().gateway().neighbours().incomplete());
    EXPECT_LE(most, dp::kMaxIncomplete);
    EXPECT_LE(rig().buffers_in_use(), in_use + dp::kMaxIncomplete * dp::kMaxHeldPackets + 2048);
    rig().Sent(kLan);
    rig().Sent(kWan);
    ExpectHonestPass();
    rig().Advance(dp::kRequestInterval);
    EXPECT_EQ(StateOf(t_.alice(true)), Neighbours::State::kReachable);
    rig().Sent(kLan);
  }
  EXPECT_GE(most, 1000u);
  for (int i = 0; i < 30; ++i) {
    rig().Advance(dp::kRequestInterval);
    rig().Sent(kLan);
    rig().Sent(kWan);
  }
  EXPECT_EQ(rig().gateway().neighbours().incomplete(), 0u);
  EXPECT_EQ(rig().balance().held, 0u);
  EXPECT_EQ(rig().buffers_in_use(), in_use);
  EXPECT_TRUE(rig().Balanced());
  ExpectHonestPass();
}

// F06: without a buffer left, what needs one is dropped and counted, what does not passes, and afterwards everything does.
TEST_F(Punts, AnEmptyPoolIsCountedAndOverWhenItIsOver) {
  auto send_shared = [&](ByteView ip) {
    rte_mbuf* m = rte_pktmbuf_alloc(rig().pool());
    if (m == nullptr) return false;
    Bytes frame = Ethernet(rig().port(kLan).mac, Mac(2), 0x0800, ip);
    std::copy(frame.begin(), frame.end(), reinterpret_cast<uint8_t*>(rte_pktmbuf_append(m, static_cast<uint16_t>(frame.size()))));
    rte_pktmbuf_refcnt_update(m, 1);  // somebody else's too: it has to be copied
    EXPECT_TRUE(rig().port(kLan).Feed(m));
    rig().Run();
    rte_pktmbuf_free(m);
    return true;
  };
  const Bytes out = MakeUdp(t_.alice(false), t_.bob(false), 1000, 2000, 100);
  const unsigned in_use = rig().buffers_in_use();
  std::vector<rte_mbuf*> taken;
  while (rte_mbuf* m = rte_pktmbuf_alloc(rig().pool())) taken.push_back(m);
  for (int i = 0; i < 100; ++i) {
    rte_pktmbuf_free(taken.back());
    taken.pop_back();
    EXPECT_TRUE(send_shared(out));
    taken.push_back(rte_pktmbuf_alloc(rig().pool()));
    ASSERT_NE(taken.back(), nullptr) << "it leaks";
  }
  EXPECT_EQ(rig().drops(Drop::kNoMbuf), 100u);
  rte_pktmbuf_free(taken.back());
  taken.pop_back();
  EXPECT_EQ(t_.FromAlice(out).size(), 1u) << "sealed where it lies";
  EXPECT_TRUE(rig().Balanced());
  rte_pktmbuf_free_bulk(taken.data(), static_cast<unsigned>(taken.size()));
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(send_shared(out));
  EXPECT_EQ(rig().Sent(kWan).size(), 100u) << "every one";
  EXPECT_EQ(rig().drops(Drop::kNoMbuf), 100u);
  EXPECT_EQ(rig().buffers_in_use(), in_use);
  ExpectHonestPass();
}

// F05
TEST(FullRings, BetweenWorkersAreCountedAndNobodyWaits) {
  TunnelRig t({.workers = 2});
  t.Install();
  auto& rig = t.rig();
  constexpr size_t kPackets = 3000, kBetween = 1023;
  const Bytes clear = IpPacket(Ip("198.51.100.1"), t.alice(false), 17, Bytes(64, 0));
  for (size_t i = 0; i < kPackets; ++i) {
    rig.Feed(GatewayRig::kWan, Ethernet(rig.port(GatewayRig::kWan).mac, Mac(9), 0x0800, clear));
    while (rig.gateway().worker(0).Pass()) {
    }
  }
  EXPECT_EQ(rig.drops(Drop::kHandoverFull), kPackets - kBetween);
  EXPECT_EQ(rig.balance().held, kBetween);
  EXPECT_TRUE(rig.Balanced());
  rig.Run();
  EXPECT_EQ(rig.Sent(GatewayRig::kLan).size(), kBetween);
  EXPECT_EQ(t.FromPeer(t.Seal(MakeUdp(t.bob(false), t.alice(false), 2000, 1000, 100))).size(), 1u);
}

}  // namespace
}  // namespace culvert::testing
