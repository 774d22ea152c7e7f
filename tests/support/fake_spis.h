#pragma once

#include <set>

#include <gtest/gtest.h>

#include "common/ipsec/spi.h"
#include "control/ike/action.h"
#include "tests/support/seeded_random.h"

namespace culvert::ike {

// Keeps the books of SPIs: every one drawn is installed or released, each once.
class FakeSpis final : public SpiAllocator {
 public:
  explicit FakeSpis(uint64_t seed) : random_(seed) {}

  uint32_t Draw(uint8_t bucket) override {
    if (exhausted) return 0;
    for (;;) {
      uint32_t spi = MakeSpi(bucket, static_cast<uint32_t>(random_.Next()), static_cast<uint32_t>(random_.Next()));
      if (spi >= 256 && drawn.insert(spi).second) return spi;
    }
  }
  void Release(uint32_t spi) override { EXPECT_EQ(drawn.erase(spi), 1u) << "released twice, or never drawn: " << spi; }

  bool exhausted = false;
  std::set<uint32_t> drawn;

 private:
  SeededRandom random_;
};

}  // namespace culvert::ike
