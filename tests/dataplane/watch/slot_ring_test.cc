#include "dataplane/watch/slot_ring.h"

#include <gtest/gtest.h>

#include <cstring>
#include <thread>

namespace culvert::dp {
namespace {

TEST(SlotRing, FillsEmptiesAndComesRound) {
  SlotRing ring(3, 5);
  EXPECT_EQ(ring.Peek(), nullptr);
  for (int round = 0; round < 10; ++round) {
    for (uint8_t i = 0; i < 3; ++i) {
      uint8_t* slot = ring.Claim();
      ASSERT_NE(slot, nullptr);
      std::memset(slot, i, 5);
      ring.Commit();
    }
    EXPECT_EQ(ring.Claim(), nullptr);
    for (uint8_t i = 0; i < 3; ++i) {
      const uint8_t* slot = ring.Peek();
      ASSERT_NE(slot, nullptr);
      EXPECT_EQ(slot[0], i);
      EXPECT_EQ(slot[4], i);
      ring.Release();
    }
  }
  EXPECT_EQ(ring.Peek(), nullptr);
}

TEST(SlotRing, WhatIsNotHandedOverIsClaimedAgain) {
  SlotRing ring(2, 8);
  uint8_t* first = ring.Claim();
  EXPECT_EQ(ring.Claim(), first);
  EXPECT_EQ(ring.Peek(), nullptr);
}

TEST(SlotRing, BetweenTwoThreads) {
  constexpr uint64_t kMany = 100000;
  SlotRing ring(8, sizeof(uint64_t));
  std::thread producer([&] {
    for (uint64_t n = 0; n < kMany;) {
      uint8_t* slot = ring.Claim();
      if (slot == nullptr) {
        std::this_thread::yield();
        continue;
      }
      std::memcpy(slot, &n, sizeof n);
      ring.Commit();
      ++n;
    }
  });
  for (uint64_t n = 0; n < kMany;) {
    const uint8_t* slot = ring.Peek();
    if (slot == nullptr) {
      std::this_thread::yield();
      continue;
    }
    uint64_t seen;
    std::memcpy(&seen, slot, sizeof seen);
    EXPECT_EQ(seen, n);
    ring.Release();
    ++n;
  }
  producer.join();
}

}  // namespace
}  // namespace culvert::dp
