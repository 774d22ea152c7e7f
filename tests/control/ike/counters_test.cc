#include "control/ike/counters.h"

#include <set>
#include <string>

#include <gtest/gtest.h>

namespace culvert::ike {
namespace {

TEST(Counters, EachHasANameOfItsOwn) {
  std::set<std::string> names;
  for (size_t i = 0; i < kCounts; ++i) names.insert(Name(static_cast<Count>(i)));
  EXPECT_EQ(names.size(), kCounts);
  // Pinned: a name inserted in the list but not in the enum would shift all that follow.
  EXPECT_STREQ(Name(Count::kKeepalive), "keepalive");
  EXPECT_STREQ(Name(Count::kCookieSent), "cookie-sent");
  EXPECT_STREQ(Name(Count::kRivalAnswer), "rival-answer");
  EXPECT_STREQ(Name(Count::kRetransmitted), "retransmitted");
  EXPECT_STREQ(Name(Count::kLateJob), "late-job");
}

TEST(Counters, Count) {
  CoreCounters c;
  c.Bump(Count::kBadIcv);
  c.Bump(Count::kBadIcv);
  EXPECT_EQ(c[Count::kBadIcv], 2u);
  EXPECT_EQ(c[Count::kKeepalive], 0u);
}

}  // namespace
}  // namespace culvert::ike
