#pragma once

#include <gtest/gtest.h>

#include "tests/support/peers_v1.h"
#include "tests/support/raw_peer_v1.h"

namespace culvert::ike::v1 {

// A pair's b, up and alone with a raw peer in the place of a. For each case of a table a test makes a new one.
struct Target {
  explicit Target(const SpeakV1& how = {}, const std::function<void(TwoPeers&)>& change = {}) {
    UseIkev1(p, how);
    p.ConnectionOf(p.b).dpd_delay = std::chrono::seconds(0);
    if (change) change(p);
    p.b.Start();
    raw.emplace(RawPeer::World{p.clock, p.network, p.b}, p.a.address);
  }

  // What there is at b, without anything else.
  void Expect(size_t ikes, size_t children) {
    EXPECT_EQ(b.Established().size(), ikes);
    EXPECT_EQ(b.LiveChildren().size(), children);
    EXPECT_EQ(b.Untidiness(), "");
  }
  size_t half_open() { return b.core->List().size() - b.Established().size(); }

  TwoPeers p;
  SimPeer& b = p.b;
  std::optional<RawPeer> raw;
};

}  // namespace culvert::ike::v1
