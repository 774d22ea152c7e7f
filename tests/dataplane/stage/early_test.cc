#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/support/tunnel_rig.h"

// Packets of an SA that come before it.
namespace culvert::testing {
namespace {

using channel::Direction;
using test::MakeUdp;

constexpr uint16_t kEarly = 32;

class Early : public ::testing::TestWithParam<TunnelKind> {
 protected:
  Early() : rig_({.v6 = GetParam().v6, .esp = {.early = kEarly}}) {
    rig_.Install(GetParam());
    rig_.Remove(rig_.sa(), Direction::kInbound);
  }
  Bytes Next(size_t size) { return rig_.Seal(MakeUdp(rig_.bob(false), rig_.alice(false), 2000, 1000, size)); }
  void ComesNow() { rig_.Install(rig_.sa(), Direction::kInbound); }

  TunnelRig rig_;
};

TEST_P(Early, WaitForItInTheirOrder) {
  std::vector<Bytes> first, then;
  for (size_t i = 0; i < 5; ++i) first.push_back(Next(100 + i));
  for (size_t i = 5; i < 10; ++i) then.push_back(Next(100 + i));
  EXPECT_TRUE(rig_.FromPeer(first).empty());
  EXPECT_EQ(rig_.rig().balance().held, 5u);
  EXPECT_TRUE(rig_.rig().Balanced());
  ComesNow();
  auto all = rig_.FromPeer(then);
  ASSERT_EQ(all.size(), 10u);
  for (size_t i = 0; i < all.size(); ++i) EXPECT_EQ(all[i].size(), 100 + i);
  EXPECT_EQ(rig_.rig().balance().held, 0u);
  EXPECT_EQ(rig_.rig().all_drops(), 0u);
}

TEST_P(Early, EndAsWhatTheyAreIfItDoesNotCome) {
  EXPECT_TRUE(rig_.FromPeer(Next(100)).empty());
  EXPECT_EQ(rig_.rig().drops(Drop::kUnknownSpi), 0u);
  usleep(150000);
  rig_.Settle();
  EXPECT_EQ(rig_.rig().drops(Drop::kUnknownSpi), 1u);
  EXPECT_EQ(rig_.rig().balance().held, 0u);
  ComesNow();
  EXPECT_EQ(rig_.FromPeer(Next(101)).size(), 1u);
}

TEST_P(Early, AreFewWhateverComes) {
  const unsigned before = rig_.rig().buffers_in_use();
  for (size_t i = 0; i < 1000; ++i) rig_.FromPeer(Next(100));
  EXPECT_LE(rig_.rig().balance().held, kEarly);
  EXPECT_LE(rig_.rig().buffers_in_use(), before + kEarly);
  EXPECT_GE(rig_.rig().drops(Drop::kUnknownSpi), 1000u - kEarly);
  EXPECT_TRUE(rig_.rig().Balanced());
  ComesNow();
  EXPECT_LE(rig_.FromPeer(Next(100)).size(), kEarly + 1u) << "the last ones, if it was quick";
}

TEST_P(Early, AreForgedAsEver) {
  Bytes forged = Next(100), good = Next(101);
  forged.back() ^= 1;
  rig_.FromPeer({good, good});
  if (!(GetParam().encap && GetParam().v6)) rig_.FromPeer(forged);
  ComesNow();
  EXPECT_EQ(rig_.FromPeer(Next(102)).size(), 2u);
  EXPECT_EQ(rig_.rig().drops(Drop::kReplayed), 1u);
}

INSTANTIATE_TEST_SUITE_P(EachKind, Early, ::testing::ValuesIn(kTunnelKinds), [](const auto& each) { return each.param.name; });

}  // namespace
}  // namespace culvert::testing
