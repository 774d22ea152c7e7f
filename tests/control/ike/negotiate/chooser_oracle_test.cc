#include "tests/support/chooser_oracle.h"

#include <gtest/gtest.h>

#include "tests/support/seeded_random.h"

namespace culvert::ike {
namespace {

void ExpectAgreement(Round (*compare)(const Draw&), uint64_t seed) {
  SeededRandom random(seed);
  int chosen = 0, refused = 0;
  for (int run = 0; run < 20000; ++run) {
    const Round round = compare([&random](uint32_t n) { return static_cast<uint32_t>(random.Below(n)); });
    ASSERT_EQ(round.disagreement, "");
    ++(round.chosen ? chosen : refused);
  }
  EXPECT_GT(chosen, 2000);
  EXPECT_GT(refused, 2000);
}

TEST(ChooserOracle, ChoosesWhatBruteForceChoosesForIke) { ExpectAgreement(CompareIkeChoice, 20); }
TEST(ChooserOracle, ChoosesWhatBruteForceChoosesForChildren) { ExpectAgreement(CompareEspChoice, 21); }

}  // namespace
}  // namespace culvert::ike
