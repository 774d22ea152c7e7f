#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>

#include "tests/dataplane/stage/lend_device.h"
#include "tests/support/tunnel_rig.h"

// SAs whose packets a crypto device seals and opens, through a whole gateway and against the slow reference.
namespace culvert::testing {
namespace {

using channel::Direction;
using channel::Status;
using test::MakeUdp;

struct Case {
  const char* driver;
  EspSuite suite;
};
constexpr EncrId kGcm = EncrId::kAesGcm16, kCbc = EncrId::kAesCbc, kCtr = EncrId::kAesCtr, kNull = EncrId::kNull;
const Case kCases[] = {
    {"crypto_aesni_mb", {kGcm, 128, IntegId::kNone, true}},
    {"crypto_aesni_mb", {kGcm, 256, IntegId::kNone, false}},
    {"crypto_aesni_mb", {kCbc, 128, IntegId::kHmacSha256_128, true}},
    {"crypto_aesni_mb", {kCbc, 256, IntegId::kHmacSha1_96, false}},
    {"crypto_aesni_mb", {kCtr, 192, IntegId::kHmacSha512_256, true}},
    {"crypto_aesni_mb", {kNull, 0, IntegId::kHmacSha384_192, true}},
    {"crypto_aesni_mb", {kCbc, 128, IntegId::kAesXcbc96, true}},
    {"crypto_aesni_mb", {EncrId::kChaCha20Poly1305, 256, IntegId::kNone, true}},
    {"crypto_aesni_gcm", {kGcm, 192, IntegId::kNone, true}},
    {"crypto_openssl", {kGcm, 128, IntegId::kNone, true}},
    {"crypto_openssl", {kCbc, 256, IntegId::kHmacSha256_128, true}},
};

TEST(Lend, IsWatchedUnderOneNumber) {
  Device device("crypto_aesni_mb");
  TunnelRig t({.engines = device.get()});
  t.Install();
  ExpectWatchedUnderOneNumber(t);
}

TEST(Lend, CarriesEverySuiteInEveryShape) {
  for (const Case& c : kCases) {
    for (const TunnelKind& kind : kTunnelKinds) {
      if (kind.ah) continue;
      SCOPED_TRACE(std::string(c.driver) + " " + Name(c.suite) + " " + kind.name);
      Device device(c.driver);
      {
        TunnelRig t({.v6 = kind.v6, .engines = device.get()});
        t.sa().suite = c.suite;
        t.Install(kind);
        for (auto d : {Direction::kInbound, Direction::kOutbound}) EXPECT_EQ(t.engine(d).engine, offload::Engine::kLookaside);
        for (bool v6 : {false, true}) {
          for (size_t size : {60u, 61u, 576u, 1300u}) {
            Bytes out = MakeUdp(t.alice(v6), t.bob(v6), 1000, 2000, size), in = MakeUdp(t.bob(v6), t.alice(v6), 2000, 1000, size);
            auto sealed = t.FromAlice(out);
            ASSERT_EQ(sealed.size(), 1u);
            EXPECT_EQ(t.Open(sealed[0]).inner[v6 ? 7 : 8], out[v6 ? 7 : 8] - 1) << "a hop less";
            auto opened = t.FromPeer(t.Seal(in));
            ASSERT_EQ(opened.size(), 1u);
            EXPECT_EQ(ByteView(opened[0]).subspan(40).size(), ByteView(in).subspan(40).size());
            EXPECT_TRUE(std::equal(opened[0].begin() + 40, opened[0].end(), in.begin() + 40));
          }
        }
        EXPECT_EQ(t.rig().all_drops(), 0u);
      }
      EXPECT_EQ(device.sessions(), 0u) << "sessions left";
    }
  }
}

class LendTest : public ::testing::Test {
 protected:
  LendTest() : rig_({.engines = device_.get()}) { rig_.Install(); }
  Bytes Out() { return MakeUdp(rig_.alice(false), rig_.bob(false), 1000, 2000, 100); }
  Bytes In() { return MakeUdp(rig_.bob(false), rig_.alice(false), 2000, 1000, 100); }
  uint64_t Drops(Drop why) { return rig_.rig().drops(why); }
  // Says so to gone_, inbound and outbound, when it is done; lets nothing run.
  void RemoveBoth() {
    for (auto d : {Direction::kInbound, Direction::kOutbound}) {
      channel::RemoveSa r{};
      r.spi = rig_.sa().spi;
      r.sa_index = rig_.sa().sa_index;
      r.direction = d;
      rig_.ipsec().database().Remove(r, [this, d](const channel::Ack& a) { gone_[d == Direction::kOutbound] = a.status; });
    }
  }

  std::optional<Status> gone_[2];
  Device device_{"crypto_aesni_gcm"};
  TunnelRig rig_;
};

TEST_F(LendTest, DropsWhatIsForgedOrSeenAndKeepsTheWindow) {
  Bytes good = rig_.Seal(In()), forged = good, next = rig_.Seal(In());
  forged.back() ^= 1;
  // A forgery, then the packet twice in one burst: both copies pass the first look at the window.
  auto out = rig_.FromPeer({forged, good, good, next});
  EXPECT_EQ(out.size(), 2u);
  EXPECT_EQ(Drops(Drop::kBadIcv), 1u);
  EXPECT_EQ(Drops(Drop::kReplayed), 1u);
  EXPECT_TRUE(rig_.FromPeer(good).empty());
  EXPECT_EQ(Drops(Drop::kReplayed), 2u);
}

TEST_F(LendTest, CountsWhatTheDeviceHasAsHeld) {
  device_.Hold();
  EXPECT_TRUE(rig_.FromAlice(Out()).empty());
  EXPECT_TRUE(rig_.FromPeer(rig_.Seal(In())).empty());
  EXPECT_EQ(rig_.rig().balance().held, 2u);
  EXPECT_TRUE(rig_.rig().Balanced());
  device_.LetGo();
  EXPECT_EQ(rig_.FromAlice(Out()).size(), 2u);
  EXPECT_EQ(rig_.BackToAlice().size(), 1u);
  EXPECT_EQ(rig_.rig().balance().held, 0u);
}

// F08: a device that answers late, for an SA that is gone.
TEST_F(LendTest, DropsLateAnswersOfAnSaThatIsGone) {
  device_.Hold();
  rig_.FromAlice(Out());
  rig_.FromPeer(rig_.Seal(In()));
  RemoveBoth();
  rig_.Settle();
  EXPECT_FALSE(gone_[0]) << "its memory may be needed still";
  EXPECT_FALSE(gone_[1]);
  EXPECT_TRUE(rig_.FromPeer(rig_.Seal(In())).empty());
  EXPECT_EQ(Drops(Drop::kUnknownSpi), 1u) << "it takes no more";
  EXPECT_EQ(device_.sessions(), 2u);
  usleep(20000);
  device_.LetGo();
  rig_.Settle();
  EXPECT_EQ(gone_[0], Status::kOk);
  EXPECT_EQ(gone_[1], Status::kOk);
  EXPECT_EQ(Drops(Drop::kRetired), 2u);
  EXPECT_EQ(device_.sessions(), 0u);
}

// A rekeying takes the old SA while the device has packets of it.
TEST_F(LendTest, WhatWasUnderWayWhenItsSaWentPasses) {
  device_.Hold();
  rig_.FromAlice(Out());
  rig_.FromPeer(rig_.Seal(In()));
  RemoveBoth();
  rig_.ipsec().worker(0).PollCommands(rig_.rig().gateway().context(0));
  device_.LetGo();
  rig_.Settle();
  EXPECT_EQ(gone_[0], Status::kOk);
  EXPECT_EQ(gone_[1], Status::kOk);
  EXPECT_EQ(rig_.rig().Sent(GatewayRig::kWan).size(), 1u);
  EXPECT_EQ(rig_.BackToAlice().size(), 1u);
  EXPECT_EQ(rig_.rig().all_drops(), 0u);
}

TEST_F(LendTest, GivesNoMoreThanTheDeviceTakes) {
  device_.Hold();
  constexpr unsigned kMore = 500;
  unsigned sent = 0;
  // The pool of the rig is smaller than the device's queue: what it cannot hold is dropped here or there, and counted.
  for (; sent < kMore; ++sent) rig_.FromAlice(Out());
  EXPECT_EQ(device_.held() + rig_.rig().all_drops(), kMore);
  device_.LetGo();
  rig_.Settle();
  EXPECT_EQ(rig_.FromAlice(Out()).size(), device_.held() + kMore - rig_.rig().all_drops() + 1);
}

TEST(LendEngines, AreChosenAndTheReasonIsTold) {
  struct Row {
    const char* name;
    EspSuite suite;
    channel::Offload wish;
    bool ah;
    Status status;
    offload::Engine engine;
    offload::StepDown why;
  };
  using enum channel::Offload;
  using offload::Engine, offload::StepDown;
  const EspSuite gcm{kGcm, 128, IntegId::kNone, true}, ccm{EncrId::kAesCcm16, 128, IntegId::kNone, true},
      sha{EncrId::kNone, 0, IntegId::kHmacSha256_128, true};
  const Row rows[] = {
      {"auto", gcm, kAuto, false, Status::kOk, Engine::kLookaside, StepDown::kNone},
      {"crypto", gcm, kCrypto, false, Status::kOk, Engine::kLookaside, StepDown::kNone},
      {"no", gcm, kNo, false, Status::kOk, Engine::kCpu, StepDown::kNotWanted},
      {"packet", gcm, kPacket, false, Status::kUnsupported, {}, {}},
      {"ccm", ccm, kAuto, false, Status::kOk, Engine::kCpu, StepDown::kSuite},
      {"ccm, crypto", ccm, kCrypto, false, Status::kUnsupported, {}, {}},
      {"ah", sha, kAuto, true, Status::kOk, Engine::kCpu, StepDown::kProtocol},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    Device device("crypto_aesni_mb");
    TunnelRig t({.engines = device.get()});
    t.sa().suite = row.suite;
    t.sa().protocol = row.ah ? 51 : 50;
    t.sa().policy_id = 0;
    t.sa().encr_key.assign(row.suite.encr_keymat(), 1);
    t.sa().integ_key.assign(row.suite.integ_keymat(), 2);
    auto command = t.sa().Install(Direction::kOutbound);
    command.offload = row.wish;
    std::optional<Status> status;
    t.ipsec().database().Install(command, t.sa().local, t.sa().remote, [&](const channel::Ack& a) { status = a.status; });
    t.Settle();
    ASSERT_EQ(status, row.status);
    const auto use = t.ipsec().database().UseOfEngines();
    if (row.status != Status::kOk) {
      EXPECT_EQ(use.refused, 1u);
      continue;
    }
    EXPECT_EQ(t.engine(Direction::kOutbound).engine, row.engine);
    EXPECT_EQ(t.engine(Direction::kOutbound).step_down, row.why);
    EXPECT_EQ(use.sas[static_cast<size_t>(row.engine)], 1u);
    EXPECT_EQ(use.step_downs[static_cast<size_t>(row.why)], row.why == StepDown::kNone ? 0u : 1u);
  }
}

TEST(LendEngines, StepDownWhereTheDeviceIsFull) {
  Device device("crypto_aesni_mb", 2);
  TunnelRig t({.engines = device.get()});
  t.Install();
  test::SaSpec second = t.sa();
  second.spi = MakeSpi(1, 5, 8);
  second.sa_index = SaIndex(second.spi);
  t.Install(second, Direction::kInbound);
  auto use = t.ipsec().database().UseOfEngines();
  EXPECT_EQ(use.step_downs[static_cast<size_t>(offload::StepDown::kFull)], 1u);
  EXPECT_EQ(use.sas[static_cast<size_t>(offload::Engine::kCpu)], 1u);
  t.Remove(second, Direction::kInbound);
  EXPECT_EQ(t.ipsec().database().UseOfEngines().sas[static_cast<size_t>(offload::Engine::kCpu)], 0u);
  EXPECT_EQ(t.FromAlice(MakeUdp(t.alice(false), t.bob(false), 1, 2, 100)).size(), 1u);
}

TEST_F(LendTest, CutsWhatIsBackAndTooLong) {
  TunnelRig t({.v6 = true, .mtu = 1280, .engines = device_.get()});
  t.Install();
  Bytes inner = MakeUdp(t.alice(true), t.bob(true), 1, 2, 1270);
  auto pieces = t.FromAlice(inner);
  ASSERT_EQ(pieces.size(), 2u);
  EXPECT_EQ(t.Open(ReferenceReassemble(pieces, 1280)).inner.size(), inner.size());
  EXPECT_EQ(device_.enqueued(), 1u);
}

}  // namespace
}  // namespace culvert::testing
