#include "common/base/memory_reserve.h"

#include <gtest/gtest.h>

namespace culvert {
namespace {

TEST(MemoryReserve, GoesBlockByBlockAndComesBack) {
  EXPECT_TRUE(MemoryReserve::Whole()) << "without one, nothing is refused for it";
  EXPECT_FALSE(MemoryReserve::GiveUpBlock());
  MemoryReserve::Install();
  EXPECT_TRUE(MemoryReserve::Whole());
  int blocks = 0;
  while (MemoryReserve::GiveUpBlock()) {
    ++blocks;
    EXPECT_FALSE(MemoryReserve::Whole());
  }
  EXPECT_GT(blocks, 10);
  EXPECT_TRUE(MemoryReserve::Refill());
  EXPECT_TRUE(MemoryReserve::Whole());
  EXPECT_TRUE(MemoryReserve::GiveUpBlock());
  EXPECT_TRUE(MemoryReserve::Refill());
}

}  // namespace
}  // namespace culvert
