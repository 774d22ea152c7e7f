#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <set>

#include "common/base/limits.h"
#include "tests/dataplane/stage/lend_device.h"
#include "tests/support/reference_transport.h"
#include "tests/support/tunnel_rig.h"

// SAs that a crypto device has as a whole (rte_security lookaside protocol), by the stand-in: what is not as with a port, for which
// see whole_sa_test.cc.
namespace culvert::testing {
namespace {

using channel::Direction;
using channel::Offload;
using channel::Status;
using offload::Engine, offload::StepDown;
using test::MakeUdp;

constexpr auto kSoftware = offload::CryptoDeviceOptions::Ipsec::kSoftware;
constexpr Direction kBoth[] = {Direction::kInbound, Direction::kOutbound};

class LendWholeTest : public ::testing::Test {
 protected:
  explicit LendWholeTest(TunnelRig::Options options = {}) : rig_(WithDevice(options)) { rig_.sa().suite.esn = false; }
  TunnelRig::Options WithDevice(TunnelRig::Options options) {
    options.engines = device_.get();
    return options;
  }
  Bytes Out(size_t size = 100, bool df = true) { return MakeUdp(rig_.alice(false), rig_.bob(false), 1000, 2000, size, 0, df); }
  Bytes In(size_t size = 100, uint8_t tos = 0) {
    return MakeUdp(rig_.bob(false), rig_.alice(false), 2000, 1000, size, tos);
  }
  uint64_t Drops(Drop why) { return rig_.rig().drops(why); }
  // Its number; each number and each IV comes once.
  uint64_t SendOne() {
    auto sealed = rig_.FromAlice(Out());
    EXPECT_EQ(sealed.size(), 1u);
    if (sealed.empty()) return 0;
    auto o = rig_.Open(sealed[0]);
    EXPECT_TRUE(numbers_.insert(o.sequence).second);
    EXPECT_TRUE(ivs_.insert(o.iv).second);
    return o.sequence;
  }
  void MoveTo(Direction d, const Endpoint& peer, bool encap) {
    channel::UpdateSa u{};
    u.spi = rig_.sa().spi;
    u.sa_index = rig_.sa().sa_index;
    u.direction = d;
    u.set_remote = 1;
    u.udp_encap = encap;
    u.local = channel::ToWire(rig_.sa().gateway);
    u.remote = channel::ToWire(peer);
    std::optional<Status> status;
    rig_.ipsec().database().Update(u, [&](const channel::Ack& a) { status = a.status; });
    rig_.Settle();
    ASSERT_EQ(status, Status::kOk);
  }
  void RemoveBoth() {
    for (auto d : kBoth) {
      channel::RemoveSa r{};
      r.spi = rig_.sa().spi;
      r.sa_index = rig_.sa().sa_index;
      r.direction = d;
      rig_.ipsec().database().Remove(r, [this, d](const channel::Ack& a) { gone_[d == Direction::kOutbound] = a.status; });
    }
  }

  Device device_{"crypto_aesni_gcm", 64, 2, kSoftware};
  TunnelRig rig_;
  std::set<uint64_t> numbers_;
  std::set<Bytes> ivs_;
  std::optional<Status> gone_[2];
};

TEST_F(LendWholeTest, IsTheBestThatTheSaMayHave) {
  struct Row {
    const char* name;
    Offload offload;
    Direction direction;
    bool esn, tfc;
    Status status;
    Engine engine;
    StepDown why;
  };
  using enum Direction;
  constexpr Engine kWhole = Engine::kLookasideProtocol, kLent = Engine::kLookaside;
  const Row rows[] = {
      {"auto", Offload::kAuto, kOutbound, false, false, Status::kOk, kWhole, StepDown::kNone},
      {"packet", Offload::kPacket, kOutbound, false, false, Status::kOk, kWhole, StepDown::kNone},
      {"crypto", Offload::kCrypto, kOutbound, false, false, Status::kOk, kLent, StepDown::kNone},
      {"no", Offload::kNo, kOutbound, false, false, Status::kOk, Engine::kCpu, StepDown::kNotWanted},
      {"padded", Offload::kAuto, kOutbound, false, true, Status::kOk, kLent, StepDown::kHeaders},
      {"packet, padded", Offload::kPacket, kOutbound, false, true, Status::kUnsupported, {}, StepDown::kHeaders},
      {"esn out", Offload::kPacket, kOutbound, true, false, Status::kOk, kWhole, StepDown::kNone},
      {"esn in", Offload::kAuto, kInbound, true, false, Status::kOk, kLent, StepDown::kEsn},
      {"packet, esn in", Offload::kPacket, kInbound, true, false, Status::kUnsupported, {}, StepDown::kEsn},
  };
  rig_.Install();
  for (auto d : kBoth) rig_.Remove(rig_.sa(), d);
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    test::SaSpec s = rig_.sa();
    s.offload = row.offload;
    s.suite.esn = row.esn;
    s.tfc_padding = row.tfc ? 500 : 0;
    const auto before = rig_.ipsec().database().UseOfEngines();
    ASSERT_EQ(rig_.TryInstall(s, row.direction), row.status);
    const auto after = rig_.ipsec().database().UseOfEngines();
    if (row.why != StepDown::kNone) {
      EXPECT_EQ(after.step_downs[static_cast<size_t>(row.why)], before.step_downs[static_cast<size_t>(row.why)] + 1);
    }
    EXPECT_EQ(after.refused - before.refused, row.status == Status::kOk ? 0u : 1u);
    if (row.status != Status::kOk) continue;
    EXPECT_EQ(rig_.engine(row.direction).engine, row.engine);
    EXPECT_EQ(rig_.engine(row.direction).step_down, row.why);
    rig_.Remove(s, row.direction);
  }
  device_.soft().Set({.refuses = true});
  EXPECT_EQ(rig_.TryInstall(rig_.sa(), kOutbound), Status::kOk);
  EXPECT_EQ(rig_.engine(kOutbound).engine, kLent);
  EXPECT_EQ(rig_.engine(kOutbound).step_down, StepDown::kRefused);
}

// RFC 4106 5: with extended numbers the AAD is longer.
TEST_F(LendWholeTest, CountsOnBeyond32Bits) {
  rig_.sa().suite.esn = true;
  rig_.sa().sequence = 0xfffffffe;
  rig_.Install();
  EXPECT_EQ(rig_.engine(Direction::kOutbound).engine, Engine::kLookasideProtocol);
  for (uint64_t number = 0xffffffff; number < 0x100000003; ++number) {
    auto sealed = rig_.FromAlice(Out());
    ASSERT_EQ(sealed.size(), 1u);
    auto o = test::ReferenceOpenAny(rig_.sa().Outbound(), sealed[0], static_cast<uint32_t>(number >> 32));
    EXPECT_EQ(o.error, "");
    EXPECT_EQ(o.sequence, number);
  }
}

TEST_F(LendWholeTest, TheLinksPaddingIsNotTheDevices) {
  rig_.Install();
  Bytes sealed = rig_.Seal(In());
  Append(sealed, Bytes(6, 0));
  EXPECT_EQ(rig_.FromPeer(sealed).size(), 1u);
  EXPECT_EQ(device_.enqueued(), 1u);
}

// RFC 6040 4.2, figure 4; here, not by the device.
TEST_F(LendWholeTest, CongestionMarkedOutsideIsMarkedInside) {
  rig_.Install();
  constexpr int kInside[4][4] = {{0, 0, 0, -1}, {1, 1, 1, 3}, {2, 1, 2, 3}, {3, 3, 3, 3}};
  for (uint8_t inner = 0; inner < 4; ++inner) {
    for (uint8_t outer = 0; outer < 4; ++outer) {
      SCOPED_TRACE(::testing::Message() << +inner << " in " << +outer);
      rig_.choices.tos = outer;
      auto opened = rig_.FromPeer(rig_.Seal(In(100, inner)));
      ASSERT_EQ(opened.size(), kInside[inner][outer] < 0 ? 0u : 1u);
      if (!opened.empty()) {
        EXPECT_EQ(opened[0][1] & 3, kInside[inner][outer]);
      }
    }
  }
  EXPECT_EQ(Drops(Drop::kEcn), 1u);
  EXPECT_EQ(device_.enqueued(), 16u);
}

// What is cut once it is sealed is here again before it is.
TEST_F(LendWholeTest, WhatIsTooLongIsToldOrCut) {
  rig_.Install();
  ASSERT_EQ(rig_.FromAlice(Out(1446)).size(), 1u) << "1,500 outside";
  EXPECT_TRUE(rig_.FromAlice(Out(1447)).empty());
  EXPECT_EQ(Drops(Drop::kTooBig), 1u);
  EXPECT_EQ(rig_.FromAlice(Out(1500, false)).size(), 2u) << "cut, then sealed";
  for (auto d : kBoth) rig_.Remove(rig_.sa(), d);
  rig_.sa().copy_df = false;
  rig_.Install();
  auto pieces = rig_.FromAlice(Out(1447));
  ASSERT_EQ(pieces.size(), 2u);
  EXPECT_EQ(rig_.Open(ReferenceReassemble(pieces, 1500)).sequence, 1u);
  EXPECT_EQ(rig_.engine(Direction::kOutbound).engine, Engine::kLookasideProtocol);
  EXPECT_EQ(device_.enqueued(), 4u);
}

// ---- a peer that moves ----

TEST_F(LendWholeTest, OfAPeerThatMovesAllButTheHeaderStays) {
  rig_.Install();
  EXPECT_EQ(SendOne(), 1u);
  test::SaSpec from_elsewhere = rig_.sa();
  from_elsewhere.peer.address = Ip("198.51.100.10");
  Bytes moved = test::ReferenceSealAny(from_elsewhere.Inbound(), In(), {.sequence = 1, .iv = Bytes(8, 5)});
  EXPECT_EQ(rig_.FromPeer(moved).size(), 1u);
  EXPECT_EQ(device_.enqueued(), 1u) << "opened here, where it is seen from where it came";
  rig_.Settle();
  ASSERT_FALSE(rig_.events().empty());
  EXPECT_EQ(rig_.events().back().type, channel::EventType::kPeerMoved);
  rig_.sa().peer = from_elsewhere.peer;
  rig_.next_sequence = 2;
  for (auto d : kBoth) MoveTo(d, rig_.sa().peer, false);
  EXPECT_EQ(SendOne(), 2u);
  EXPECT_EQ(rig_.FromPeer(rig_.Seal(In())).size(), 1u);
  EXPECT_EQ(device_.enqueued(), 3u);
  for (auto d : kBoth) EXPECT_EQ(rig_.engine(d).engine, Engine::kLookasideProtocol);
}

TEST_F(LendWholeTest, APeerThatMovesBehindANatLeavesTheDevice) {
  rig_.Install();
  EXPECT_EQ(SendOne(), 1u);
  device_.soft().Set({.holds = true});
  EXPECT_TRUE(rig_.FromAlice(Out()).empty());
  EXPECT_TRUE(rig_.FromPeer(rig_.Seal(In())).empty());
  rig_.sa().peer.port = 5000;
  rig_.sa().encap = true;
  for (auto d : kBoth) MoveTo(d, rig_.sa().peer, true);
  EXPECT_EQ(SendOne(), 2 + kOutboundJump + 1u);
  EXPECT_EQ(rig_.FromPeer(rig_.Seal(In())).size(), 1u);
  EXPECT_EQ(device_.sessions(), 2u) << "which the device is working for still";
  EXPECT_EQ(rig_.rig().balance().held, 2u);
  device_.soft().Set({});
  rig_.Settle();
  auto late = rig_.BackToPeer();
  ASSERT_EQ(late.size(), 1u);
  test::SaSpec before = rig_.sa();
  before.encap = false;
  EXPECT_EQ(test::ReferenceOpenAny(before.Outbound(), late[0], 0).sequence, 2u) << "as it was sealed, on its old way";
  EXPECT_EQ(rig_.BackToAlice().size(), 1u);
  rig_.Settle();
  EXPECT_EQ(device_.sessions(), 0u);
  for (auto d : kBoth) {
    EXPECT_EQ(rig_.engine(d).engine, Engine::kCpu);
    EXPECT_EQ(rig_.engine(d).step_down, StepDown::kPath);
  }
  EXPECT_EQ(rig_.rig().all_drops(), 0u);
}

// ---- bad devices ----

TEST_F(LendWholeTest, WhatTheDeviceDoesNotDoIsLostAndNoNumberComesTwice) {
  rig_.Install();
  device_.soft().Set({.fail_every = 3});
  unsigned out = 0, in = 0;
  std::vector<Bytes> sealed;
  for (int i = 0; i < 9; ++i) {
    for (const Bytes& b : rig_.FromAlice(Out())) {
      ++out;
      EXPECT_TRUE(numbers_.insert(rig_.Open(b).sequence).second);
    }
    in += static_cast<unsigned>(rig_.FromPeer(rig_.Seal(In())).size());
  }
  EXPECT_EQ(out + in, 12u);
  EXPECT_EQ(Drops(Drop::kCryptoFailed), 6u);
  device_.soft().Set({});
  const uint64_t last = *numbers_.rbegin();
  EXPECT_GT(SendOne(), last);
  EXPECT_TRUE(rig_.rig().Balanced());
}

TEST_F(LendWholeTest, ADeviceThatIsFullTakesNoMore) {
  rig_.Install();
  device_.soft().Set({.holds = true, .room = 8});
  for (int i = 0; i < 400; ++i) {
    EXPECT_TRUE(rig_.FromAlice(Out()).empty());
    EXPECT_TRUE(rig_.rig().Balanced());
  }
  const uint64_t held = rig_.rig().balance().held;
  EXPECT_GT(Drops(Drop::kCryptoFull), 0u);
  device_.soft().Set({});
  rig_.Settle();
  auto sent = rig_.rig().Sent(GatewayRig::kWan);
  EXPECT_EQ(sent.size(), held) << "what was taken is not lost";
  EXPECT_GT(SendOne(), held - 1);
}

// F08: a device that answers late, for an SA that is gone.
TEST_F(LendWholeTest, DropsLateAnswersOfAnSaThatIsGone) {
  rig_.Install();
  device_.soft().Set({.holds = true});
  rig_.FromAlice(Out());
  rig_.FromPeer(rig_.Seal(In()));
  EXPECT_EQ(rig_.rig().balance().held, 2u);
  RemoveBoth();
  rig_.Settle();
  for (const auto& gone : gone_) EXPECT_FALSE(gone) << "its memory may be needed still";
  EXPECT_EQ(device_.sessions(), 2u);
  usleep(20000);
  device_.soft().Set({});
  rig_.Settle();
  for (const auto& gone : gone_) EXPECT_EQ(gone, Status::kOk);
  EXPECT_EQ(Drops(Drop::kRetired), 2u);
  EXPECT_EQ(device_.soft().sessions(), 0u);
}

TEST_F(LendWholeTest, WhatADeviceHasIsNotCapturedInClear) {
  rig_.Install();
  ExpectWatchedUnderOneNumber(rig_);
}

}  // namespace
}  // namespace culvert::testing
