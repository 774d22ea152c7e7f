#include "control/ike/crypto/random.h"

#include <set>

#include <openssl/rand.h>

#include "tests/control/ike/crypto/test_util.h"

namespace culvert::ike {
namespace {

TEST(SystemRandom, FillsAllOfItAndDoesNotRepeat) {
  SystemRandom random;
  std::set<Bytes> seen;
  std::array<bool, 32> nonzero{};
  for (int i = 0; i < 100; ++i) {
    Bytes b = random.Take(32);
    for (size_t at = 0; at < b.size(); ++at) nonzero[at] |= b[at] != 0;
    EXPECT_TRUE(seen.insert(b).second);
  }
  // Each place zero a hundred times running: once in 2^800.
  EXPECT_EQ(std::ranges::count(nonzero, true), 32);
  random.Fill({});
}

// F23: without randomness there is no process, let alone a worse sort of randomness.
TEST(SystemRandomDeathTest, AFailureIsTheEnd) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");   // in a process whose generator has not been seeded yet
  EXPECT_DEATH(
      {
        RAND_set_DRBG_type(nullptr, "no such generator", nullptr, nullptr, nullptr);
        SystemRandom random;
        (void)random.Take(8);
      },
      "the random generator failed");
}

}  // namespace
}  // namespace culvert::ike
