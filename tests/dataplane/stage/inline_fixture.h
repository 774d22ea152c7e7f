#pragma once

#include <gtest/gtest.h>

#include "tests/support/tunnel_rig.h"

namespace culvert::testing {

// A gateway whose wan does inline IPsec, by the stand-in, and an SA pair that it may have.
class InlineFixture : public ::testing::Test {
 protected:
  explicit InlineFixture(TunnelRig::Options options) : rig_(std::move(options)) { rig_.sa().suite.esn = false; }
  offload::SoftInlinePort& port() { return rig_.rig().inline_wan(); }
  Bytes Out(size_t size = 100, bool df = true) {
    return test::MakeUdp(rig_.alice(false), rig_.bob(false), 1000, 2000, size, 0, df);
  }
  Bytes In(size_t size = 100) { return test::MakeUdp(rig_.bob(false), rig_.alice(false), 2000, 1000, size); }
  uint64_t Drops(Drop why) { return rig_.rig().drops(why); }
  uint64_t Missed() { return rig_.rig().gateway().context(0).counters.inline_missed.get(); }
  // Something for the first worker, which has the port's queues, so that the second has the pair.
  void InstallOnSecondWorker() {
    test::SaSpec other = rig_.sa();
    other.policy_id = 0;
    other.spi = MakeSpi(1, 5, 9);
    other.sa_index = SaIndex(other.spi);
    other.encr_key.assign(other.suite.encr_keymat(), 3);
    rig_.Install(other, channel::Direction::kInbound);
    rig_.Install();
  }
  // One out, one in, and a forged one.
  void SendOneOfEachKind() {
    ASSERT_EQ(rig_.FromAlice(Out()).size(), 1u);
    ASSERT_EQ(rig_.FromPeer(rig_.Seal(In())).size(), 1u);
    Bytes bad = rig_.Seal(In());
    bad.back() ^= 1;
    ASSERT_EQ(rig_.FromPeer(bad).size(), 0u);
  }

  int64_t clock_ = 0;  // ns: for InlinePorts, where a test's options say so
  TunnelRig rig_;
};

}  // namespace culvert::testing
