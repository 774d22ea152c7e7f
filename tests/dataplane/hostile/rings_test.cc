#include <gtest/gtest.h>

#include <algorithm>

#include "dataplane/stage/path_mtu.h"
#include "tests/support/esp_rig.h"
#include "tests/support/frames.h"

// F05: the rings between main and a worker full. What must not be lost waits, what may be is counted, and the worker never waits.
// Those of packets: punts_test.cc; those between the processes: channel_server_test.cc and tests/control/sadb/sadb_test.cc.
namespace culvert::testing {
namespace {

using channel::Direction;
using channel::Status;
using test::EspRig;
using test::MakeUdp;
using test::SaSpec;

constexpr uint32_t kSas = 1500;
constexpr uint64_t kRoom = dp::WorkerMail::kSlots - 1;

SaSpec SpecOf(EspRig& rig, uint32_t slot) {
  SaSpec s;
  s.spi = MakeSpi(1, 5, slot);
  s.sa_index = SaIndex(s.spi);
  s.gateway = {Ip("192.0.2.1"), 4500, 0};
  s.peer = {Ip("198.51.100.9"), 4500, 0};
  s.local = {{*IpRange::Parse("10.1.0.0/16")}};
  s.remote = {{*IpRange::Parse("10.9.0.0/16")}};
  rig.MakeKeys(s);
  return s;
}

class FullMail : public ::testing::Test {
 protected:
  // Orders of main's that no worker takes yet.
  void InstallAll() {
    for (uint32_t i = 0; i < kSas; ++i) {
      SaSpec s = SpecOf(rig_, i);
      rig_.database().Install(s.Install(Direction::kInbound), s.local, s.remote, Count());
    }
  }
  void RemoveAll() {
    for (uint32_t i = 0; i < kSas; ++i) {
      channel::RemoveSa r{};
      r.spi = MakeSpi(1, 5, i);
      r.sa_index = SaIndex(r.spi);
      r.direction = Direction::kInbound;
      rig_.database().Remove(r, Count());
    }
  }
  dp::SaDatabase::Done Count() {
    return [this](const channel::Ack& a) {
      EXPECT_EQ(a.status, Status::kOk);
      ++answered_;
    };
  }
  void Pass() { rig_.worker().PollCommands(rig_.context()); }
  void PollMain() {
    rig_.database().Poll([](const channel::Event&) {});
  }

  EspRig rig_;
  uint32_t answered_ = 0;
};

TEST_F(FullMail, OrdersWaitAndNoneIsLost) {
  InstallAll();
  PollMain();
  EXPECT_EQ(answered_, 0u);
  EXPECT_EQ(rig_.database().UseOfMail().orders_delayed, kSas - kRoom);
  rig_.Settle();
  EXPECT_EQ(answered_, kSas);
  EXPECT_EQ(rig_.database().sas(), kSas);
  RemoveAll();
  PollMain();
  EXPECT_EQ(answered_, kSas) << "no deletion counts before its worker has let go";
  rig_.Settle();
  EXPECT_EQ(answered_, 2 * kSas);
  EXPECT_EQ(rig_.database().sas(), 0u);
  EXPECT_EQ(rig_.database().keys_in_use(), 0u);
  EXPECT_FALSE(rig_.database().busy());
}

// D20: what strangers can cause, ICMP errors about paths here, leaves room for answers.
TEST_F(FullMail, HintsLeaveRoomForAnswers) {
  dp::TooBigNotice notice{};
  notice.family = 4;
  notice.protocol = 50;
  notice.mtu = 1400;
  auto flood = [&] {
    uint64_t taken = 0;
    for (int i = 0; i < 2000; ++i) taken += rig_.worker().PathTooBig(rig_.context(), notice);
    return taken;
  };
  EXPECT_EQ(flood(), kRoom - dp::WorkerMail::kReserved);
  EXPECT_EQ(rig_.database().UseOfMail().hints_dropped, 2000 - (kRoom - dp::WorkerMail::kReserved));
  InstallAll();
  Pass();
  EXPECT_EQ(flood(), 0u);
  PollMain();
  EXPECT_EQ(answered_, dp::WorkerMail::kReserved) << "as many as the flood left room for";
  for (int i = 0; i < 100 && answered_ < kSas; ++i) {
    flood();
    Pass();
    PollMain();
  }
  EXPECT_EQ(answered_, kSas);
  RemoveAll();
  for (int i = 0; i < 100 && answered_ < 2 * kSas; ++i) {
    flood();
    Pass();
    PollMain();
  }
  EXPECT_EQ(answered_, 2 * kSas);
  rig_.Settle();
  EXPECT_EQ(rig_.database().sas(), 0u);
}

// An order is taken only where its answer has room.
TEST_F(FullMail, AnswersWaitForMain) {
  InstallAll();
  for (int i = 0; i < 10; ++i) Pass();
  PollMain();
  EXPECT_EQ(answered_, kRoom);
  rig_.Settle();
  EXPECT_EQ(answered_, kSas);
}

// What ends an SA is told once there is room again.
TEST_F(FullMail, ExpiriesAreToldLater) {
  SaSpec s = SpecOf(rig_, 5000);
  s.lifetime = {.soft_packets = 3};
  rig_.InstallBoth(s);
  InstallAll();
  Pass();  // the ring to main is full of answers
  auto send = [&] {
    dp::Burst plain, forward, seal, sealed;
    plain.Add(rig_.MakePacket(MakeUdp(Ip("10.1.0.9"), Ip("10.9.0.9"), 1, 2, 100)));
    rig_.worker().ApplyPolicy(rig_.context(), plain, forward, seal);
    rig_.worker().Seal(rig_.context(), seal, sealed);
    EXPECT_EQ(sealed.n, 1);
    rig_.Free(sealed);
  };
  for (int i = 0; i < 10; ++i) send();
  rig_.Settle();
  auto told = [&] { return std::ranges::count(rig_.events(), channel::EventType::kSoftExpiry, &channel::Event::type); };
  EXPECT_EQ(told(), 0);
  send();
  rig_.Settle();
  EXPECT_EQ(told(), 1);
}

}  // namespace
}  // namespace culvert::testing
