#include "control/ike/sa/timers.h"

#include <gtest/gtest.h>

#include "tests/support/seeded_random.h"

namespace culvert::ike {
namespace {

using namespace std::chrono_literals;

TEST(Timers, IdsHoldKindAndOwner) {
  for (auto kind : {TimerKind::kRetransmit, TimerKind::kLinger, TimerKind::kRekeyChild, TimerKind::kChildUse}) {
    for (uint64_t owner : {uint64_t{1}, uint64_t{123456789}, (uint64_t{1} << 56) - 1}) {
      TimerId id = MakeTimerId(kind, owner);
      EXPECT_EQ(KindOf(id), kind);
      EXPECT_EQ(OwnerOf(id), owner);
    }
  }
  EXPECT_FALSE(IsChildTimer(TimerKind::kLinger));
  EXPECT_TRUE(IsChildTimer(TimerKind::kRekeyChild));
}

TEST(Timers, RetransmissionsGrowAndStayUnderTheirLimit) {
  SeededRandom random(1);
  config::Retransmit r{.timeout_s = 4, .base = 1.8, .limit_s = 0, .jitter = 0, .tries = 5};   // charon's
  EXPECT_EQ(RetransmitInterval(r, 0, random), 4s);
  EXPECT_EQ(RetransmitInterval(r, 1, random), 7200ms);
  EXPECT_NEAR(static_cast<double>(RetransmitInterval(r, 5, random).count()) / 1e9, 75.58, 0.01);
  r.limit_s = 10;
  EXPECT_EQ(RetransmitInterval(r, 5, random), 10s);
  r.jitter = 0.2;
  for (int i = 0; i < 1000; ++i) {
    Duration d = RetransmitInterval(r, 5, random);
    EXPECT_TRUE(d >= 8s && d <= 10s);
  }
}

TEST(Timers, TheDefaultsGiveUpWithinAMinute) {
  SeededRandom random(1);
  config::Retransmit r;
  r.jitter = 0;
  Duration total{};
  for (unsigned n = 0; n <= r.tries; ++n) total += RetransmitInterval(r, n, random);
  EXPECT_LE(total, 60s);
}

TEST(Timers, TemporaryFailureWaitsAtRandomAndLonger) {
  SeededRandom random(1);
  for (unsigned attempt = 1; attempt < 40; ++attempt) {
    Duration longest = 500ms * (1u << std::min(attempt, 4u));
    Duration d = TemporaryFailureWait(attempt, random);
    EXPECT_TRUE(d >= longest / 2 && d <= longest) << attempt;
  }
  EXPECT_NE(TemporaryFailureWait(1, random), TemporaryFailureWait(1, random));
}

TEST(Timers, JitterIsTakenOffAndNeverIsNever) {
  SeededRandom random(1);
  EXPECT_EQ(Jittered(0, 100, random), 0u);
  for (int i = 0; i < 1000; ++i) {
    uint64_t v = Jittered(1000, 100, random);
    EXPECT_TRUE(v > 900 && v <= 1000);
    EXPECT_GE(Jittered(10, 1000, random), 1u);
  }
  EXPECT_EQ(Jittered(1000, 0, random), 1000u);
}

}  // namespace
}  // namespace culvert::ike
