#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <random>
#include <string>

#include "tests/support/tunnel_rig.h"

// Floods against a live SA (D16 to D18): what is honest passes, all of it and in order, and nobody is answered.
namespace culvert::testing {
namespace {

using test::MakeUdp;

#if defined(__SANITIZE_ADDRESS__)
constexpr size_t kTimes = 1;  // each takes so much longer
#else
constexpr size_t kTimes = 10;
#endif
constexpr size_t kBurst = 32, kCaptured = 1000;

// CULVERT_REPLAYS: packets replayed in each test of D18, for longer runs.
size_t Replays() {
  const char* s = std::getenv("CULVERT_REPLAYS");
  return s == nullptr ? 3 * kTimes * kCaptured : std::stoul(s);
}

class Flood : public ::testing::TestWithParam<TunnelKind> {
 protected:
  Flood() : rig_({.v6 = GetParam().v6}) { rig_.Install(GetParam()); }
  Bytes In(size_t size) { return MakeUdp(rig_.bob(false), rig_.alice(false), 2000, 1000, size); }
  size_t front() const { return (GetParam().v6 ? 40u : 20u) + (GetParam().encap ? 8u : 0u); }
  // Honest packets between forged ones, half of each.
  void ExpectHonestPass(const std::function<void(Bytes&)>& forge, Drop reason) {
    const uint64_t before = rig_.rig().drops(reason);
    size_t sent = 0;
    for (size_t round = 0; round < 30 * kTimes; ++round) {
      std::vector<Bytes> burst;
      for (size_t i = 0; i < kBurst / 2; ++i) {
        Bytes bad = rig_.Seal(In(100));
        forge(bad);
        burst.push_back(bad);
        burst.push_back(rig_.Seal(In(100 + i)));
      }
      sent += kBurst / 2;
      auto passed = rig_.FromPeer(burst);
      ASSERT_EQ(passed.size(), kBurst / 2);
      EXPECT_TRUE(std::ranges::is_sorted(passed, {}, &Bytes::size));
    }
    EXPECT_EQ(rig_.rig().drops(reason) - before, sent);
    EXPECT_TRUE(rig_.rig().Sent(GatewayRig::kWan).empty()) << "answered";
  }

  TunnelRig rig_;
};

TEST_P(Flood, OfUnknownSpis) {
  if (GetParam().encap && GetParam().v6) return;  // a changed SPI makes UDP's checksum wrong
  std::mt19937 random(1);
  ExpectHonestPass(
      [&](Bytes& p) {
        const size_t at = front() + (GetParam().ah ? 4 : 0);
        p[at] ^= static_cast<uint8_t>(1 + random() % 254);
        for (size_t i = 1; i < 4; ++i) p[at + i] = static_cast<uint8_t>(random());
      },
      Drop::kUnknownSpi);
}

TEST_P(Flood, OfBadIcvs) {
  if (GetParam().encap && GetParam().v6) return;
  std::mt19937 random(2);
  ExpectHonestPass(
      [&](Bytes& p) {
        // Far ahead too: a window that followed would drop all that comes after.
        if (random() % 2 == 0) p[front() + (GetParam().ah ? 8 : 4) + 1] ^= 0x40;
        p.back() ^= 1;
      },
      Drop::kBadIcv);
}

TEST_P(Flood, OfWhatWasCaptured) {
  std::vector<Bytes> captured;
  for (size_t i = 0; i < kCaptured; ++i) captured.push_back(rig_.Seal(In(100)));
  // In any order within the window, all are taken.
  std::mt19937 random(3);
  std::ranges::shuffle(captured, random);
  size_t taken = 0;
  auto play = [&] {
    for (size_t at = 0; at < captured.size(); at += kBurst) {
      std::vector<Bytes> burst(captured.begin() + static_cast<long>(at),
                               captured.begin() + static_cast<long>(std::min(at + kBurst, captured.size())));
      taken += rig_.FromPeer(burst).size();
    }
  };
  play();
  EXPECT_EQ(taken, kCaptured);
  const size_t rounds = (Replays() + kCaptured - 1) / kCaptured;
  for (size_t round = 0; round < rounds; ++round) {
    std::ranges::shuffle(captured, random);
    play();
    if (round % 100 == 0) {
      ASSERT_EQ(taken, kCaptured) << "again, in round " << round;
    }
  }
  EXPECT_EQ(taken, kCaptured) << "again";
  EXPECT_EQ(rig_.rig().drops(Drop::kReplayed), rounds * kCaptured);
  EXPECT_EQ(rig_.FromPeer(rig_.Seal(In(100))).size(), 1u);
}

// D18: as far out of order as its window is long, everything is taken once.
TEST(Windows, TakeAllReorderingWithinThem) {
  for (uint32_t window : {64u, 1024u, 4096u, 65536u}) {
    TunnelRig t({});
    t.sa().window = window;
    t.Install();
    const uint64_t reach = std::min(window, 4096u);
    std::vector<uint64_t> order;
    for (uint64_t i = 0; i < reach; ++i) order.push_back(i);
    std::mt19937 random(window);
    std::ranges::shuffle(order, random);
    // The window's other end first, so that all of it is in between.
    order.insert(order.begin(), window - 1);
    if (reach == window) order.erase(std::ranges::find(order.begin() + 1, order.end(), window - 1));
    auto sealed = [&](uint64_t i) {
      t.next_sequence = 1 + i;
      return t.Seal(MakeUdp(t.bob(false), t.alice(false), 2000, 1000, 100));
    };
    size_t taken = 0;
    for (uint64_t i : order) taken += t.FromPeer(sealed(i)).size();
    EXPECT_EQ(taken, order.size()) << window;
    for (uint64_t i : order) taken += t.FromPeer(sealed(i)).size();
    EXPECT_EQ(taken, order.size()) << window << ", again";
    EXPECT_EQ(t.FromPeer(sealed(window)).size(), 1u);
    EXPECT_TRUE(t.FromPeer(sealed(0)).empty()) << "left of it";
  }
}

INSTANTIATE_TEST_SUITE_P(EachKind, Flood, ::testing::ValuesIn(kTunnelKinds), [](const auto& each) { return each.param.name; });

}  // namespace
}  // namespace culvert::testing
