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

TEST(InlineProtocol, CarriesEveryShapeThatItTakes) {
  for (uint16_t bits : {uint16_t{128}, uint16_t{192}, uint16_t{256}}) {
    for (const TunnelKind& kind : kTunnelKinds) {
      if (kind.ah || (kind.v6 && kind.encap)) continue;
      SCOPED_TRACE(std::string(kind.name) + " " + std::to_string(bits));
      TunnelRig t({.v6 = kind.v6, .inline_wan = true});
      t.sa().suite = {EncrId::kAesGcm16, bits, IntegId::kNone, false};
      t.sa().copy_dscp = true;
      t.sa().offload = Offload::kPacket;
      t.sa().sequence = 70;
      t.next_sequence = 71;
      t.Install(kind);
      for (auto d : {Direction::kInbound, Direction::kOutbound}) {
        EXPECT_EQ(t.engine(d).engine, Engine::kInlineProtocol);
        EXPECT_EQ(t.engine(d).step_down, StepDown::kNone);
      }
      uint64_t packets = 0;
      for (bool v6 : {false, true}) {
        for (size_t size : {60u, 61u, 62u, 63u, 576u, 1300u}) {
          const uint8_t tos = size == 61 ? 0xb9 : 0x2a;
          Bytes out = MakeUdp(t.alice(v6), t.bob(v6), 1000, 2000, size, tos),
                in = MakeUdp(t.bob(v6), t.alice(v6), 2000, 1000, size, tos);
          auto sealed = t.FromAlice(out);
          ASSERT_EQ(sealed.size(), 1u);
          auto o = t.Open(sealed[0]);
          EXPECT_EQ(o.inner.size(), size);
          EXPECT_EQ(o.sequence, 71 + packets);
          EXPECT_EQ(o.tos, tos);
          EXPECT_TRUE(std::equal(o.inner.begin() + 40, o.inner.end(), out.begin() + 40, out.end()));
          EXPECT_EQ(test::WithoutLabel(test::SealAgain(t.sa().Outbound(), o)), test::WithoutLabel(sealed[0]));
          auto opened = t.FromPeer(t.Seal(in));
          ASSERT_EQ(opened.size(), 1u);
          EXPECT_EQ(opened[0][v6 ? 7 : 8], in[v6 ? 7 : 8] - 1) << "TTL";
          EXPECT_TRUE(std::equal(opened[0].begin() + 40, opened[0].end(), in.begin() + 40, in.end()));
          ++packets;
        }
      }
      EXPECT_EQ(t.rig().inline_wan().sealed(), packets);
      EXPECT_EQ(t.rig().inline_wan().opened(), packets);
      EXPECT_EQ(t.rig().all_drops(), 0u);
      for (auto d : {Direction::kInbound, Direction::kOutbound}) {
        EXPECT_EQ(t.inventory(d).packets, packets);
        EXPECT_EQ(t.inventory(d).sequence, 70 + packets);
        EXPECT_GT(t.inventory(d).bytes, packets * 60);
        EXPECT_NE(t.inventory(d).last_use, 0);
      }
      for (auto d : {Direction::kInbound, Direction::kOutbound}) t.Remove(t.sa(), d);
      EXPECT_EQ(t.rig().inline_wan().sessions(), 0u);
    }
  }
}

// The gateway's own answers to echo requests are what goes and comes between the two ends.
TEST(InlineProtocol, CarriesTransportMode) {
  for (const TunnelKind& kind : kTunnelKinds) {
    if (kind.ah || (kind.v6 && kind.encap)) continue;
    SCOPED_TRACE(kind.name);
    TunnelRig t({.v6 = kind.v6, .inline_wan = true});
    t.sa().suite.esn = false;
    t.sa().offload = Offload::kPacket;
    t.sa().mode = channel::Mode::kTransport;
    t.sa().local = {{*IpRange::Parse(kind.v6 ? "2001:db8::1" : "192.0.2.1")}};
    t.sa().remote = {{*IpRange::Parse(kind.v6 ? "2001:db8:5::9" : "198.51.100.9")}};
    t.Install(kind);
    const IpAddress &own = t.sa().gateway.address, &peer = t.sa().peer.address;
    for (size_t size : {1u, 2u, 3u, 4u, 1000u}) {
      Bytes request = IpPacket(peer, own, kind.v6 ? 58 : 1, EchoRequest(peer, own, Bytes(size, 7)), {.df = true});
      t.FromPeer(t.Seal(request));
      auto sent = t.BackToPeer();
      ASSERT_EQ(sent.size(), 1u);
      auto o = t.Open(sent[0]);
      EXPECT_EQ(o.inner.size(), request.size());
      EXPECT_EQ(test::WithoutLabel(test::SealAgain(t.sa().Outbound(), o)), test::WithoutLabel(sent[0]));
    }
    EXPECT_EQ(t.rig().inline_wan().sealed(), 5u);
    EXPECT_EQ(t.rig().inline_wan().opened(), 5u);
    EXPECT_EQ(t.rig().all_drops(), 0u);
  }
}

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

TEST_F(InlineProtocolTest, WhatComesOutMustBeTheSas) {
  rig_.Install();
  const Bytes wrong[] = {MakeUdp(Ip("10.8.0.2"), rig_.alice(false), 1, 2, 100), MakeUdp(rig_.bob(false), Ip("10.2.0.2"), 1, 2, 100),
                         MakeUdp(Ip("fd08::2"), rig_.alice(true), 1, 2, 100)};
  for (const Bytes& inner : wrong) EXPECT_TRUE(rig_.FromPeer(rig_.Seal(inner)).empty());
  EXPECT_EQ(Drops(Drop::kInnerMismatch), 3u);
  rig_.choices.pad_length = 99;
  EXPECT_TRUE(rig_.FromPeer(rig_.Seal(In())).empty());
  EXPECT_EQ(Drops(Drop::kBadIcv), 1u) << "a port says no more of what was wrong";
  rig_.choices.pad_length = -1;
  rig_.choices.next_header = 59;
  EXPECT_TRUE(rig_.FromPeer(rig_.Seal(In())).empty()) << "a dummy";
  EXPECT_EQ(rig_.rig().all_drops(), 4u);
  EXPECT_EQ(rig_.inventory(Direction::kInbound).packets, 4u) << "those inside which were others' count as genuine";
}

// RFC 6040 4.2, by the port.
TEST_F(InlineProtocolTest, CongestionMarkedOutsideIsMarkedInside) {
  rig_.Install();
  for (uint8_t inner : {uint8_t{2}, uint8_t{1}, uint8_t{3}, uint8_t{0}}) {
    rig_.choices.tos = 3;
    auto opened = rig_.FromPeer(rig_.Seal(MakeUdp(rig_.bob(false), rig_.alice(false), 1, 2, 100, inner)));
    ASSERT_EQ(opened.size(), inner == 0 ? 0u : 1u);
    if (inner != 0) {
      EXPECT_EQ(opened[0][1] & 3, 3);
    }
  }
}

TEST_F(InlineProtocolTest, LimitsAreTheWorkers) {
  rig_.sa().lifetime.soft_packets = 2;
  rig_.sa().lifetime.hard_packets = 4;
  rig_.Install();
  for (int i = 0; i < 6; ++i) {
    EXPECT_EQ(rig_.FromAlice(Out()).size(), i < 4 ? 1u : 0u);
    EXPECT_EQ(rig_.FromPeer(rig_.Seal(In())).size(), i < 4 ? 1u : 0u);
  }
  EXPECT_EQ(Drops(Drop::kExpired), 4u);
  rig_.Settle();
  auto told = [&](channel::EventType type) {
    return std::ranges::count_if(rig_.events(), [&](const channel::Event& e) { return e.type == type; });
  };
  EXPECT_EQ(told(channel::EventType::kSoftExpiry), 2) << "the device says so, too, and is not heard twice";
  EXPECT_EQ(told(channel::EventType::kHardExpiry), 2);
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
