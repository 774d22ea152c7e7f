#pragma once

#include <gtest/gtest.h>

#include "tests/support/raw_peer.h"
#include "tests/support/two_peers.h"

namespace culvert::ike {

// TwoPeers' b, up and alone with a raw peer in the place of a.
class AgainstRawPeer : public testing::Test {
 protected:
  AgainstRawPeer() : b_(p_.b), raw_({p_.clock, p_.network, p_.b}, p_.a.address) { b_.Start(); }

  void ExpectNothingMore(size_t ikes, size_t children) {
    EXPECT_EQ(b_.Established().size(), ikes);
    EXPECT_EQ(b_.LiveChildren().size(), children);
    EXPECT_EQ(b_.installed.size(), 2 * children);
    EXPECT_EQ(b_.spis.drawn.size(), children);
  }

  TwoPeers p_;
  SimPeer& b_;
  RawPeer raw_;
};

}  // namespace culvert::ike
