#include <gtest/gtest.h>
#include <rte_ip.h>
#include <time.h>

#include <thread>

#include "common/channel/state_page.h"
#include "tests/support/esp_rig.h"

// What the data plane does by itself, with nobody on the other side of the channel: limits, edges, policies, reports.
namespace culvert::test {
namespace {

using channel::Direction;
using channel::EventType;
using channel::Status;
using namespace std::chrono_literals;

const IpAddress kHere = *IpAddress::Parse("10.1.0.9"), kThere = *IpAddress::Parse("10.9.0.9");

int64_t MonotonicNs() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
}

class SaDatabaseTest : public ::testing::Test {
 protected:
  explicit SaDatabaseTest(uint16_t mtu = 9000) : rig_(1, {}, mtu) {
    sa_.gateway = {*IpAddress::Parse("192.0.2.1"), 4500, 0};
    sa_.peer = {*IpAddress::Parse("198.51.100.9"), 4500, 0};
    sa_.local = {{*IpRange::Parse("10.1.0.0/16")}};
    sa_.remote = {{*IpRange::Parse("10.9.0.0/16")}};
    rig_.MakeKeys(sa_);
  }

  // What became of one packet from here to there.
  enum class Fate { kSealed, kForwarded, kDropped };
  Fate Send(size_t size = 100) {
    dp::Burst plain, forward, seal, sealed;
    plain.Add(rig_.MakePacket(MakeUdp(kHere, kThere, 1000, 2000, size)));
    rig_.context().now = rte_rdtsc();
    rig_.worker().ApplyPolicy(rig_.context(), plain, forward, seal);
    rig_.worker().Seal(rig_.context(), seal, sealed);
    Fate fate = sealed.n != 0 ? Fate::kSealed : forward.n != 0 ? Fate::kForwarded : Fate::kDropped;
    if (sealed.n != 0) last_sealed_ = EspRig::Contents(*sealed.p[0]);
    rig_.Free(forward);
    rig_.Free(sealed);
    return fate;
  }
  // One packet of the peer's; true where it came out.
  bool Receive(uint64_t sequence, const SaSpec& as) {
    dp::Burst esp, opened;
    SealChoices c;
    c.sequence = sequence;
    c.iv = Bytes(8, 7);
    esp.Add(rig_.MakePacket(ReferenceSeal(as.Inbound(), MakeUdp(kThere, kHere, 2000, 1000, 100), c)));
    rig_.context().now = rte_rdtsc();
    rig_.worker().Open(rig_.context(), esp, opened);
    bool came = opened.n == 1;
    rig_.Free(opened);
    return came;
  }
  std::vector<channel::Event> Events(EventType type) {
    rig_.Settle();
    std::vector<channel::Event> found;
    for (const auto& e : rig_.events()) {
      if (e.type == type) found.push_back(e);
    }
    return found;
  }

  EspRig rig_;
  SaSpec sa_;
  Bytes last_sealed_;
};

TEST_F(SaDatabaseTest, EndsAnOutboundSaAfterItsPackets) {
  sa_.lifetime = {.soft_packets = 5, .hard_packets = 10};
  rig_.InstallBoth(sa_);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(Send(), Fate::kSealed) << i;
  EXPECT_EQ(Send(), Fate::kDropped);
  EXPECT_EQ(Send(), Fate::kDropped);
  EXPECT_EQ(rig_.Drops(Drop::kExpired), 2u);
  auto soft = Events(EventType::kSoftExpiry), hard = Events(EventType::kHardExpiry);
  ASSERT_EQ(soft.size(), 1u);
  EXPECT_EQ(soft[0].expiry.packets, 5u);
  EXPECT_EQ(soft[0].expiry.direction, Direction::kOutbound);
  ASSERT_EQ(hard.size(), 1u);
  EXPECT_EQ(hard[0].expiry.packets, 10u);
}

TEST_F(SaDatabaseTest, EndsAnInboundSaAfterItsBytes) {
  sa_.lifetime = {.soft_bytes = 300, .hard_bytes = 1000};
  rig_.InstallBoth(sa_);
  uint64_t sequence = 0;
  while (Receive(++sequence, sa_)) ASSERT_LT(sequence, 100u);
  EXPECT_EQ(rig_.Drops(Drop::kExpired), 1u);
  EXPECT_EQ(Events(EventType::kSoftExpiry).size(), 1u);
  auto hard = Events(EventType::kHardExpiry);
  ASSERT_EQ(hard.size(), 1u);
  EXPECT_GE(hard[0].expiry.bytes, 1000u);
  EXPECT_LT(hard[0].expiry.bytes, 1200u);
}

TEST_F(SaDatabaseTest, EndsAnSaAtItsTime) {
  sa_.lifetime = {.hard_at = MonotonicNs() + 300'000'000};
  rig_.InstallBoth(sa_);
  EXPECT_EQ(Send(), Fate::kSealed);
  EXPECT_TRUE(Receive(1, sa_));
  std::this_thread::sleep_for(320ms);
  EXPECT_EQ(Send(), Fate::kDropped);
  EXPECT_FALSE(Receive(2, sa_));
  EXPECT_EQ(rig_.Drops(Drop::kExpired), 2u);
  EXPECT_EQ(Events(EventType::kHardExpiry).size(), 2u);
}

// RFC 4303 3.3.3: without ESN the counter must not cycle.
TEST_F(SaDatabaseTest, StopsAtTheLastSequenceNumber) {
  sa_.suite.esn = false;
  sa_.sequence = UINT32_MAX - 3;
  rig_.InstallBoth(sa_);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Send(), Fate::kSealed) << i;
  EXPECT_EQ(Send(), Fate::kDropped);
  EXPECT_EQ(rig_.Drops(Drop::kSequenceExhausted), 1u);
  EXPECT_EQ(Events(EventType::kHardExpiry).size(), 1u);
}

// F07: taken away between the decision for it and its use. The worker is still in the pass that found it.
TEST_F(SaDatabaseTest, KeepsAnSaAliveForThePassThatHoldsIt) {
  rig_.InstallBoth(sa_);
  dp::Burst plain, forward, seal, sealed;
  for (int i = 0; i < 32; ++i) plain.Add(rig_.MakePacket(MakeUdp(kHere, kThere, 1000, 2000, 100)));
  rig_.worker().ApplyPolicy(rig_.context(), plain, forward, seal);
  ASSERT_EQ(seal.n, 32);
  bool removed = false;
  channel::RemoveSa r{};
  r.spi = sa_.spi;
  r.sa_index = sa_.sa_index;
  r.direction = Direction::kOutbound;
  rig_.database().Remove(r, [&](const channel::Ack& a) { removed = a.status == Status::kOk; });
  for (int i = 0; i < 10; ++i) rig_.database().Poll([](const channel::Event&) {});
  EXPECT_FALSE(removed) << "the worker has not passed";
  size_t keys = rig_.database().keys_in_use();
  rig_.worker().Seal(rig_.context(), seal, sealed);
  EXPECT_EQ(sealed.n + rig_.AllDrops(), 32u);
  rig_.Free(sealed);
  rig_.Settle();
  EXPECT_TRUE(removed);
  EXPECT_LT(rig_.database().keys_in_use(), keys);
  EXPECT_EQ(Send(), Fate::kDropped);
  EXPECT_EQ(rig_.Drops(Drop::kNoSa), 1u);
}

TEST_F(SaDatabaseTest, PublishesSequenceNumbers) {
  auto page = std::make_unique<channel::StatePage>();
  bool released = false;
  sa_.sequence = 77;
  rig_.InstallBoth(sa_);
  rig_.database().SetStatePage(page.get(), [&] { released = true; });
  rig_.Settle();
  EXPECT_TRUE(released);
  EXPECT_EQ(page->outbound[sa_.sa_index].load(), 77u) << "what lives already is told at once";
  EXPECT_EQ(page->inbound[sa_.sa_index].load(), 77u);
  EXPECT_TRUE(Receive(500, sa_));
  EXPECT_EQ(page->inbound[sa_.sa_index].load(), 500u) << "before the burst leaves";
  EXPECT_TRUE(Receive(400, sa_));
  EXPECT_EQ(page->inbound[sa_.sa_index].load(), 500u);
  for (uint64_t i = 0; i < 2 * kPublishEvery; ++i) ASSERT_EQ(Send(), Fate::kSealed);
  EXPECT_GE(page->outbound[sa_.sa_index].load() + kPublishEvery, 77 + 2 * kPublishEvery);
}

// A new control process that knows nothing of what went before: what lives stays protected until it is removed.
TEST_F(SaDatabaseTest, ProtectsWhatOrphansProtect) {
  rig_.database().OpenForwarding();
  rig_.InstallBoth(sa_);
  rig_.database().BeginSync();
  rig_.Settle();
  EXPECT_EQ(Send(), Fate::kSealed);
  rig_.database().OpenForwarding();
  rig_.Settle();
  EXPECT_EQ(Send(), Fate::kSealed);
  EXPECT_TRUE(Receive(1, sa_));
  EXPECT_EQ(rig_.Remove(sa_, Direction::kOutbound), Status::kOk);
  EXPECT_EQ(rig_.Remove(sa_, Direction::kInbound), Status::kOk);
  EXPECT_EQ(Send(), Fate::kForwarded) << "nobody asks for protection any more";
  EXPECT_EQ(rig_.database().sas(), 0u);
  EXPECT_EQ(rig_.database().keys_in_use(), 0u);
}

TEST_F(SaDatabaseTest, NeverSendsInClearWhatAPolicyProtects) {
  rig_.InstallBoth(sa_);
  EXPECT_EQ(rig_.Remove(sa_, Direction::kOutbound), Status::kOk);
  EXPECT_EQ(Send(), Fate::kDropped);
  EXPECT_EQ(rig_.Drops(Drop::kNoSa), 1u);
  EXPECT_TRUE(Events(EventType::kAcquire).empty()) << "the policy is no trap";
}

// What the host's stack sends obeys the policy as forwarded traffic does: no exception that is the gateway's own is its.
TEST_F(SaDatabaseTest, TheHostObeysThePolicy) {
  enum class Maker { kHost, kGateway };
  auto send = [](EspRig& rig, const IpAddress& to, uint16_t source_port, Maker maker) {
    dp::Burst plain, forward, seal, sealed;
    dp::Packet& p = rig.MakePacket(MakeUdp(kHere, to, source_port, 500, 100));
    p.local_origin = true;
    p.from_host = maker == Maker::kHost;
    plain.Add(p);
    rig.worker().ApplyPolicy(rig.context(), plain, forward, seal);
    Fate fate = seal.n != 0 ? Fate::kSealed : forward.n != 0 ? Fate::kForwarded : Fate::kDropped;
    rig.worker().Seal(rig.context(), seal, sealed);
    if (sealed.n != 0) {
      EXPECT_FALSE(sealed.p[0]->from_host) << "errors about the outer packet are not the host's";
    }
    rig.Free(forward);
    rig.Free(sealed);
    return fate;
  };
  const IpAddress elsewhere = *IpAddress::Parse("203.0.113.9");
  rig_.InstallBoth(sa_);
  EXPECT_EQ(send(rig_, kThere, 500, Maker::kHost), Fate::kSealed);
  EXPECT_EQ(send(rig_, kThere, 500, Maker::kGateway), Fate::kForwarded) << "IKE";
  EXPECT_EQ(send(rig_, elsewhere, 1000, Maker::kHost), Fate::kForwarded);
  EXPECT_EQ(rig_.Remove(sa_, Direction::kOutbound), Status::kOk);
  EXPECT_EQ(send(rig_, kThere, 500, Maker::kHost), Fate::kDropped);
  EXPECT_EQ(rig_.Drops(Drop::kNoSa), 1u);
  EspRig closed(1, {.default_forward = false});
  EXPECT_EQ(send(closed, elsewhere, 1000, Maker::kGateway), Fate::kForwarded);
  EXPECT_EQ(send(closed, elsewhere, 1000, Maker::kHost), Fate::kDropped);
  EXPECT_EQ(closed.Drops(Drop::kPolicy), 1u);
}

Bytes MakeError(const IpAddress& from, const IpAddress& to, ByteView quote) {
  Bytes icmp = {3, 4, 0, 0, 0, 0, 2, 0};
  Append(icmp, quote);
  Bytes packet = MakeUdp(from, to, 0, 0, 20 + icmp.size());
  packet[9] = 1;
  std::copy(icmp.begin(), icmp.end(), packet.begin() + 20);
  packet[10] = packet[11] = 0;
  uint16_t sum = static_cast<uint16_t>(~rte_raw_cksum(packet.data(), 20));
  std::memcpy(packet.data() + 10, &sum, 2);
  return packet;
}

TEST_F(SaDatabaseTest, TheHostGetsInClearOnlyWhatMayComeInClear) {
  const IpAddress stranger = *IpAddress::Parse("203.0.113.9"), refused = *IpAddress::Parse("203.0.113.10");
  auto answer = [](EspRig& rig, ByteView packet) {
    dp::Burst made;
    made.Add(rig.MakePacket(packet));
    Drop why = rig.worker().RefuseToHost(rig.context(), *made.p[0]);
    rig.Free(made);
    return why;
  };
  sa_.remote[0].protocol = sa_.local[0].protocol = 17;
  sa_.remote[0].port_first = sa_.remote[0].port_last = 7000;
  rig_.InstallBoth(sa_);
  SelectorList here = {{IpRange{kHere, kHere}}};
  ASSERT_EQ(rig_.AddPolicy(8, here, {{IpRange{refused, refused}}}, channel::PolicyAction::kDiscard), Status::kOk);
  EXPECT_EQ(answer(rig_, MakeUdp(kThere, kHere, 7000, 9, 100)), Drop::kPlaintextInbound);
  EXPECT_EQ(answer(rig_, MakeUdp(kThere, kHere, 7001, 9, 100)), Drop::kCount);
  EXPECT_EQ(answer(rig_, MakeUdp(refused, kHere, 1, 9, 100)), Drop::kPolicy);
  EXPECT_EQ(answer(rig_, MakeUdp(stranger, kHere, 1, 9, 100)), Drop::kCount);
  // A router that nobody protects may tell about what went in clear, and about nothing else.
  Bytes sealed = MakeUdp(kHere, kThere, 9, 7000, 100), open = MakeUdp(kHere, kThere, 9, 7001, 100);
  EXPECT_EQ(answer(rig_, MakeError(stranger, kHere, sealed)), Drop::kPlaintextInbound);
  EXPECT_EQ(answer(rig_, MakeError(stranger, kHere, ByteView(sealed).first(28))), Drop::kPlaintextInbound);
  EXPECT_EQ(answer(rig_, MakeError(stranger, kHere, open)), Drop::kCount);
  EXPECT_EQ(answer(rig_, MakeError(stranger, kHere, ByteView(sealed).first(12))), Drop::kCount) << "says nothing about anything";
  EspRig closed(1, {.default_forward = false});
  EXPECT_EQ(answer(closed, MakeUdp(stranger, kHere, 1, 9, 100)), Drop::kPolicy);
  ASSERT_EQ(closed.AddPolicy(8, here, {{IpRange{stranger, stranger}}}, channel::PolicyAction::kBypass), Status::kOk);
  EXPECT_EQ(answer(closed, MakeUdp(stranger, kHere, 1, 9, 100)), Drop::kCount);
}

TEST_F(SaDatabaseTest, AsksForAnSaOnceAndNotForEveryPacket) {
  ASSERT_EQ(rig_.AddPolicy(9, sa_.local, sa_.remote, channel::PolicyAction::kProtect, 0, true), Status::kOk);
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(Send(), Fate::kDropped);
  auto acquires = Events(EventType::kAcquire);
  ASSERT_EQ(acquires.size(), 1u);
  EXPECT_EQ(acquires[0].acquire.policy_id, 9u);
  EXPECT_EQ(rig_.Drops(Drop::kNoSa), 1000u);
}

// Each for itself: what one packet selects holds up no other; and a scan does not flood who must answer.
TEST_F(SaDatabaseTest, AsksForEachSelectorAndForAPolicyNotTooOften) {
  auto send = [&](uint32_t host, uint64_t now) {
    dp::Burst plain, forward, seal;
    IpAddress there = IpAddress::V4(10u << 24 | 9u << 16 | host);
    plain.Add(rig_.MakePacket(MakeUdp(kHere, there, 1000, 2000, 100)));
    rig_.context().now = now;
    rig_.worker().ApplyPolicy(rig_.context(), plain, forward, seal);
    rig_.Free(forward);
  };
  auto asked = [&] { return Events(EventType::kAcquire).size(); };
  ASSERT_EQ(rig_.AddPolicy(9, sa_.local, sa_.remote, channel::PolicyAction::kProtect, 0, true), Status::kOk);
  const uint64_t second = rig_.context().tsc_hz;
  uint64_t now = rte_rdtsc();
  for (int i = 0; i < 100; ++i) {
    for (uint32_t host : {1u, 2u, 3u}) send(host, now);
  }
  EXPECT_EQ(asked(), 3u);
  send(2, now + second / 2);
  EXPECT_EQ(asked(), 3u);
  send(2, now += second + 1);
  EXPECT_EQ(asked(), 4u);
  now += 10 * second;
  for (uint32_t host = 100; host < 400; ++host) send(host, now);
  EXPECT_EQ(asked(), 4u + dp::AcquirePace::kBurst);
  now += second / 2;
  for (uint32_t host = 400; host < 700; ++host) send(host, now);
  EXPECT_EQ(asked(), 4u + dp::AcquirePace::kBurst + dp::AcquirePace::kPerSecond / 2);
}

TEST_F(SaDatabaseTest, TellsThatAPeerMovedAtMostOnceASecond) {
  sa_.encap = true;
  rig_.InstallBoth(sa_);
  SaSpec elsewhere = sa_;
  elsewhere.peer.port = 61000;
  for (uint64_t i = 1; i <= 50; ++i) EXPECT_TRUE(Receive(i, elsewhere)) << i;
  auto moved = Events(EventType::kPeerMoved);
  ASSERT_EQ(moved.size(), 1u);
  EXPECT_EQ(moved[0].moved.remote.port, 61000);
  EXPECT_EQ(moved[0].moved.sa_index, sa_.sa_index);
}

TEST_F(SaDatabaseTest, HearsNobodyElseSpeakOfMoving) {
  sa_.encap = true;
  rig_.InstallBoth(sa_);
  SaSpec forged = sa_;
  forged.peer.port = 61000;
  forged.encr_key[3] ^= 1;
  EXPECT_FALSE(Receive(1, forged));
  EXPECT_EQ(rig_.Drops(Drop::kBadIcv), 1u);
  EXPECT_TRUE(Events(EventType::kPeerMoved).empty());
}

// RFC 4555: the peer goes on from elsewhere, and a NAT has come between, or gone.
TEST_F(SaDatabaseTest, MovesALiveSaWithAndWithoutUdp) {
  rig_.InstallBoth(sa_);
  ASSERT_EQ(Send(), Fate::kSealed);
  const size_t raw = last_sealed_.size();
  uint64_t number = 1;
  for (bool encap : {true, false, true}) {
    sa_.encap = encap;
    sa_.peer = {*IpAddress::Parse(encap ? "198.51.100.7" : "198.51.100.8"), static_cast<uint16_t>(encap ? 40001 : 4500), 0};
    for (auto direction : {Direction::kInbound, Direction::kOutbound}) {
      channel::UpdateSa u{};
      u.spi = sa_.Install(direction).spi;
      u.sa_index = sa_.sa_index;
      u.direction = direction;
      u.set_remote = 1;
      u.udp_encap = encap;
      u.local = channel::ToWire(sa_.gateway);
      u.remote = channel::ToWire(sa_.peer);
      auto status = Status::kBusy;
      rig_.database().Update(u, [&status](const channel::Ack& a) { status = a.status; });
      rig_.Settle();
      EXPECT_EQ(status, Status::kOk);
    }
    ASSERT_EQ(Send(), Fate::kSealed);
    EXPECT_EQ(last_sealed_.size(), raw + (encap ? 8 : 0));
    EXPECT_TRUE(std::equal(sa_.peer.address.octets.begin(), sa_.peer.address.octets.begin() + 4, last_sealed_.begin() + 16));
    EXPECT_EQ(last_sealed_[9], encap ? 17 : 50);
    EXPECT_TRUE(Receive(number++, sa_));
    EXPECT_TRUE(Events(EventType::kPeerMoved).empty()) << "it is where it said";
  }
}

class SmallPathTest : public SaDatabaseTest {
 protected:
  static constexpr uint16_t kMtu = 1400;
  SmallPathTest() : SaDatabaseTest(kMtu) {}
};

// What is too long once sealed is told the length that fits, and that length fits, exactly (RFC 4301 8.2.1).
TEST_F(SmallPathTest, SaysWhichInnerLengthFits) {
  for (EspSuite suite : {EspSuite{EncrId::kAesGcm16, 128, IntegId::kNone, true},
                         EspSuite{EncrId::kAesCbc, 256, IntegId::kHmacSha256_128, false}}) {
    sa_.suite = suite;
    rig_.MakeKeys(sa_);
    rig_.InstallBoth(sa_);
    ASSERT_EQ(Send(kMtu), Fate::kDropped);
    EXPECT_EQ(rig_.Drops(Drop::kTooBig), 1u);
    dp::Burst& made = rig_.context().originated;
    ASSERT_EQ(made.n, 1);
    Bytes icmp = EspRig::Contents(*made.p[0]);
    rig_.Free(made);
    ASSERT_EQ(icmp[20], 3) << "destination unreachable";
    ASSERT_EQ(icmp[21], 4) << "fragmentation needed and DF set";
    size_t fits = static_cast<size_t>(icmp[26] << 8 | icmp[27]);
    EXPECT_EQ(Send(fits), Fate::kSealed);
    EXPECT_LE(last_sealed_.size(), kMtu);
    EXPECT_EQ(Send(fits + 1), Fate::kDropped);
    EXPECT_EQ(rig_.Drops(Drop::kTooBig), 1u);
    rig_.Free(made);
    EXPECT_EQ(rig_.Remove(sa_, Direction::kOutbound), Status::kOk);
    EXPECT_EQ(rig_.Remove(sa_, Direction::kInbound), Status::kOk);
    EXPECT_EQ(rig_.database().RemovePolicy(sa_.policy_id), Status::kOk);
    rig_.Settle();
  }
}

// RFC 4303 2.7: to one length as far as the path takes it, however long the packet is and from the first packet on.
TEST_F(SmallPathTest, PadsAgainstTrafficAnalysis) {
  for (uint16_t padding : {uint16_t{700}, uint16_t{9000}, channel::kTfcToMtu}) {
    sa_.suite = {EncrId::kAesCbc, 256, IntegId::kHmacSha256_128, true};
    sa_.tfc_padding = padding;
    rig_.MakeKeys(sa_);
    rig_.InstallBoth(sa_);
    size_t length = 0;
    for (size_t size : {100, 28, 700, 333}) {
      ASSERT_EQ(Send(size), Fate::kSealed);
      if (length == 0) length = last_sealed_.size();
      EXPECT_EQ(last_sealed_.size(), length);
      ReferenceOpened o = ReferenceOpen(sa_.Outbound(), last_sealed_, 0);
      EXPECT_EQ(o.error, "");
      Bytes inner = MakeUdp(kHere, kThere, 1000, 2000, size);
      inner.resize(o.inner.size());
      EXPECT_EQ(o.inner, inner);
    }
    EXPECT_LE(length, kMtu);
    if (padding != 700) {
      EXPECT_GT(length + 16, kMtu) << "no block more would fit";
    } else {
      ASSERT_EQ(Send(1200), Fate::kSealed);
      EXPECT_GT(last_sealed_.size(), length);
    }
    EXPECT_EQ(Send(kMtu), Fate::kDropped);
    EXPECT_EQ(rig_.Drops(Drop::kTooBig), 1u);
    rig_.Free(rig_.context().originated);
    EXPECT_EQ(rig_.Remove(sa_, Direction::kOutbound), Status::kOk);
    EXPECT_EQ(rig_.Remove(sa_, Direction::kInbound), Status::kOk);
    EXPECT_EQ(rig_.database().RemovePolicy(sa_.policy_id), Status::kOk);
    rig_.Settle();
  }
}

}  // namespace
}  // namespace culvert::test
