#include "dataplane/main/alarms.h"

#include <gtest/gtest.h>

#include <vector>

namespace culvert::dp {
namespace {

class AlarmsTest : public ::testing::Test {
 protected:
  // A second in which so many more are dropped.
  void Second(Drop why, uint64_t n) {
    drops_[static_cast<size_t>(why)] += n;
    alarms_.Tick(drops_);
  }

  std::vector<std::string> said_;
  Alarms alarms_{[this](const std::string& line) { said_.push_back(line); }};
  Alarms::Drops drops_{};
};

TEST_F(AlarmsTest, SayThatItBeginsAndThatItIsOver) {
  Second(Drop::kBadIcv, 101);
  Second(Drop::kBadIcv, 5000);
  Second(Drop::kBadIcv, 3);
  EXPECT_FALSE(alarms_.raised());
  Second(Drop::kBadIcv, 0);
  EXPECT_EQ(said_, (std::vector<std::string>{"alarm: dropped in the last second: 101 bad-icv",
                                             "alarm over: dropped since it began: 5104 bad-icv"}));
}

TEST_F(AlarmsTest, AreSilentAboutMishaps) {
  for (int i = 0; i < 100; ++i) Second(Drop::kReplayed, Alarms::kThreshold);
  EXPECT_TRUE(said_.empty());
}

TEST_F(AlarmsTest, AreSilentAboutWhatHonestTrafficGives) {
  for (Drop d : {Drop::kNoRoute, Drop::kTtlExpired, Drop::kTooBig, Drop::kTxFull, Drop::kPolicy, Drop::kNoSa}) Second(d, 100000);
  EXPECT_TRUE(said_.empty());
}

TEST_F(AlarmsTest, ComeOnceInTenSecondsHoweverLongItLasts) {
  for (int i = 0; i < 600; ++i) Second(Drop::kUnknownSpi, 1000000);
  EXPECT_EQ(said_.size(), 60u);
}

TEST_F(AlarmsTest, NameEveryReasonOnOneLine) {
  drops_[static_cast<size_t>(Drop::kInnerMismatch)] += 200;
  Second(Drop::kReplayed, 300);
  EXPECT_EQ(said_, std::vector<std::string>{"alarm: dropped in the last second: 300 replayed, 200 inner-mismatch"});
}

}  // namespace
}  // namespace culvert::dp
