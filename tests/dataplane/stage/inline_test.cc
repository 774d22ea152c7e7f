#include <gtest/gtest.h>

#include <algorithm>

#include "tests/dataplane/stage/inline_fixture.h"
#include "tests/support/watching.h"

// SAs that the port runs (rte_security inline crypto), by the stand-in: through a whole gateway, against the slow reference, and
// with a port that fails in every way that ports do.
namespace culvert::testing {
namespace {

using channel::Direction;
using channel::Status;
using offload::Engine, offload::StepDown;
using test::MakeUdp;

class InlineTest : public InlineFixture {
 protected:
  explicit InlineTest(unsigned workers = 1)
      : InlineFixture({.workers = workers, .inline_wan = true, .offer = {.protocol = false}}) {}
  // A packet each way.
  void ExpectPasses() {
    auto sealed = rig_.FromAlice(Out());
    ASSERT_EQ(sealed.size(), 1u);
    EXPECT_EQ(rig_.Open(sealed[0]).inner.size(), 100u);
    EXPECT_EQ(rig_.FromPeer(rig_.Seal(In())).size(), 1u);
  }
};

TEST(Inline, CarriesEveryShapeThatItTakes) {
  for (uint16_t bits : {uint16_t{128}, uint16_t{192}, uint16_t{256}}) {
    for (const TunnelKind& kind : kTunnelKinds) {
      if (kind.ah || (kind.v6 && kind.encap)) continue;
      SCOPED_TRACE(std::string(kind.name) + " " + std::to_string(bits));
      TunnelRig t({.v6 = kind.v6, .inline_wan = true, .offer = {.protocol = false}});
      t.sa().suite = {EncrId::kAesGcm16, bits, IntegId::kNone, false};
      t.Install(kind);
      for (auto d : {Direction::kInbound, Direction::kOutbound}) EXPECT_EQ(t.engine(d).engine, Engine::kInlineCrypto);
      uint64_t packets = 0;
      for (bool v6 : {false, true}) {
        for (size_t size : {60u, 61u, 576u, 1300u}) {
          Bytes out = MakeUdp(t.alice(v6), t.bob(v6), 1000, 2000, size), in = MakeUdp(t.bob(v6), t.alice(v6), 2000, 1000, size);
          auto sealed = t.FromAlice(out);
          ASSERT_EQ(sealed.size(), 1u);
          EXPECT_EQ(t.Open(sealed[0]).inner.size(), size);
          auto opened = t.FromPeer(t.Seal(in));
          ASSERT_EQ(opened.size(), 1u);
          EXPECT_TRUE(std::equal(opened[0].begin() + 40, opened[0].end(), in.begin() + 40, in.end()));
          ++packets;
        }
      }
      EXPECT_EQ(t.rig().inline_wan().sealed(), packets);
      EXPECT_EQ(t.rig().inline_wan().opened(), packets);
      EXPECT_EQ(t.rig().all_drops(), 0u);
    }
  }
}

TEST(Inline, StepsDownFromWhatItDoesNotRun) {
  struct Row {
    const char* name;
    EspSuite suite;
    bool v6, encap, ah;
    StepDown why;
  };
  const Row rows[] = {
      {"esn", {EncrId::kAesGcm16, 128, IntegId::kNone, true}, false, false, false, StepDown::kEsn},
      {"cbc", {EncrId::kAesCbc, 128, IntegId::kHmacSha256_128, false}, false, false, false, StepDown::kSuite},
      {"gcm8", {EncrId::kAesGcm8, 128, IntegId::kNone, false}, false, false, false, StepDown::kSuite},
      {"a checksum", {EncrId::kAesGcm16, 128, IntegId::kNone, false}, true, true, false, StepDown::kSuite},
      {"ah", {EncrId::kNone, 0, IntegId::kHmacSha256_128, false}, false, false, true, StepDown::kProtocol},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    TunnelRig t({.v6 = row.v6, .inline_wan = true, .offer = {.protocol = false}});
    t.sa().suite = row.suite;
    t.sa().encap = row.encap;
    t.sa().protocol = row.ah ? 51 : 50;
    t.Install();
    EXPECT_EQ(t.engine(Direction::kOutbound).engine, Engine::kCpu);
    EXPECT_EQ(t.engine(Direction::kOutbound).step_down, row.why);
    EXPECT_EQ(t.FromAlice(MakeUdp(t.alice(false), t.bob(false), 1, 2, 100)).size(), 1u);
    EXPECT_EQ(t.FromPeer(t.Seal(MakeUdp(t.bob(false), t.alice(false), 1, 2, 100))).size(), 1u);
    EXPECT_EQ(t.rig().inline_wan().sealed() + t.rig().inline_wan().opened(), 0u);
  }
}

// What the port lets through as it came is opened here, by the same window, in the order it came in.
// Between worker and port such a packet is in clear: its capture is not.
TEST_F(InlineTest, WhatAPortSealsAndOpensIsCapturedAsHeaders) {
  rig_.Install();
  for (bool clear : {false, true}) {
    SCOPED_TRACE(clear);
    Watching w(rig_.rig().gateway(), {.paths = true, .frames = true, .clear_text = clear, .snap = 2048});
    ASSERT_NO_FATAL_FAILURE(SendOneOfEachKind());
    auto ways = w.Ways();
    ASSERT_EQ(ways.size(), 3u);
    constexpr size_t kHeaders = 14 + 20 + 8;
    EXPECT_EQ(ways[0].Octets(dp::Place::kSent).size() > kHeaders, clear);
    EXPECT_EQ(ways[0].Octets(dp::Place::kSent).size() >= kHeaders, true);
    EXPECT_EQ(ways[1].Octets(dp::Place::kReceived).size() > kHeaders, clear);
    EXPECT_EQ(ways[1].Octets(dp::Place::kInside).empty(), !clear);
    EXPECT_EQ(ways[1].Octets(dp::Place::kSent).empty(), !clear);
    EXPECT_EQ(ways[2].last().drop, Drop::kBadIcv);
    EXPECT_EQ(ways[2].Octets(dp::Place::kReceived).size(), kHeaders);
  }
}

TEST_F(InlineTest, WhatThePortMissesIsTheProcessors) {
  rig_.Install();
  port().Set({.miss_every = 2});
  std::vector<Bytes> burst;
  for (int i = 0; i < 10; ++i) burst.push_back(rig_.Seal(MakeUdp(rig_.bob(false), rig_.alice(false), 7, 8, 100 + i)));
  auto opened = rig_.FromPeer(burst);
  ASSERT_EQ(opened.size(), 10u);
  for (size_t i = 0; i < opened.size(); ++i) EXPECT_EQ(opened[i].size(), 100 + i);
  EXPECT_EQ(Missed(), 5u);
  EXPECT_EQ(port().opened(), 5u);
  // Each of them again, now by the other one of the two.
  burst.insert(burst.begin(), burst.front());
  EXPECT_TRUE(rig_.FromPeer(burst).empty());
  EXPECT_EQ(Drops(Drop::kReplayed), 11u);
}

TEST_F(InlineTest, WhatIsForgedIsDroppedByEither) {
  rig_.Install();
  for (uint32_t miss : {0u, 1u}) {
    port().Set({.miss_every = miss});
    Bytes good = rig_.Seal(In()), forged = good;
    forged[forged.size() - 20] ^= 1;
    EXPECT_EQ(rig_.FromPeer({forged, good, good}).size(), 1u);
  }
  EXPECT_EQ(Drops(Drop::kBadIcv), 2u);
  EXPECT_EQ(Drops(Drop::kReplayed), 2u);
}

TEST_F(InlineTest, FragmentsAreTheProcessors) {
  rig_.Install();
  auto pieces = ReferenceFragment(rig_.Seal(In(1000)), {512}, 7);
  EXPECT_EQ(rig_.FromPeer(pieces).size(), 1u);
  EXPECT_EQ(Missed(), 1u);
  EXPECT_EQ(port().opened(), 0u);
}

TEST_F(InlineTest, APortThatIsFullOrRefusesLeavesItToTheProcessor) {
  port().Set({.refuses = true});
  rig_.Install();
  EXPECT_EQ(rig_.engine(Direction::kOutbound).step_down, StepDown::kRefused);
  ExpectPasses();
  EXPECT_EQ(port().sessions(), 0u);
}

TEST_F(InlineTest, ATableOfFlowsThatIsFullIsNoLoss) {
  rig_.Install();
  port().Set({.flows = 1});
  test::SaSpec second = rig_.sa();
  second.spi = MakeSpi(1, 5, 8);
  second.sa_index = SaIndex(second.spi);
  rig_.Install(second, Direction::kInbound);
  EXPECT_EQ(rig_.ipsec().database().UseOfEngines().step_downs[static_cast<size_t>(StepDown::kFull)], 1u);
  EXPECT_EQ(port().sessions(), 2u) << "a session without its flow is no use";
  rig_.Remove(rig_.sa(), Direction::kInbound);
  EXPECT_EQ(port().sessions(), 1u);
  rig_.sa() = second;
  rig_.next_sequence = 1;
  EXPECT_EQ(rig_.FromPeer(rig_.Seal(In())).size(), 1u);
}

TEST_F(InlineTest, ItsSessionsGoWithItsSas) {
  rig_.Install();
  EXPECT_EQ(port().sessions(), 2u);
  Bytes late = rig_.Seal(In());
  for (auto d : {Direction::kInbound, Direction::kOutbound}) rig_.Remove(rig_.sa(), d);
  EXPECT_EQ(port().sessions(), 0u);
  EXPECT_TRUE(rig_.FromPeer(late).empty());
  EXPECT_EQ(Drops(Drop::kUnknownSpi), 1u);
}

// Behind a NAT from now on: the port knows the SA without UDP.
TEST_F(InlineTest, AnotherPathIsTheProcessors) {
  rig_.Install();
  ExpectPasses();
  for (auto d : {Direction::kInbound, Direction::kOutbound}) {
    channel::UpdateSa u{};
    u.spi = rig_.sa().spi;
    u.sa_index = rig_.sa().sa_index;
    u.direction = d;
    u.set_remote = u.udp_encap = 1;
    u.local = channel::ToWire(rig_.sa().gateway);
    u.remote = channel::ToWire(rig_.sa().peer);
    std::optional<Status> status;
    rig_.ipsec().database().Update(u, [&](const channel::Ack& a) { status = a.status; });
    rig_.Settle();
    ASSERT_EQ(status, Status::kOk);
  }
  rig_.sa().encap = true;
  ExpectPasses();
  EXPECT_EQ(port().sealed(), 1u);
  EXPECT_EQ(port().opened(), 1u);
}

TEST_F(InlineTest, WhatWaitsForItsNeighbourIsSealedBefore) {
  rig_.sa().peer.address = Ip("192.0.2.77");  // on the link, and not known
  rig_.Install();
  EXPECT_TRUE(std::ranges::all_of(rig_.FromAlice(Out()), [](const Bytes& b) { return b.size() < 80; })) << "but a question";
  EXPECT_EQ(port().sealed(), 0u);
  rig_.rig().AddNeighbour(GatewayRig::kWan, Ip("192.0.2.77"), Mac(77));
  EXPECT_EQ(port().sealed(), 0u) << "the one that waited";
  EXPECT_EQ(rig_.FromAlice(Out()).size(), 1u);
  EXPECT_EQ(port().sealed(), 1u);
}

class InlineWorkersTest : public InlineTest {
 protected:
  InlineWorkersTest() : InlineTest(2) {}
};

// The port's queue is one worker's, the SA the other's: packets are handed over with the port's work still to do.
TEST_F(InlineWorkersTest, AreHandedOver) {
  InstallOnSecondWorker();
  for (int i = 0; i < 3; ++i) ExpectPasses();
  EXPECT_EQ(port().sealed(), 3u);
  EXPECT_EQ(port().opened(), 3u);
}

}  // namespace
}  // namespace culvert::testing
