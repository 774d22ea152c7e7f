#include "control/ike/admission/half_open.h"

#include <gtest/gtest.h>

#include "control/ike/admission/token_bucket.h"

namespace culvert::ike {
namespace {

using namespace std::chrono_literals;
using Verdict = HalfOpenTable::Verdict;

IpAddress Address(std::string_view text) { return *IpAddress::Parse(text); }
HalfOpenKey Key(uint32_t address, uint64_t spi) { return {IpAddress::V4(address), spi, {}}; }

TEST(SourceOf, IsAnAddressOrANetOf64Bits) {
  EXPECT_EQ(SourceOf(Address("2001:db8:1:2:3::4")), SourceOf(Address("2001:db8:1:2:ffff::9")));
  EXPECT_NE(SourceOf(Address("2001:db8:1:2::4")), SourceOf(Address("2001:db8:1:3::4")));
  EXPECT_NE(SourceOf(Address("192.0.2.1")), SourceOf(Address("192.0.2.2")));
}

// R14: each cap at one below, at it and one above.
TEST(HalfOpenTable, ThresholdsOfOneSource) {
  config::Dos dos{.cookie_threshold_ip = 3, .cookie_threshold = 100, .block_threshold = 5, .half_open_cap = 1000};
  HalfOpenTable t;
  IpAddress source = IpAddress::V4(1);
  for (uint64_t n = 0; n < 6; ++n) {
    Verdict expected = n < 3 ? Verdict::kAdmit : n < 5 ? Verdict::kCookie : Verdict::kSourceBlocked;
    EXPECT_EQ(t.Admit(source, dos), expected) << n;
    EXPECT_EQ(t.Admit(IpAddress::V4(2), dos), Verdict::kAdmit);
    t.Add(Key(1, n), n + 1);
  }
  for (uint64_t n = 0; n < 6; ++n) t.Remove(Key(1, n));
  EXPECT_EQ(t.Admit(source, dos), Verdict::kAdmit);
  EXPECT_EQ(t.size(), 0u);
}

TEST(HalfOpenTable, ThresholdsInAll) {
  config::Dos dos{.cookie_threshold_ip = 3, .cookie_threshold = 2, .block_threshold = 5, .half_open_cap = 4};
  HalfOpenTable t;
  for (uint32_t n = 0; n < 5; ++n) {
    EXPECT_EQ(t.Admit(IpAddress::V4(100), dos), n < 2 ? Verdict::kAdmit : n < 4 ? Verdict::kCookie : Verdict::kFull) << n;
    EXPECT_EQ(t.Life(dos), n < 2 ? Duration(30s) : Duration(10s));
    if (n < 4) t.Add(Key(n, 1), n + 1);
  }
}

TEST(HalfOpenTable, FindsByAddressSpiAndNonce) {
  HalfOpenTable t;
  HalfOpenKey key = Key(1, 7);
  t.Add(key, 11);
  EXPECT_EQ(t.Find(key), 11u);
  HalfOpenKey other = key;
  other.nonce[15] = 1;
  EXPECT_EQ(t.Find(other), 0u);
  EXPECT_EQ(t.Find(Key(2, 7)), 0u);
  EXPECT_EQ(t.Find(Key(1, 8)), 0u);
  t.Add(other, 12);
  EXPECT_EQ(t.Find(other), 12u);
}

TEST(HalfOpenTable, CountsJobsOfASourceAndInAll) {
  using Job = HalfOpenTable::JobVerdict;
  HalfOpenTable t;
  JobId next = 1;
  for (unsigned n = 0; n < kMaxJobsPerSource; ++n) {
    EXPECT_EQ(t.AdmitJob(IpAddress::V4(1)), Job::kRun);
    t.JobStarted(next++, IpAddress::V4(1));
  }
  EXPECT_EQ(t.AdmitJob(IpAddress::V4(1)), Job::kSourceFull);
  while (next <= kMaxStrangerJobs) {
    IpAddress source = IpAddress::V4(static_cast<uint32_t>(1000 + next));
    ASSERT_EQ(t.AdmitJob(source), Job::kRun);
    t.JobStarted(next++, source);
  }
  EXPECT_EQ(t.AdmitJob(IpAddress::V4(2)), Job::kFull);
  t.JobEnded(1);
  t.JobEnded(1);       // twice, or unknown: no matter
  t.JobEnded(999999);
  EXPECT_EQ(t.AdmitJob(IpAddress::V4(1)), Job::kRun);
}

TEST(ErrorLimiter, OneASecondToASourceTenInAll) {
  ErrorLimiter limiter;
  Time now = Time(1h);
  EXPECT_TRUE(limiter.Allow(Address("192.0.2.1"), now));
  EXPECT_FALSE(limiter.Allow(Address("192.0.2.1"), now + 900ms));
  unsigned allowed = 0;
  for (uint8_t n = 2; n < 60; ++n) allowed += limiter.Allow(IpAddress::V4(192, 0, 2, n), now + 900ms);
  EXPECT_EQ(allowed, 9u);
  EXPECT_TRUE(limiter.Allow(Address("192.0.2.1"), now + 1s));
}

TEST(TokenBucket, BurstThenRate) {
  TokenBucket bucket(3, 2);
  Time now = Time(1h);
  EXPECT_TRUE(bucket.Take(now) && bucket.Take(now) && bucket.Take(now));
  EXPECT_FALSE(bucket.Take(now));
  EXPECT_FALSE(bucket.Take(now + 400ms));
  EXPECT_TRUE(bucket.Take(now + 600ms));
  EXPECT_FALSE(bucket.Take(now + 600ms));
  // It fills no further than its size.
  now += 1h;
  unsigned taken = 0;
  while (bucket.Take(now)) ++taken;
  EXPECT_EQ(taken, 3u);
}

}  // namespace
}  // namespace culvert::ike
