#include "control/runtime/timer_queue.h"

#include <gtest/gtest.h>

namespace culvert::control {
namespace {

Time At(int64_t ms) { return Time(std::chrono::milliseconds(ms)); }

TEST(TimerQueue, FiresInOrderOfDeadlineOnceEach) {
  TimerQueue q;
  q.Arm(1, At(30));
  q.Arm(2, At(10));
  q.Arm(3, At(20));
  EXPECT_EQ(q.next(), At(10));
  EXPECT_FALSE(q.PopDue(At(9)));
  EXPECT_EQ(q.PopDue(At(25)), 2u);
  EXPECT_EQ(q.PopDue(At(25)), 3u);
  EXPECT_FALSE(q.PopDue(At(25)));
  EXPECT_EQ(q.size(), 1u);
}

TEST(TimerQueue, ArmingAgainReplacesAndCancelForgets) {
  TimerQueue q;
  q.Arm(1, At(10));
  q.Arm(1, At(50));
  EXPECT_FALSE(q.PopDue(At(49)));
  q.Cancel(1);
  q.Cancel(99);
  EXPECT_FALSE(q.PopDue(At(1000)));
  EXPECT_FALSE(q.next());
}

}  // namespace
}  // namespace culvert::control
