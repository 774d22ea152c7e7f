#include <gtest/gtest.h>

#include <algorithm>

#include "common/base/limits.h"
#include "tests/support/reference_transport.h"
#include "tests/dataplane/stage/inline_fixture.h"
#include "tests/support/watching.h"

// SAs that the port has as a whole (rte_security inline protocol), by the stand-in: through a whole gateway, against the slow
// reference. What becomes of them when the port fails is in inline_faults_test.cc.
namespace culvert::testing {
namespace {

using channel::Direction;
using channel::Offload;
using channel::Status;
using offload::Engine, offload::StepDown;
using test::MakeUdp;

class InlineProtocolTest : public InlineFixture {
 protected:
  InlineProtocolTest() : InlineFixture({.inline_wan = true}) {}
};

TEST_F(InlineProtocolTest, IsTheBestThatTheSaMayHave) {
  struct Row {
    const char* name;
    Offload offload;
    bool esn, tfc;
    Status status;
    Engine engine;
    StepDown why;
  };
  const Row rows[] = {
      {"auto", Offload::kAuto, false, false, Status::kOk, Engine::kInlineProtocol, StepDown::kNone},
      {"packet", Offload::kPacket, false, false, Status::kOk, Engine::kInlineProtocol, StepDown::kNone},
      {"crypto", Offload::kCrypto, false, false, Status::kOk, Engine::kInlineCrypto, StepDown::kNone},
      {"no", Offload::kNo, false, false, Status::kOk, Engine::kCpu, StepDown::kNotWanted},
      {"auto, padded", Offload::kAuto, false, true, Status::kOk, Engine::kInlineCrypto, StepDown::kHeaders},
      {"packet, padded", Offload::kPacket, false, true, Status::kUnsupported, Engine::kCpu, StepDown::kHeaders},
      {"auto, esn", Offload::kAuto, true, false, Status::kOk, Engine::kCpu, StepDown::kEsn},
      {"packet, esn", Offload::kPacket, true, false, Status::kUnsupported, Engine::kCpu, StepDown::kEsn},
  };
  rig_.Install();
  rig_.Remove(rig_.sa(), Direction::kOutbound);
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    test::SaSpec s = rig_.sa();
    s.offload = row.offload;
    s.suite.esn = row.esn;
    s.tfc_padding = row.tfc ? 500 : 0;
    const auto before = rig_.ipsec().database().UseOfEngines();
    ASSERT_EQ(rig_.TryInstall(s, Direction::kOutbound), row.status);
    const auto after = rig_.ipsec().database().UseOfEngines();
    if (row.why != StepDown::kNone) {
      EXPECT_EQ(after.step_downs[static_cast<size_t>(row.why)], before.step_downs[static_cast<size_t>(row.why)] + 1);
    }
    EXPECT_EQ(after.refused - before.refused, row.status == Status::kOk ? 0u : 1u);
    if (row.status != Status::kOk) continue;
    EXPECT_EQ(rig_.engine(Direction::kOutbound).engine, row.engine);
    EXPECT_EQ(rig_.engine(Direction::kOutbound).step_down, row.why);
    rig_.Remove(s, Direction::kOutbound);
  }
  EXPECT_EQ(port().sessions(), 1u);
}

TEST(InlineProtocol, IsInsistedOnInVain) {
  TunnelRig t({.inline_wan = true, .offer = {.protocol = false}});
  t.sa().suite.esn = false;
  t.sa().encr_key.assign(t.sa().suite.encr_keymat(), 1);
  t.sa().offload = Offload::kPacket;
  EXPECT_EQ(t.TryInstall(t.sa(), Direction::kInbound), Status::kUnsupported);
  EXPECT_EQ(t.ipsec().database().UseOfEngines().refused, 1u);
  EXPECT_EQ(t.rig().inline_wan().sessions(), 0u);
}

// One window over what the port opens and what the processor does.
TEST_F(InlineProtocolTest, WhatThePortMissesIsTheProcessors) {
  rig_.Install();
  port().Set({.miss_every = 2});
  std::vector<Bytes> burst;
  for (int i = 0; i < 10; ++i) burst.push_back(rig_.Seal(In(100 + i)));
  EXPECT_EQ(rig_.FromPeer(burst).size(), 10u);
  EXPECT_EQ(Missed(), 5u);
  EXPECT_EQ(port().opened(), 5u);
  burst.insert(burst.begin(), burst.front());
  EXPECT_TRUE(rig_.FromPeer(burst).empty()) << "each again, now by the other one of the two";
  EXPECT_EQ(Drops(Drop::kReplayed), 11u);
  auto pieces = ReferenceFragment(rig_.Seal(In(1000)), {512}, 7);
  EXPECT_EQ(rig_.FromPeer(pieces).size(), 1u);
  EXPECT_EQ(rig_.inventory(Direction::kInbound).packets, 11u);
}

TEST_F(InlineProtocolTest, WhatIsForgedOldOrRepeatedGoesNoFurther) {
  rig_.sa().window = 64;
  rig_.Install();
  Bytes old = rig_.Seal(In());
  for (uint32_t miss : {0u, 1u}) {
    SCOPED_TRACE(miss);
    port().Set({.miss_every = miss});
    Bytes good = rig_.Seal(In()), forged = good;
    forged[forged.size() - 20] ^= 1;
    EXPECT_EQ(rig_.FromPeer({forged, good, good}).size(), 1u);
    rig_.next_sequence += 64;
    EXPECT_EQ(rig_.FromPeer({rig_.Seal(In()), old, good}).size(), 1u);
  }
  EXPECT_EQ(Drops(Drop::kBadIcv), 2u);
  EXPECT_EQ(Drops(Drop::kReplayed), 6u);
  EXPECT_EQ(rig_.inventory(Direction::kInbound).packets, 4u);
}

// Nothing of what is between worker and port leaves by a capture that may not show clear text.
TEST_F(InlineProtocolTest, WhatAPortSealsAndOpensIsNotCapturedInClear) {
  rig_.Install();
  for (bool clear : {false, true}) {
    SCOPED_TRACE(clear);
    Watching w(rig_.rig().gateway(), {.paths = true, .frames = true, .clear_text = clear, .snap = 2048});
    ASSERT_NO_FATAL_FAILURE(SendOneOfEachKind());
    auto ways = w.Ways();
    ASSERT_EQ(ways.size(), clear ? 2u : 0u) << "of the others there is nothing that may be told";
    if (!clear) continue;
    EXPECT_EQ(ways[0].Octets(dp::Place::kSent).size(), 14 + 100u);
    EXPECT_EQ(ways[0].last().sa_out, rig_.sa().sa_index);
    EXPECT_EQ(ways[1].Octets(dp::Place::kReceived).size(), 14 + 100u);
    EXPECT_EQ(ways[1].last().sa_in, rig_.sa().sa_index);
  }
  Watching w(rig_.rig().gateway(), {.paths = true});
  ASSERT_EQ(rig_.FromAlice(Out()).size(), 1u);
  ASSERT_EQ(rig_.FromPeer(rig_.Seal(In())).size(), 1u);
  auto ways = w.Ways();
  ASSERT_EQ(ways.size(), 2u);
  EXPECT_EQ(ways[0].Passes(), "receive classify policy seal transmit; transmitted");
  EXPECT_EQ(ways[1].Passes(), "receive classify open accept inside policy transmit; transmitted");
}

}  // namespace
}  // namespace culvert::testing
