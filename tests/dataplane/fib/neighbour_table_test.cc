#include "dataplane/fib/neighbour_table.h"

#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <thread>

#include "tests/support/frames.h"

namespace culvert::dp {
namespace {

using testing::Ip;

NextHop Find(const NeighbourTable& t, uint16_t port, const IpAddress& a) {
  return t.Find(port, static_cast<uint8_t>(a.family), a.octets.data());
}

constexpr rte_ether_addr kMac = {{2, 4, 6, 8, 10, 12}};

TEST(NeighbourTable, FindsByPortAndAddress) {
  NeighbourTable t;
  NextHop a = t.Add(0, Ip("10.0.0.1")), b = t.Add(1, Ip("10.0.0.1")), c = t.Add(0, Ip("fe80::1"));
  EXPECT_EQ(Find(t, 0, Ip("10.0.0.1")), a);
  EXPECT_EQ(Find(t, 1, Ip("10.0.0.1")), b);
  EXPECT_EQ(Find(t, 0, Ip("fe80::1")), c);
  EXPECT_EQ(Find(t, 0, Ip("10.0.0.2")), 0u);
  EXPECT_EQ((std::set{a, b, c, NextHop{0}}).size(), 4u);
}

TEST(NeighbourTable, HasAMacOnlyBetweenSetAndClear) {
  NeighbourTable t;
  NextHop n = t.Add(0, Ip("10.0.0.1"));
  rte_ether_addr mac{};
  EXPECT_FALSE(t.Mac(n, 1, mac));
  t.SetMac(n, kMac);
  ASSERT_TRUE(t.Mac(n, 77, mac));
  EXPECT_TRUE(rte_is_same_ether_addr(&mac, &kMac));
  EXPECT_EQ(t.used(n), 77u);
  t.ClearMac(n);
  EXPECT_FALSE(t.Mac(n, 78, mac));
  EXPECT_EQ(Find(t, 0, Ip("10.0.0.1")), n);
}

TEST(NeighbourTable, AHandleFindsNothingOnceItsSlotIsAnothers) {
  NeighbourTable t;
  NextHop old = t.Add(0, Ip("10.0.0.1"));
  t.SetMac(old, kMac);
  t.Unlink(old);
  rte_ether_addr mac{};
  EXPECT_FALSE(t.Mac(old, 1, mac));
  EXPECT_EQ(Find(t, 0, Ip("10.0.0.1")), 0u);
  t.Release(old);
  NextHop next = t.Add(0, Ip("10.0.0.2"));
  t.SetMac(next, kMac);
  EXPECT_NE(next, old);
  EXPECT_FALSE(t.Mac(old, 1, mac));
  EXPECT_TRUE(t.Mac(next, 1, mac));
}

TEST(NeighbourTable, FillsUpAndTakesNoMore) {
  NeighbourTable t;
  NextHop last = 0;
  for (uint32_t i = 1; i < NeighbourTable::kCapacity; ++i) ASSERT_NE(last = t.Add(0, IpAddress::V4(i)), 0u);
  EXPECT_EQ(t.Add(0, Ip("192.0.2.1")), 0u);
  t.Unlink(last);
  t.Release(last);
  EXPECT_NE(t.Add(0, Ip("192.0.2.1")), 0u);
}

TEST(NeighbourTable, AReaderFindsWhatStaysWhileOthersComeAndGo) {
  NeighbourTable t;
  std::vector<IpAddress> staying;
  for (uint32_t i = 0; i < 64; ++i) staying.push_back(IpAddress::V4(0x0a000000 + i));
  for (const auto& a : staying) t.SetMac(t.Add(0, a), kMac);
  std::atomic<bool> stop{false};
  std::thread reader([&] {
    rte_ether_addr mac;
    while (!stop.load(std::memory_order_relaxed)) {
      for (const auto& a : staying) {
        ASSERT_TRUE(t.Mac(Find(t, 0, a), 1, mac));
        ASSERT_TRUE(rte_is_same_ether_addr(&mac, &kMac));
      }
    }
  });
  // Released at once, without a grace period: a reader on a reused entry may miss its own, so the slots here stay unlinked
  // until the reader has ended.
  for (uint32_t i = 0; i < 4000; ++i) t.Unlink(t.Add(0, IpAddress::V4(0x0b000000 + i)));
  stop = true;
  reader.join();
}

}  // namespace
}  // namespace culvert::dp
