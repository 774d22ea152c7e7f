#include "dataplane/fib/prefix_table.h"

#include <gtest/gtest.h>

#include <random>

#include "tests/support/frames.h"

namespace culvert::dp {
namespace {

using testing::Ip;

uint32_t Slow(const std::vector<PrefixTable::Entry>& entries, const IpAddress& a) {
  const PrefixTable::Entry* best = nullptr;
  for (const auto& e : entries) {
    if (e.prefix.Contains(a) && (best == nullptr || e.prefix.length >= best->prefix.length)) best = &e;
  }
  return best == nullptr ? PrefixTable::kMiss : best->value;
}

TEST(PrefixTable, AnEmptyTableMisses) {
  EXPECT_EQ(PrefixTable().Lookup(Ip("10.0.0.1").octets.data()), PrefixTable::kMiss);
  EXPECT_EQ(PrefixTable(Family::kV6, {}).Lookup(Ip("::1").octets.data()), PrefixTable::kMiss);
}

TEST(PrefixTable, FindsTheLongestOfNestedPrefixes) {
  PrefixTable t(Family::kV4, {{*IpPrefix::Parse("10.1.2.0/24"), 3},
                              {*IpPrefix::Parse("0.0.0.0/0"), 0},
                              {*IpPrefix::Parse("10.0.0.0/8"), 1},
                              {*IpPrefix::Parse("10.1.2.3/32"), 4},
                              {*IpPrefix::Parse("10.1.0.0/15"), 2}});
  struct {
    const char* address;
    uint32_t value;
  } kCases[] = {{"9.255.255.255", 0}, {"10.3.0.0", 1}, {"10.0.0.0", 2},  {"10.1.255.255", 2},
                {"10.1.2.0", 3},      {"10.1.2.3", 4}, {"10.1.2.4", 3}, {"255.255.255.255", 0}};
  for (const auto& c : kCases) EXPECT_EQ(t.Lookup(Ip(c.address).octets.data()), c.value) << c.address;
}

TEST(PrefixTable, OfEqualPrefixesTheLaterWins) {
  PrefixTable t(Family::kV4, {{*IpPrefix::Parse("10.0.0.0/9"), 1}, {*IpPrefix::Parse("10.0.0.0/9"), 2}});
  EXPECT_EQ(t.Lookup(Ip("10.1.1.1").octets.data()), 2u);
}

class AgainstASlowTwin : public ::testing::TestWithParam<Family> {};

TEST_P(AgainstASlowTwin, OnRandomPrefixesAndAddresses) {
  std::mt19937_64 random(20);
  for (int round = 0; round < 15; ++round) {
    std::vector<PrefixTable::Entry> entries;
    // Few distinct octets, so that prefixes nest and share paths.
    auto address = [&] {
      IpAddress a = IpAddress::Any(GetParam());
      for (size_t i = 0; i < a.size(); ++i) a.octets[i] = static_cast<uint8_t>(random() % 3 * 0x55 + random() % 2);
      return a;
    };
    for (uint32_t i = 0; i < 200; ++i) {
      IpPrefix p{address(), static_cast<uint8_t>(random() % (IpAddress::Any(GetParam()).bits() + 1))};
      entries.push_back({*IpRange::Of(p).AsPrefix(), i});
    }
    PrefixTable t(GetParam(), entries);
    for (int i = 0; i < 300; ++i) {
      IpAddress a = address();
      ASSERT_EQ(t.Lookup(a.octets.data()), Slow(entries, a)) << a.ToString();
    }
  }
}

INSTANTIATE_TEST_SUITE_P(PrefixTable, AgainstASlowTwin, ::testing::Values(Family::kV4, Family::kV6));

}  // namespace
}  // namespace culvert::dp
