#include "control/ike/v2/collision.h"

#include <gtest/gtest.h>

namespace culvert::ike {
namespace {

// RFC 7296 2.8.1: the SA of the exchange that holds the lowest of the four nonces is redundant.
TEST(Collision, TheLowestNonceLoses) {
  const Bytes low = {1, 5}, mid = {2}, high = {3, 0, 0}, top = {9};
  EXPECT_TRUE(OursIsRedundant(low, top, mid, high));
  EXPECT_TRUE(OursIsRedundant(top, low, mid, high));
  EXPECT_FALSE(OursIsRedundant(mid, high, low, top));
  EXPECT_FALSE(OursIsRedundant(mid, high, top, low));
  // Octet strings of unequal length: a prefix is lower.
  const Bytes prefix = {1};
  EXPECT_TRUE(OursIsRedundant(prefix, top, low, top));
  EXPECT_FALSE(OursIsRedundant(low, top, prefix, top));
}

// Both sides, who see the exchanges the other way round, come to one conclusion.
TEST(Collision, BothSidesAgree) {
  for (uint8_t a = 0; a < 4; ++a) {
    for (uint8_t b = 4; b < 8; ++b) {
      Bytes ni1 = {a, 1}, nr1 = {b, 2}, ni2 = {static_cast<uint8_t>(7 - a), 3}, nr2 = {static_cast<uint8_t>(7 - b), 4};
      EXPECT_NE(OursIsRedundant(ni1, nr1, ni2, nr2), OursIsRedundant(ni2, nr2, ni1, nr1));
    }
  }
}

}  // namespace
}  // namespace culvert::ike
