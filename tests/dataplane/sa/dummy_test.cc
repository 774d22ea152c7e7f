#include <set>

#include "tests/dataplane/sa/manual_sa_fixture.h"

// Dummy packets (RFC 4303 2.6), sent. That they end in silence where they arrive is in esp_reference_test.cc.
namespace culvert::test {
namespace {

using channel::Direction;
using channel::Mode;
using channel::Status;

constexpr uint16_t kMtu = 1400;

class DummyTest : public ManualSaTest {
 protected:
  DummyTest() : ManualSaTest(1, kMtu) {}

  // The sealed dummies of so many milliseconds, each being a turn of the worker's housekeeping.
  std::vector<Bytes> Run(unsigned milliseconds) {
    std::vector<Bytes> all;
    dp::WorkerContext& ctx = rig_.context();
    for (unsigned i = 0; i < milliseconds; ++i) {
      ctx.now = now_ += ctx.tsc_hz / 1000;
      dp::Burst seal, sealed;
      rig_.worker().MakeDummies(ctx, seal);
      made_ += seal.n;
      if (seal.n == 0) continue;
      rig_.worker().Seal(ctx, seal, sealed);
      for (uint16_t k = 0; k < sealed.n; ++k) {
        EXPECT_NE(sealed.p[k]->next_hop, 0u);
        all.push_back(EspRig::Contents(*sealed.p[k]));
      }
      rig_.Free(sealed);
    }
    return all;
  }
  SaSpec MakeSa(uint32_t rate, Mode mode = Mode::kTunnel, unsigned site = 9) {
    SaSpec s = Make(0x1000 + site, site, 50, mode);
    s.dummy_packets = rate;
    return s;
  }

  size_t made_ = 0;
  uint64_t now_ = rte_rdtsc();  // of the worker, while it makes them
};

TEST_F(DummyTest, AsManyAsAskedForAtUnevenTimes) {
  for (uint32_t rate : {1u, 10u, 300u, 1000u}) {
    SaSpec s = MakeSa(rate, Mode::kTunnel, 20 + rate % 97);
    InstallBoth(s);
    const unsigned seconds = rate == 1 ? 40 : 10;
    std::set<size_t> gaps;
    size_t count = 0;
    for (unsigned ms = 0, last = 0; ms < seconds * 1000; ++ms) {
      auto sent = Run(1);
      for (const Bytes& packet : sent) count += ReferenceOpenAny(s.Outbound(), packet, 0).error.empty();
      if (sent.empty()) continue;
      gaps.insert(ms - last);
      last = ms;
    }
    EXPECT_GE(count, rate * seconds * 9 / 10) << rate;
    EXPECT_LE(count, rate * seconds * 11 / 10 + 1) << rate;
    EXPECT_GT(gaps.size(), 1u);
  }
}

TEST_F(DummyTest, AreSealedAsAnyAndSayNothing) {
  unsigned site = 30;
  for (Mode mode : {Mode::kTunnel, Mode::kTransport}) {
    for (bool v6 : {false, true}) {
      for (EspSuite suite : {EspSuite{EncrId::kAesGcm16, 128, IntegId::kNone, true},
                             EspSuite{EncrId::kAesCbc, 256, IntegId::kHmacSha256_128, false},
                             EspSuite{EncrId::kNull, 0, IntegId::kHmacSha512_256, true}}) {
        SCOPED_TRACE(Name(suite) + (v6 ? " IPv6" : " IPv4") + (mode == Mode::kTunnel ? " tunnel" : " transport"));
        SaSpec s = MakeSa(100, mode, ++site);
        s.spi = MakeSpi(1, site, site);
        s.sa_index = SaIndex(s.spi);
        s.suite = suite;
        rig_.MakeKeys(s);
        s.encap = site % 2 == 0;
        s.gateway.port = s.peer.port = 4500;
        if (v6) {
          s.gateway.address = *IpAddress::Parse("2001:db8::1");
          s.peer.address = *IpAddress::Parse("2001:db8:5::" + std::to_string(site));
          if (s.transport()) {
            s.local = {{{s.gateway.address, s.gateway.address}}};
            s.remote = {{{s.peer.address, s.peer.address}}};
          }
        }
        rig_.InstallBoth(s);
        std::set<size_t> lengths;
        uint64_t next = 0;
        for (const Bytes& packet : Run(500)) {
          ReferenceOpened o = ReferenceOpenAny(s.Outbound(), packet, 0);
          ASSERT_EQ(o.error, "");
          EXPECT_EQ(o.next_header, 59);
          EXPECT_EQ(o.sequence, ++next);
          EXPECT_LE(packet.size(), kMtu);
          lengths.insert(packet.size());
        }
        EXPECT_GT(next, 30u);
        EXPECT_GT(lengths.size(), 5u);
        for (Direction d : {Direction::kInbound, Direction::kOutbound}) EXPECT_EQ(rig_.Remove(s, d), Status::kOk);
        EXPECT_EQ(rig_.database().RemovePolicy(s.policy_id), Status::kOk);
        rig_.Settle();
      }
    }
  }
  EXPECT_EQ(rig_.AllDrops(), 0u);
  EXPECT_EQ(rig_.context().counters.injected.get(), made_);
}

// RFC 4303 2.7: what all packets are padded to, so are these.
TEST_F(DummyTest, ArePaddedAsAny) {
  for (uint16_t padding : {uint16_t{700}, channel::kTfcToMtu}) {
    SaSpec s = MakeSa(100, Mode::kTunnel, padding == 700 ? 20 : 21);
    s.tfc_padding = padding;
    InstallBoth(s);
    const size_t real = Send(s).size();
    for (const Bytes& packet : Run(300)) {
      if (!ReferenceOpenAny(s.Outbound(), packet, 0).error.empty()) continue;
      EXPECT_EQ(packet.size(), real);
    }
  }
}

// What is sent meanwhile goes as before, and both are counted.
TEST_F(DummyTest, GoBesideTheRest) {
  SaSpec s = MakeSa(200);
  InstallBoth(s);
  size_t dummies = 0;
  for (int i = 0; i < 50; ++i) {
    dummies += Run(10).size();
    ReferenceOpened o = ReferenceOpenAny(s.Outbound(), Send(s), 0);
    EXPECT_EQ(o.error, "");
    EXPECT_EQ(o.inner, PacketOf(s, true));
    EXPECT_EQ(o.sequence, dummies + static_cast<size_t>(i) + 1);
  }
  EXPECT_GT(dummies, 50u);
  rig_.database().Inventory([&](const channel::SaInventory& sa, const SelectorList&, const SelectorList&, const dp::SaEngine&) {
    const bool out = sa.direction == Direction::kOutbound;
    EXPECT_EQ(sa.dummies, out ? dummies : 0);
    EXPECT_EQ(sa.packets, out ? dummies + 50 : 0);
  });
}

TEST_F(DummyTest, StopWithTheirSa) {
  SaSpec s = MakeSa(100, Mode::kTunnel, 20), limited = MakeSa(100, Mode::kTunnel, 21);
  s.spi = MakeSpi(1, 5, 7);
  limited.lifetime.hard_packets = 5;
  rig_.InstallBoth(s);
  ASSERT_EQ(Install(limited, Direction::kOutbound), Status::kOk);
  auto of = [&](const std::vector<Bytes>& sent, const SaSpec& sa) {
    return std::ranges::count_if(sent, [&](const Bytes& b) { return ReferenceOpenAny(sa.Outbound(), b, 0).error.empty(); });
  };
  auto first = Run(500);
  EXPECT_GT(of(first, s), 30);
  EXPECT_EQ(of(first, limited), 5);
  EXPECT_LE(rig_.Drops(Drop::kExpired), 2u) << "it stops when it is told";
  EXPECT_EQ(rig_.Remove(s, Direction::kOutbound), Status::kOk);
  EXPECT_TRUE(Run(500).empty());
}

TEST_F(DummyTest, OnlyByEspAndOutwards) {
  SaSpec s = MakeSa(10), ah = Make(0x2000, 20, 51), many = MakeSa(channel::kMaxDummyPackets + 1, Mode::kTunnel, 21);
  ah.dummy_packets = 10;
  dp::WorkerDatabase::ManualSa in{.sa = s.Install(Direction::kInbound), .local = s.local, .remote = s.remote};
  in.sa.dummy_packets = 10;
  EXPECT_EQ(Install(in), Status::kMalformed);
  EXPECT_EQ(Install(ah, Direction::kOutbound), Status::kMalformed);
  EXPECT_EQ(Install(many, Direction::kOutbound), Status::kMalformed);
}

}  // namespace
}  // namespace culvert::test
