#include "control/sadb/spi_allocator.h"

#include <gtest/gtest.h>

#include <set>

#include "tests/support/seeded_random.h"

namespace culvert::sadb {
namespace {

using std::chrono::seconds;
constexpr Time kStart = FromNanos(1000000000);

// All ones, or all zeros: the corners of the layout.
struct ConstantRandom final : ike::Random {
  explicit ConstantRandom(uint8_t o) : octet(o) {}
  void Fill(ByteSpan out) override { std::ranges::fill(out, octet); }
  uint8_t octet;
};

TEST(SpiAllocator, DrawsNothingBeforeTheInventoryIsKnown) {
  ike::SeededRandom random(1);
  SpiAllocator spis(random, seconds(10));
  EXPECT_EQ(spis.Draw(3), 0u);
  spis.Ready();
  const Spi spi = spis.Draw(3);
  EXPECT_NE(spi, 0u);
  EXPECT_EQ(SpiBucket(spi), 3);
}

TEST(SpiAllocator, NeverDrawsReservedValues) {
  ConstantRandom zeros(0);
  SpiAllocator spis(zeros, seconds(10));
  spis.Ready();
  std::set<Spi> drawn;
  for (uint32_t i = 0; i < 300; ++i) {
    const Spi spi = spis.Draw(0);
    EXPECT_GE(spi, 256u);
    EXPECT_TRUE(drawn.insert(spi).second);
  }
}

TEST(SpiAllocator, FillsABucketWithDistinctSlotsAndThenSaysNo) {
  ike::SeededRandom random(2);
  SpiAllocator spis(random, seconds(10));
  spis.Ready();
  std::set<uint32_t> slots;
  for (uint32_t i = 0; i < kSlotsPerBucket; ++i) {
    const Spi spi = spis.Draw(255);
    ASSERT_NE(spi, 0u);
    EXPECT_TRUE(slots.insert(SaIndex(spi)).second);
  }
  EXPECT_EQ(spis.Draw(255), 0u);
  EXPECT_NE(spis.Draw(254), 0u);
  EXPECT_EQ(spis.in_use(), kSlotsPerBucket + 1);
}

TEST(SpiAllocator, ASlotRestsAfterItsRemovalAndComesBackWithAnotherSpi) {
  ConstantRandom ones(0xff);   // always the same slot
  SpiAllocator spis(ones, seconds(10));
  spis.Ready();
  const Spi first = spis.Draw(1);
  ASSERT_TRUE(spis.Install(first));
  EXPECT_FALSE(spis.Install(first)) << "once";
  EXPECT_NE(SaIndex(spis.Draw(1)), SaIndex(first));
  spis.Retire(SaIndex(first), kStart);
  spis.Advance(kStart + seconds(9));
  EXPECT_NE(SaIndex(spis.Draw(1)), SaIndex(first)) << "still resting";
  spis.Advance(kStart + seconds(10));
  const Spi again = spis.Draw(1);
  EXPECT_EQ(SaIndex(again), SaIndex(first));
  EXPECT_NE(again, first) << "a stale SPI must miss";
}

TEST(SpiAllocator, ReleasesOnlyWhatWasDrawnAndNotInstalled) {
  ike::SeededRandom random(3);
  SpiAllocator spis(random, seconds(10));
  spis.Ready();
  const Spi a = spis.Draw(1), b = spis.Draw(1);
  ASSERT_TRUE(spis.Install(b));
  spis.Release(a);
  spis.Release(a);
  spis.Release(b);
  spis.Release(0x12345678);
  EXPECT_EQ(spis.in_use(), 1u);
  EXPECT_FALSE(spis.Install(a));
}

TEST(SpiAllocator, KeepsOffTheSlotsOfOrphans) {
  ConstantRandom ones(0xff);
  SpiAllocator spis(ones, seconds(10));
  const Spi orphan = MakeSpi(1, 7, kSlotsPerBucket - 1);
  spis.Adopt(SaIndex(orphan), orphan);
  spis.Adopt(SaIndex(orphan), orphan);
  spis.Ready();
  EXPECT_EQ(spis.in_use(), 1u);
  EXPECT_NE(SaIndex(spis.Draw(1)), SaIndex(orphan));
}

}  // namespace
}  // namespace culvert::sadb
