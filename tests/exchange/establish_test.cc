#include <gtest/gtest.h>

#include "tests/support/two_peers.h"

namespace culvert::ike {
namespace {

using namespace std::chrono_literals;

TEST(Establish, BringsUpIkeAndChildWithMatchingKeys) {
  TwoPeers p;
  p.Establish();
  auto ike = p.a.Established();
  ASSERT_EQ(ike.size(), 1u);
  EXPECT_EQ(ike[0].local_id, "a.example.org");
  EXPECT_EQ(ike[0].remote_id, "b.example.org");
  EXPECT_TRUE(ike[0].initiator);
  EXPECT_EQ(p.network.sent, 4u);
  EXPECT_EQ(p.b.Established()[0].connection, "gw");
}

}  // namespace
}  // namespace culvert::ike
