#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "common/base/limits.h"
#include "tests/dataplane/stage/inline_fixture.h"

// A port that has SAs as a whole (inline protocol), and everything that ends that: what it may not have, and what it does as bad
// NICs do. No SA is lost, no number comes twice, and nothing leaves in clear.
namespace culvert::testing {
namespace {

using channel::Direction;
using channel::EventType;
using channel::Offload;
using channel::Status;
using offload::Engine, offload::StepDown;
using test::MakeUdp;

class InlineFaultsTest : public InlineFixture {
 protected:
  explicit InlineFaultsTest(unsigned workers = 1)
      : InlineFixture({.workers = workers, .inline_wan = true, .clock = [this] { return clock_; }}) {}
  uint64_t StepDowns(StepDown why) { return rig_.ipsec().database().UseOfEngines().step_downs[static_cast<size_t>(why)]; }
  // The number of a sealed packet, which was never there before.
  uint64_t NumberOf(const Bytes& sealed) {
    auto o = rig_.Open(sealed);
    EXPECT_TRUE(numbers_.insert(o.sequence).second) << o.sequence;
    EXPECT_TRUE(ivs_.insert(o.iv).second);
    return o.sequence;
  }
  uint64_t SendOne() {
    auto sealed = rig_.FromAlice(Out());
    EXPECT_EQ(sealed.size(), 1u);
    return sealed.empty() ? 0 : NumberOf(sealed[0]);
  }
  long Told(EventType type) {
    return std::ranges::count_if(rig_.events(), [&](const channel::Event& e) { return e.type == type; });
  }
  void ExpectLeft(Direction d, StepDown why) {
    EXPECT_EQ(rig_.engine(d).engine, Engine::kCpu);
    EXPECT_EQ(rig_.engine(d).step_down, why);
  }

  std::set<uint64_t> numbers_;
  std::set<Bytes> ivs_;
};

// ---- what the port may not have ----

TEST_F(InlineFaultsTest, AnotherPathIsTheProcessorsFromThenOn) {
  rig_.Install();
  EXPECT_EQ(SendOne(), 1u);
  EXPECT_EQ(SendOne(), 2u);
  channel::UpdateSa u{};
  u.spi = rig_.sa().spi;
  u.sa_index = rig_.sa().sa_index;
  u.direction = Direction::kOutbound;
  u.set_remote = 1;
  u.local = channel::ToWire(rig_.sa().gateway);
  u.remote = channel::ToWire(rig_.sa().peer = {Ip("198.51.100.10"), 4500, 0});
  std::optional<Status> status;
  rig_.ipsec().database().Update(u, [&](const channel::Ack& a) { status = a.status; });
  rig_.Settle();
  ASSERT_EQ(status, Status::kOk);
  EXPECT_EQ(SendOne(), 2 + kOutboundJump + 1u);
  EXPECT_EQ(port().sealed(), 2u);
  EXPECT_EQ(port().sessions(), 1u) << "what the port had of it is given back";
  ExpectLeft(Direction::kOutbound, StepDown::kPath);
  EXPECT_EQ(rig_.engine(Direction::kInbound).engine, Engine::kInlineProtocol);
  EXPECT_EQ(rig_.inventory(Direction::kOutbound).packets, 3u) << "what was left out does not count";
  EXPECT_EQ(rig_.inventory(Direction::kOutbound).sequence, 3u + kOutboundJump);
}

TEST_F(InlineFaultsTest, WhatWaitsForItsNeighbourIsTheProcessors) {
  rig_.sa().peer.address = Ip("192.0.2.77");  // on the link, and not known
  rig_.Install();
  EXPECT_TRUE(std::ranges::all_of(rig_.FromAlice(Out()), [](const Bytes& b) { return b.size() < 80; })) << "but a question";
  EXPECT_EQ(port().sealed(), 0u);
  rig_.Settle();
  ExpectLeft(Direction::kOutbound, StepDown::kPath);
}

// 100 octets inside more than the path takes: with DF it is told, and the port goes on; what goes on in fragments is not the port's.
TEST_F(InlineFaultsTest, WhatIsTooLongIsToldOrCut) {
  rig_.Install();
  ASSERT_EQ(rig_.FromAlice(Out(1446)).size(), 1u) << "1,500 outside";
  EXPECT_EQ(port().sealed(), 1u);
  EXPECT_TRUE(rig_.FromAlice(Out(1447)).empty());
  EXPECT_EQ(rig_.BackToAlice().size(), 1u);
  EXPECT_EQ(Drops(Drop::kTooBig), 1u);
  EXPECT_EQ(rig_.FromAlice(Out(1500, false)).size(), 2u) << "cut, then sealed";
  EXPECT_EQ(port().sealed(), 3u);
  EXPECT_EQ(rig_.engine(Direction::kOutbound).engine, Engine::kInlineProtocol);
}

TEST_F(InlineFaultsTest, WhatIsCutOnceItIsSealedIsTheProcessors) {
  rig_.sa().copy_df = false;
  rig_.Install();
  EXPECT_EQ(NumberOf(rig_.FromAlice(Out(1446)).at(0)), 1u);
  auto pieces = rig_.FromAlice(Out(1447));
  ASSERT_EQ(pieces.size(), 2u);
  EXPECT_EQ(NumberOf(ReferenceReassemble(pieces, 1500)), 1 + kOutboundJump + 1u);
  rig_.Settle();
  ExpectLeft(Direction::kOutbound, StepDown::kPath);
  EXPECT_EQ(port().sealed(), 1u);
}

// There is no jump left: it ends, as it would have.
TEST_F(InlineFaultsTest, NumbersThatRunOutOnTheWayEnd) {
  rig_.sa().copy_df = false;
  rig_.sa().sequence = UINT32_MAX - 1000;
  rig_.Install();
  EXPECT_EQ(SendOne(), UINT32_MAX - 999u);
  EXPECT_TRUE(rig_.FromAlice(Out(1447)).empty());
  EXPECT_TRUE(rig_.FromAlice(Out()).empty());
  EXPECT_EQ(Drops(Drop::kSequenceExhausted), 2u);
  rig_.Settle();
  EXPECT_EQ(Told(EventType::kHardExpiry), 1);
}

// ---- what bad ports do ----

TEST_F(InlineFaultsTest, APortThatIsFullOrRefusesLeavesItToTheProcessor) {
  port().Set({.refuses = true});
  rig_.Install();
  ExpectLeft(Direction::kOutbound, StepDown::kRefused);
  EXPECT_EQ(SendOne(), 1u);
  EXPECT_EQ(port().sessions(), 0u);
  port().Set({.flows = 1});
  test::SaSpec s = rig_.sa();
  for (unsigned i : {8u, 9u}) {
    s.spi = MakeSpi(1, 5, i);
    s.sa_index = SaIndex(s.spi);
    rig_.Install(s, Direction::kInbound);
  }
  EXPECT_EQ(StepDowns(StepDown::kFull), 1u);
  EXPECT_EQ(port().sessions(), 1u) << "a session without its flow is no use";
}

// Its sessions take 50 ms each: main waits for one, and then leaves it alone until that was a tenth of its time, but for 10 ms;
// only what insists is waited for.
TEST_F(InlineFaultsTest, APortThatIsSlowIsNotAskedAllTheTime) {
  port().Set({.on_create = [this] { clock_ += 50'000'000; }});
  rig_.Install();
  EXPECT_EQ(rig_.engine(Direction::kInbound).engine, Engine::kInlineProtocol);
  ExpectLeft(Direction::kOutbound, StepDown::kSlow);
  EXPECT_EQ(SendOne(), 1u) << "nothing waits for the port";
  test::SaSpec s = rig_.sa();
  auto again = [&](unsigned i, Offload offload) {
    s.spi = MakeSpi(1, 5, i);
    s.sa_index = SaIndex(s.spi);
    s.offload = offload;
    rig_.Install(s, Direction::kInbound);
    return port().sessions();
  };
  EXPECT_EQ(again(8, Offload::kPacket), 2u) << "which is what it was asked for";
  clock_ += 850'000'000 - 1;  // 50 and 50 ms, less a tenth of the 50 between, less 10
  EXPECT_EQ(again(9, Offload::kAuto), 2u);
  clock_ += 1;
  EXPECT_EQ(again(10, Offload::kAuto), 3u);
  EXPECT_EQ(StepDowns(StepDown::kSlow), 2u);
}

TEST_F(InlineFaultsTest, TheDeviceTellsOfEnds) {
  port().Set({.soft_at = 2, .hard_at = 4});
  rig_.Install();
  for (int i = 0; i < 3; ++i) {
    SendOne();
    EXPECT_EQ(rig_.FromPeer(rig_.Seal(In())).size(), 1u);
    rig_.Settle();
    EXPECT_EQ(Told(EventType::kSoftExpiry), i == 0 ? 0 : 2);
  }
  EXPECT_EQ(Told(EventType::kHardExpiry), 0);
  SendOne();
  EXPECT_EQ(rig_.FromPeer(rig_.Seal(In())).size(), 1u);
  rig_.Settle();
  EXPECT_EQ(Told(EventType::kHardExpiry), 2);
  EXPECT_TRUE(rig_.FromAlice(Out()).empty());
  EXPECT_TRUE(rig_.FromPeer(rig_.Seal(In())).empty());
  EXPECT_EQ(Drops(Drop::kExpired), 2u);
  for (const auto& e : rig_.events()) {
    if (e.type == EventType::kHardExpiry) {
      EXPECT_EQ(e.expiry.packets, 4u);
    }
  }
}

TEST_F(InlineFaultsTest, AResetCostsNoSa) {
  rig_.Install();
  Bytes first = rig_.Seal(In());
  EXPECT_EQ(rig_.FromPeer(first).size(), 1u);
  EXPECT_EQ(SendOne(), 1u);
  port().Reset();
  EXPECT_TRUE(rig_.FromAlice(Out()).empty()) << "before anyone knows: lost in the device, and never in clear";
  EXPECT_EQ(port().stats().tx_errors, 1u);
  EXPECT_EQ(rig_.FromPeer(rig_.Seal(In())).size(), 1u) << "before anyone knows";
  rig_.Settle();
  for (auto d : {Direction::kInbound, Direction::kOutbound}) ExpectLeft(d, StepDown::kReset);
  EXPECT_EQ(StepDowns(StepDown::kReset), 2u);
  EXPECT_EQ(port().sessions(), 0u);
  EXPECT_EQ(SendOne(), 2 + kOutboundJump + 1u);
  EXPECT_EQ(rig_.FromPeer(rig_.Seal(In())).size(), 1u);
  EXPECT_TRUE(rig_.FromPeer(first).empty()) << "the window is the one it was";
  EXPECT_EQ(Drops(Drop::kReplayed), 1u);
  EXPECT_EQ(port().sealed(), 1u);
}

// The device asks for a reset, and gets it once nobody is in it and its sessions are gone.
TEST_F(InlineFaultsTest, APortThatWasResetTakesSasAgain) {
  rig_.Install();
  EXPECT_EQ(SendOne(), 1u);
  const auto& dog = rig_.rig().gateway().watchdog();
  port().Reset();
  test::SaSpec s = rig_.sa();
  auto another = [&](unsigned i) {
    s.spi = MakeSpi(1, 5, i);
    s.sa_index = SaIndex(s.spi);
    rig_.Install(s, Direction::kInbound);
  };
  // Nobody has looked at what the device said yet: the watchdog is first, and has to wait for the sessions.
  rig_.rig().Advance(std::chrono::milliseconds(300));
  EXPECT_TRUE(port().AsksReset());
  EXPECT_EQ(dog.resets(GatewayRig::kWan), 0u);
  EXPECT_EQ(port().sessions(), 2u);
  EXPECT_FALSE(port().link_up());
  rig_.Settle();
  EXPECT_EQ(port().sessions(), 0u);
  another(8);
  EXPECT_EQ(port().sessions(), 0u) << "not before it was reset";
  EXPECT_EQ(StepDowns(StepDown::kReset), 3u);
  rig_.rig().Advance(std::chrono::seconds(2));
  EXPECT_EQ(dog.resets(GatewayRig::kWan), 1u);
  EXPECT_EQ(dog.restarts(GatewayRig::kWan), 0u);
  EXPECT_FALSE(port().AsksReset());
  EXPECT_TRUE(port().link_up());
  EXPECT_EQ(port().sessions(), 0u) << "what is here stays where it is until its next rekey";
  EXPECT_EQ(SendOne(), 1 + kOutboundJump + 1u);
  another(9);
  EXPECT_EQ(port().sessions(), 1u);
}

TEST_F(InlineFaultsTest, OrderIsNobodysConcern) {
  rig_.Install();
  port().Set({.miss_every = 3, .disorder = true});
  size_t opened = 0;
  std::vector<Bytes> all;
  for (int round = 0; round < 20; ++round) {
    std::vector<Bytes> burst;
    for (int i = 0; i < 10; ++i) burst.push_back(rig_.Seal(In(100)));
    opened += rig_.FromPeer(burst).size();
    all.insert(all.end(), burst.begin(), burst.end());
  }
  port().Set({});
  opened += rig_.FromPeer(std::vector<Bytes>{}).size();
  EXPECT_EQ(opened, 200u);
  size_t again = 0;
  for (const Bytes& b : all) again += rig_.FromPeer(b).size();
  EXPECT_EQ(again, 0u);
  EXPECT_EQ(Drops(Drop::kReplayed), 200u);
}

class InlineFaultsWorkersTest : public InlineFaultsTest {
 protected:
  InlineFaultsWorkersTest() : InlineFaultsTest(2) { InstallOnSecondWorker(); }
};

// The port's queues are one worker's, the SA the other's.
TEST_F(InlineFaultsWorkersTest, AreHandedOver) {
  for (unsigned i = 1; i <= 3; ++i) {
    EXPECT_EQ(SendOne(), i);
    EXPECT_EQ(rig_.FromPeer(rig_.Seal(In())).size(), 1u);
  }
  EXPECT_EQ(port().sealed(), 3u);
  EXPECT_EQ(port().opened(), 3u);
}

// The numbers go with it, and so does the window.
TEST_F(InlineFaultsWorkersTest, GoesOnWithAnotherWorker) {
  Bytes first = rig_.Seal(In());
  EXPECT_EQ(rig_.FromPeer(first).size(), 1u);
  EXPECT_EQ(SendOne(), 1u);
  auto& gateway = rig_.rig().gateway();
  rig_.rig().Feed(GatewayRig::kWan, Ethernet(rig_.rig().port(GatewayRig::kWan).mac, Mac(9), 0x0800, rig_.Seal(In())));
  gateway.worker(0).Pass();
  ASSERT_EQ(gateway.ReadBalance().held, 1u) << "opened by the port, on its way to the worker that has the SA";
  ASSERT_TRUE(rig_.ipsec().database().Move(rig_.sa().sa_index, 0));
  rig_.Settle();
  EXPECT_EQ(rig_.rig().Sent(GatewayRig::kLan).size(), 1u);
  EXPECT_EQ(SendOne(), 2u);
  EXPECT_EQ(rig_.FromPeer({rig_.Seal(In()), first}).size(), 1u);
  EXPECT_EQ(Drops(Drop::kReplayed), 1u);
  EXPECT_EQ(port().sealed(), 2u);
  for (auto d : {Direction::kInbound, Direction::kOutbound}) EXPECT_EQ(rig_.engine(d).engine, Engine::kInlineProtocol);
}

// Opened by the port, and the SA is gone when its worker gets it.
TEST_F(InlineFaultsWorkersTest, WhatComesOutAfterItsSaIsDropped) {
  auto& gateway = rig_.rig().gateway();
  rig_.rig().Feed(GatewayRig::kWan, Ethernet(rig_.rig().port(GatewayRig::kWan).mac, Mac(9), 0x0800, rig_.Seal(In())));
  gateway.worker(0).Pass();
  ASSERT_EQ(gateway.ReadBalance().held, 1u);
  EXPECT_EQ(port().opened(), 1u);
  rig_.Remove(rig_.sa(), Direction::kInbound);
  EXPECT_TRUE(rig_.rig().Sent(GatewayRig::kLan).empty());
  EXPECT_EQ(Drops(Drop::kRetired), 1u);
}

// On its way from its worker to the port's it is in clear: when the SA is not the port's any more, it ends there.
TEST_F(InlineFaultsWorkersTest, WhatIsOnItsWayToThePortEndsWithThePort) {
  auto& gateway = rig_.rig().gateway();
  auto to_ring = [&] {
    rig_.rig().Feed(GatewayRig::kLan, Ethernet(rig_.rig().port(GatewayRig::kLan).mac, Mac(2), 0x0800, Out()));
    // Whoever receives it gives it to the SA's owner, which gives it to the port's.
    for (int i = 0; i < 4 && gateway.ReadBalance().held == 0; ++i) gateway.worker(0).Pass();
    gateway.worker(1).Pass();
    return gateway.ReadBalance().held;
  };
  ASSERT_EQ(to_ring(), 1u);
  port().Reset();
  rig_.ipsec().database().Poll([](const channel::Event&) {});  // the order is in the owner's mail
  gateway.worker(1).Pass();
  rig_.Settle();
  EXPECT_TRUE(rig_.rig().Sent(GatewayRig::kWan).empty());
  EXPECT_EQ(Drops(Drop::kRetired), 1u);
  EXPECT_EQ(port().stats().tx_errors, 0u);
  EXPECT_EQ(SendOne(), 1 + kOutboundJump + 1u);
}

}  // namespace
}  // namespace culvert::testing
