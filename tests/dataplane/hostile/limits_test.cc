#include <gtest/gtest.h>

#include <algorithm>

#include "common/base/limits.h"
#include "tests/support/reference_transport.h"
#include "tests/support/tunnel_rig.h"

// F27: where the numbers of an SA end. It is told while half of them are left, it stops at the last one, and none comes twice.
namespace culvert::testing {
namespace {

using channel::EventType;
using test::MakeUdp;

constexpr uint64_t k32 = uint64_t{1} << 32;

struct NumberKind {
  const char* name;
  EspSuite suite;
};
constexpr NumberKind kNumberKinds[] = {{"Gcm", {EncrId::kAesGcm16, 128, IntegId::kNone, false}},
                                       {"GcmEsn", {EncrId::kAesGcm16, 256, IntegId::kNone, true}},
                                       {"ChaChaEsn", {EncrId::kChaCha20Poly1305, 256, IntegId::kNone, true}},
                                       {"Cbc", {EncrId::kAesCbc, 128, IntegId::kHmacSha256_128, false}},
                                       {"CbcEsn", {EncrId::kAesCbc, 256, IntegId::kHmacSha256_128, true}},
                                       {"Ah", {EncrId::kNone, 0, IntegId::kHmacSha256_128, false}},
                                       {"AhEsn", {EncrId::kNone, 0, IntegId::kHmacSha256_128, true}}};

class Numbers : public ::testing::TestWithParam<NumberKind> {
 protected:
  Numbers() : t_({}) {
    t_.sa().suite = GetParam().suite;
    if (GetParam().suite.encr == EncrId::kNone) t_.sa().protocol = 51;
  }
  bool esn() const { return GetParam().suite.esn; }
  uint64_t last() const { return esn() ? kIvPacketLimit : UINT32_MAX; }
  void InstallAt(uint64_t used) {
    t_.sa().sequence = used;
    t_.Install();
    t_.next_sequence = used + 1;
  }
  // How many of a burst from alice are sealed. Each opens under the number that follows.
  size_t Send(size_t n, uint64_t& expected) {
    auto& rig = t_.rig();
    for (size_t i = 0; i < n; ++i) {
      Bytes ip = MakeUdp(t_.alice(false), t_.bob(false), 1000, 2000, 100 + i);
      rig.Feed(GatewayRig::kLan, Ethernet(rig.port(GatewayRig::kLan).mac, Mac(2), 0x0800, ip));
    }
    rig.Run();
    size_t sealed = 0;
    for (const Bytes& f : rig.Sent(GatewayRig::kWan)) {
      auto opened = ReferenceOpenAny(t_.sa().Outbound(), ByteView(f).subspan(14), static_cast<uint32_t>(expected >> 32));
      EXPECT_EQ(opened.error, "") << expected;
      EXPECT_EQ(opened.sequence, expected);
      ++expected;
      ++sealed;
    }
    return sealed;
  }
  size_t Events(EventType type) {
    size_t n = 0;
    for (int i = 0; i < 3; ++i) t_.ipsec().database().Poll([&](const channel::Event& e) { events_.push_back(e.type); });
    for (EventType e : events_) n += e == type;
    return n;
  }
  bool Receive(uint64_t sequence) {
    t_.next_sequence = sequence;
    return t_.FromPeer(t_.Seal(MakeUdp(t_.bob(false), t_.alice(false), 2000, 1000, 100))).size() == 1;
  }

  TunnelRig t_;
  std::vector<EventType> events_;
};

TEST_P(Numbers, StopAtTheLastOneInTheMiddleOfABurst) {
  constexpr size_t kLeft = 40;
  InstallAt(last() - kLeft);
  uint64_t expected = last() - kLeft + 1;
  EXPECT_EQ(Send(32, expected), 32u);
  EXPECT_EQ(Events(EventType::kSoftExpiry), 1u) << "at once: it was beyond the half when it came";
  EXPECT_EQ(Send(32, expected), kLeft - 32);
  EXPECT_EQ(Send(32, expected), 0u) << "no number comes again";
  EXPECT_EQ(t_.rig().drops(Drop::kSequenceExhausted), 96 - kLeft);
  EXPECT_EQ(Events(EventType::kHardExpiry), 1u);
  EXPECT_EQ(Events(EventType::kSoftExpiry), 1u);
  EXPECT_TRUE(t_.rig().Balanced());
}

TEST_P(Numbers, AreToldWhileHalfOfThemAreLeft) {
  InstallAt(last() / 2 - 5);
  uint64_t expected = last() / 2 - 4;
  EXPECT_EQ(Send(5, expected), 5u);
  EXPECT_EQ(Events(EventType::kSoftExpiry), 0u);
  EXPECT_EQ(Send(1, expected), 1u);
  EXPECT_EQ(Events(EventType::kSoftExpiry), 1u);
  EXPECT_EQ(Send(32, expected), 32u) << "it goes on meanwhile";
  EXPECT_EQ(Events(EventType::kSoftExpiry), 1u);
  EXPECT_EQ(Events(EventType::kHardExpiry), 0u);
}

TEST_P(Numbers, GoOnOverTheLowHalf) {
  if (!esn()) return;
  for (uint64_t high : {uint64_t{1}, uint64_t{7}, uint64_t{0xffff}}) {
    TunnelRig t({});
    t.sa().suite = t_.sa().suite;
    t.sa().protocol = t_.sa().protocol;
    t.sa().sequence = high * k32 - 20;
    t.Install();
    std::vector<Bytes> sealed;
    for (int i = 0; i < 40; ++i) {
      for (Bytes& p : t.FromAlice(MakeUdp(t.alice(false), t.bob(false), 1000, 2000, 100))) sealed.push_back(std::move(p));
    }
    ASSERT_EQ(sealed.size(), 40u);
    for (uint64_t i = 0; i < 40; ++i) {
      const uint64_t number = high * k32 - 19 + i;
      EXPECT_EQ(ReferenceOpenAny(t.sa().Outbound(), sealed[i], static_cast<uint32_t>(number >> 32)).error, "") << number;
    }
    // The same way in, out of order around the edge.
    for (uint64_t ahead : {1, 19, 20, 18, 21, 30, 25, 20 + 900, 22}) {
      t.next_sequence = high * k32 - 20 + ahead;
      EXPECT_EQ(t.FromPeer(t.Seal(MakeUdp(t.bob(false), t.alice(false), 2000, 1000, 100))).size(), 1u) << ahead;
    }
  }
}

TEST_P(Numbers, OfThePeerEndToo) {
  if (esn()) return;
  InstallAt(UINT32_MAX - 10);
  EXPECT_TRUE(Receive(UINT32_MAX - 5));
  EXPECT_TRUE(Receive(UINT32_MAX));
  EXPECT_TRUE(Receive(UINT32_MAX - 1));
  for (uint64_t again : {uint64_t{UINT32_MAX}, uint64_t{1}, uint64_t{100}, k32 - 2000}) EXPECT_FALSE(Receive(again)) << again;
  EXPECT_EQ(t_.rig().drops(Drop::kReplayed), 4u);
}

TEST_P(Numbers, PacketsAndOctetsEndItToo) {
  t_.sa().lifetime = {.soft_packets = 10, .hard_packets = 20};
  InstallAt(0);
  uint64_t expected = 1;
  EXPECT_EQ(Send(10, expected), 10u);
  EXPECT_EQ(Events(EventType::kSoftExpiry), 0u);
  EXPECT_EQ(Send(32, expected), 10u);
  EXPECT_EQ(Events(EventType::kSoftExpiry), 1u);
  EXPECT_EQ(Events(EventType::kHardExpiry), 1u);
  EXPECT_EQ(t_.rig().drops(Drop::kExpired), 22u);
}

INSTANTIATE_TEST_SUITE_P(EachKind, Numbers, ::testing::ValuesIn(kNumberKinds), [](const auto& each) { return each.param.name; });

}  // namespace
}  // namespace culvert::testing
