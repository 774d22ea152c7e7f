#include "config/report.h"

#include <gtest/gtest.h>

#include "tests/config/print.h"

namespace culvert::config {
namespace {

TEST(Report, SaysTheSameProblemAtTheSamePlaceOnce) {
  Tree t;
  t.files = {"a.conf"};
  Complaints out;
  Report report(t, out);
  report.Warn({0, 1}, "connections.a.key", "bad");
  report.Warn({0, 1}, "connections.b.key", "bad");  // inherited from the same line
  report.Warn({0, 2}, "connections.b.key", "bad");
  EXPECT_FALSE(report.failed());
  report.Error({0, 1}, "connections.b.key", "worse");
  EXPECT_TRUE(report.failed());
  EXPECT_EQ(Print(out),
            "W a.conf:1: connections.a.key: bad|W a.conf:2: connections.b.key: bad|E a.conf:1: connections.b.key: worse");
}

TEST(Report, StopsAtItsCap) {
  Tree t;
  t.files = {"a.conf"};
  Complaints out;
  Report report(t, out);
  for (uint32_t i = 1; i <= kMaxComplaints; ++i) report.Warn({0, i}, "k", "bad");
  EXPECT_FALSE(report.full());
  for (uint32_t i = 1; i <= 5; ++i) report.Error({0, 1000 + i}, "k", "bad");
  EXPECT_TRUE(report.full());
  EXPECT_TRUE(report.failed());
  ASSERT_EQ(out.size(), kMaxComplaints + 1);
  EXPECT_EQ(out.back().text, "a.conf:1001: more than 200 complaints; the rest is not shown");
  EXPECT_TRUE(HasErrors(out));
}

}  // namespace
}  // namespace culvert::config
