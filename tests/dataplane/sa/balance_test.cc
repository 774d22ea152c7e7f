#include "dataplane/sa/balance.h"

#include <gtest/gtest.h>

#include <map>

namespace culvert::dp {
namespace {

using Busy = std::vector<double>;

TEST(Balance, LeavesWorkersAloneThatGetOn) {
  for (const Busy& busy : {Busy{1.0}, Busy{0.5, 0.0}, Busy{0.9, 0.75}, Busy{1.0, 1.0, 1.0}, Busy{0.3, 0.2, 0.1}}) {
    EXPECT_FALSE(IsUneven(busy));
    EXPECT_TRUE(ChooseMoves(busy, {{1, 0, 100}, {2, 0, 100}}).empty());
  }
  EXPECT_TRUE(IsUneven({0.2, 0.8}));
}

TEST(Balance, EvensOutWhatCanBe) {
  std::vector<SaLoad> loads;
  for (uint32_t i = 0; i < 100; ++i) loads.push_back({i, 0, 1000});
  auto chosen = ChooseMoves({1.0, 0.0}, loads);
  EXPECT_NEAR(static_cast<double>(chosen.size()), 50, 1);
  for (const SaChoice& c : chosen) EXPECT_EQ(c.to, 1u);
}

TEST(Balance, SpreadsOverAllThatAreIdle) {
  std::vector<SaLoad> loads;
  for (uint32_t i = 0; i < 100; ++i) loads.push_back({i, 2, 1000});
  std::map<uint32_t, unsigned> to;
  for (const SaChoice& c : ChooseMoves({0.0, 0.0, 1.0, 0.0}, loads)) ++to[c.to];
  EXPECT_GE(to.size(), 2u);
  EXPECT_EQ(to.count(2), 0u);
}

TEST(Balance, MovesTheLargestThatFit) {
  auto chosen = ChooseMoves({1.0, 0.2}, {{1, 0, 500}, {2, 0, 300}, {3, 0, 150}, {4, 0, 50}});
  ASSERT_EQ(chosen.size(), 2u);  // 0.4 of the time is to go: not the first; the second, then the last
  EXPECT_EQ(chosen[0].sa_index, 2u);
  EXPECT_EQ(chosen[1].sa_index, 4u);
}

// Half of two is more than the half of the gap, and better than nothing.
TEST(Balance, LessensWhatItCannotEvenOut) {
  auto chosen = ChooseMoves({1.0, 0.4}, {{1, 0, 500}, {2, 0, 500}});
  ASSERT_EQ(chosen.size(), 1u);
}

TEST(Balance, HandsNoTroubleOn) {
  EXPECT_TRUE(ChooseMoves({1.0, 0.0}, {{1, 0, 1000}}).empty());
  EXPECT_TRUE(ChooseMoves({1.0, 0.1}, {{1, 0, 1000}, {2, 1, 10}}).empty());
  EXPECT_TRUE(ChooseMoves({1.0, 0.0}, {}).empty());
  EXPECT_EQ(ChooseMoves({1.0, 0.0, 1.0}, {{1, 0, 10}, {2, 0, 10}, {3, 2, 1000}}).size(), 1u) << "but of another";
  EXPECT_TRUE(ChooseMoves({1.0, 0.0}, {{1, 0, 0}}).empty());
}

TEST(Balance, HasABound) {
  std::vector<SaLoad> loads;
  for (uint32_t i = 0; i < 100000; ++i) loads.push_back({i, 0, 1});
  EXPECT_EQ(ChooseMoves({1.0, 0.0}, loads).size(), 256u);
}

}  // namespace
}  // namespace culvert::dp
