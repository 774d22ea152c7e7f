#include "control/ike/crypto/random.h"

#include <set>

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

}  // namespace
}  // namespace culvert::ike
