#include <map>

#include "common/channel/state_page.h"
#include "tests/dataplane/sa/manual_sa_fixture.h"

// SAs with static keys, which are no connection's: any SPI, from the start on, whatever culvert-ike does.
namespace culvert::test {
namespace {

using channel::Direction;
using channel::Status;

TEST_F(ManualSaTest, AnySpiOfEveryProtocolAndMode) {
  unsigned site = 9;
  for (Spi spi : {Spi{256}, Spi{0x1000}, MakeSpi(1, 5, 7), Spi{0x12345678}, Spi{0xffffffff}}) {
    for (uint8_t protocol : {uint8_t{50}, uint8_t{51}}) {
      for (channel::Mode mode : {channel::Mode::kTunnel, channel::Mode::kTransport}) {
        ++site;
        SaSpec s = Make(spi < kFirstSpi + 1 ? spi + site : spi - site, site, protocol, mode);
        SCOPED_TRACE(s.spi);
        InstallBoth(s);
        ExpectBothWays(s, 1);
      }
    }
  }
  EXPECT_EQ(rig_.AllDrops(), 0u);
}

// A slot of the tables that is taken by an SA of another SPI says nothing about this one.
TEST_F(ManualSaTest, BesideAnSaOfTheAllocatorsInTheSameSlot) {
  SaSpec theirs = Make(MakeSpi(1, 5, 7), 20), ours = Make(MakeSpi(1, 6, 7), 21), unknown = Make(MakeSpi(1, 7, 7), 22);
  theirs.sa_index = SaIndex(theirs.spi);
  ASSERT_EQ(SaIndex(theirs.spi), SaIndex(ours.spi));
  rig_.InstallBoth(theirs);
  InstallBoth(ours);
  EXPECT_EQ(Receive({Sealed(theirs, 1), Sealed(ours, 1), Sealed(unknown, 1), Sealed(ours, 2), Sealed(theirs, 2)}), 4);
  EXPECT_EQ(rig_.Drops(Drop::kUnknownSpi), 1u);
  EXPECT_EQ(ReferenceOpenAny(ours.Outbound(), Send(ours), 0).error, "");
  EXPECT_EQ(ReferenceOpenAny(theirs.Outbound(), Send(theirs), 0).error, "");
}

// Whoever comes second: a look-up by SPI must have one answer.
TEST_F(ManualSaTest, NoSecondOfItsSpiInItsDirection) {
  SaSpec first = Make(MakeSpi(1, 5, 7), 20), other = Make(MakeSpi(1, 5, 7), 21);
  other.sa_index = SaIndex(other.spi);
  ASSERT_EQ(rig_.AddPolicy(other.policy_id, other.local, other.remote), Status::kOk);
  InstallBoth(first);
  EXPECT_EQ(Install(other, Direction::kInbound), Status::kExists);
  EXPECT_EQ(Install(other, Direction::kOutbound), Status::kExists);
  EXPECT_EQ(rig_.Install(other, Direction::kInbound), Status::kExists);
  EXPECT_EQ(rig_.Install(other, Direction::kOutbound), Status::kOk) << "the SPI is another peer's";
  ExpectBothWays(first, 1);
  SaSpec drawn = Make(MakeSpi(2, 5, 7), 22);
  drawn.sa_index = SaIndex(drawn.spi);
  EXPECT_EQ(rig_.Install(drawn, Direction::kInbound), Status::kOk);
  EXPECT_EQ(Install(drawn, Direction::kInbound), Status::kExists);
}

TEST_F(ManualSaTest, IsNoConnectionsWhateverComesAndGoes) {
  SaSpec s = Make(0x1000);
  InstallBoth(s);
  ExpectBothWays(s, 1);
  for (int connection = 0; connection < 3; ++connection) {
    rig_.database().BeginSync();
    rig_.Settle();
    ExpectBothWays(s, 10 + static_cast<uint64_t>(connection));
    rig_.database().OpenForwarding();
    rig_.Settle();
    ExpectBothWays(s, 20 + static_cast<uint64_t>(connection));
  }
  unsigned shown = 0;
  uint32_t index = 0;
  rig_.database().Inventory([&](const channel::SaInventory& sa, const SelectorList&, const SelectorList&, const dp::SaEngine&) {
    ++shown;
    index = sa.sa_index;
    EXPECT_EQ(sa.ike_id, 0u);
    EXPECT_EQ(sa.packets, 7u);
  });
  EXPECT_EQ(shown, 2u);
  EXPECT_GE(index, kSaIndexLimit);
  s.sa_index = index;
  for (Direction d : {Direction::kInbound, Direction::kOutbound}) EXPECT_EQ(rig_.Remove(s, d), Status::kNotFound);
  channel::UpdateSa update{};
  update.spi = s.spi;
  update.sa_index = index;
  update.direction = Direction::kOutbound;
  update.set_lifetime = 1;
  Status status{};
  rig_.database().Update(update, [&](const channel::Ack& a) { status = a.status; });
  EXPECT_EQ(status, Status::kNotFound);
  ExpectBothWays(s, 30);
}

// The state page has no place for it: nothing may be written beside the page's end.
TEST_F(ManualSaTest, StaysOutOfTheStatePage) {
  auto page = std::make_unique<channel::StatePage>();
  auto before = std::make_unique<channel::StatePage>();
  SaSpec s = Make(0x1000), later = Make(0x1001, 20);
  InstallBoth(s);
  ExpectBothWays(s, 1);
  rig_.database().SetStatePage(page.get(), {});
  rig_.Settle();
  InstallBoth(later);
  for (uint64_t i = 1; i <= kPublishEvery + 1; ++i) ASSERT_FALSE(Send(s).empty());
  EXPECT_EQ(Receive({Sealed(s, 2)}), 1);
  EXPECT_EQ(std::memcmp(page.get(), before.get(), sizeof *page), 0);
}

TEST_F(ManualSaTest, ProtectsBothWaysWithAnSaOfOneAlone) {
  SaSpec s = Make(0x1000);
  EXPECT_TRUE(Send(s).empty() && clear_) << "nothing is asked for yet";
  ASSERT_EQ(Install(s, Direction::kInbound), Status::kOk);
  EXPECT_TRUE(Send(s).empty() && !clear_);
  EXPECT_EQ(rig_.Drops(Drop::kNoSa), 1u);
  EXPECT_EQ(Receive({Sealed(s, 1)}), 1);
  // In clear what should come sealed.
  dp::Burst plain, forward, seal;
  plain.Add(rig_.MakePacket(PacketOf(s, false)));
  rig_.worker().ApplyPolicy(rig_.context(), plain, forward, seal);
  EXPECT_EQ(forward.n + seal.n, 0);
  EXPECT_EQ(rig_.Drops(Drop::kPlaintextInbound), 1u);
  EXPECT_EQ(Install(s, Direction::kOutbound), Status::kOk);
  ExpectBothWays(s, 2);
}

// RFC 4301 4.4.1: of what a rule passes or discards and an SA protects, the lower rank says what becomes of it.
TEST_F(ManualSaTest, StandAmongRulesByTheirPriority) {
  struct Row {
    const char* name;
    channel::PolicyAction action;
    uint32_t rule, sa;
    bool sealed, clear;
  };
  const Row rows[] = {
      {"a pass rule is before", channel::PolicyAction::kBypass, 200'000, 0, false, true},
      {"the SA is before a pass rule", channel::PolicyAction::kBypass, 200'000, 199'999, true, false},
      {"a drop rule is behind", channel::PolicyAction::kDiscard, 600'000, 0, true, false},
      {"the SA is behind a drop rule", channel::PolicyAction::kDiscard, 600'000, 600'001, false, false},
  };
  unsigned site = 20;
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    SaSpec s = Make(0x1000 + site, site);
    ASSERT_EQ(rig_.AddPolicy(site, s.local, s.remote, row.action, row.rule), Status::kOk);
    for (Direction d : {Direction::kInbound, Direction::kOutbound}) {
      ASSERT_EQ(Install({.sa = s.Install(d), .local = s.local, .remote = s.remote, .priority = row.sa}), Status::kOk);
    }
    EXPECT_EQ(!Send(s).empty(), row.sealed);
    EXPECT_EQ(clear_, row.clear);
    ++site;
  }
  // Another priority is another policy, and this one has no SA.
  SaSpec s = Make(0x2000, site);
  ASSERT_EQ(Install({.sa = s.Install(Direction::kOutbound), .local = s.local, .remote = s.remote}), Status::kOk);
  EXPECT_FALSE(Send(s).empty());
  ASSERT_EQ(Install({.sa = s.Install(Direction::kInbound), .local = s.local, .remote = s.remote, .priority = 5}), Status::kOk);
  EXPECT_TRUE(Send(s).empty() && !clear_);
  EXPECT_EQ(rig_.Drops(Drop::kNoSa), 1u);
}

// Its end is the end of what it protects; control hears nothing of what it does not know.
TEST_F(ManualSaTest, EndsByItsLimits) {
  SaSpec s = Make(0x1000);
  s.lifetime = {.hard_packets = 3};
  InstallBoth(s);
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(Send(s).empty());
  EXPECT_TRUE(Send(s).empty() && !clear_);
  for (uint64_t i = 1; i <= 4; ++i) EXPECT_EQ(Receive({Sealed(s, i)}), i <= 3 ? 1 : 0);
  EXPECT_EQ(rig_.Drops(Drop::kExpired), 2u);
  rig_.Settle();
  rig_.database().BeginSync();
  rig_.database().OpenForwarding();
  rig_.Settle();
  EXPECT_TRUE(Send(s).empty() && !clear_) << "still protected";
  EXPECT_EQ(rig_.database().sas(), 2u) << "no connection takes it away";
  EXPECT_TRUE(rig_.events().empty());
}

// RFC 4303 3.3.3: a peer with a static key begins anew when it starts, and without a window it may.
TEST_F(ManualSaTest, TakesAPeerThatBeginsAnewWithoutAWindow) {
  SaSpec s = Make(0x1000), windowed = Make(0x1001, 20);
  s.suite.esn = windowed.suite.esn = false;
  s.window = 0;
  InstallBoth(s);
  InstallBoth(windowed);
  for (const SaSpec* each : {&s, &windowed}) {
    EXPECT_EQ(Receive({Sealed(*each, 5000)}), 1);
    EXPECT_EQ(Receive({Sealed(*each, 1), Sealed(*each, 2)}), each == &s ? 2 : 0);
  }
  EXPECT_EQ(rig_.Drops(Drop::kReplayed), 2u);
}

class ManualSaWorkersTest : public ManualSaTest {
 protected:
  ManualSaWorkersTest() : ManualSaTest(3) {}
};

TEST_F(ManualSaWorkersTest, RunWhereTheyAreWanted) {
  SaSpec here = Make(0x1000), there = Make(0x2000, 20), any = Make(0x3000, 21);
  EXPECT_EQ(Install(here, Direction::kOutbound, 3), Status::kMalformed);
  ASSERT_EQ(Install(here, Direction::kOutbound, 2), Status::kOk);
  ASSERT_EQ(Install(here, Direction::kInbound), Status::kOk);
  ASSERT_EQ(Install(there, Direction::kInbound, 1), Status::kOk);
  ASSERT_EQ(Install(there, Direction::kOutbound, 0), Status::kOk);
  ASSERT_EQ(Install(any, Direction::kOutbound), Status::kOk);
  ASSERT_EQ(Install(any, Direction::kInbound), Status::kOk);
  std::map<std::pair<Spi, Direction>, uint32_t> worker;
  rig_.database().Inventory([&](const channel::SaInventory& sa, const SelectorList&, const SelectorList&, const dp::SaEngine&) {
    worker[{sa.spi, sa.direction}] = sa.worker;
  });
  EXPECT_EQ((worker[{0x1000, Direction::kOutbound}]), 2u);
  EXPECT_EQ((worker[{0x1000, Direction::kInbound}]), 2u) << "with its other direction";
  EXPECT_EQ((worker[{0x2000, Direction::kInbound}]), 1u);
  EXPECT_EQ((worker[{0x2000, Direction::kOutbound}]), 0u);
  EXPECT_EQ((worker[{0x3000, Direction::kOutbound}]), (worker[{0x3000, Direction::kInbound}]));
  // Found by another worker and handed over.
  dp::Burst plain, forward, seal, sealed;
  plain.Add(rig_.MakePacket(PacketOf(here, true)));
  rig_.worker().ApplyPolicy(rig_.context(), plain, forward, seal);
  EXPECT_EQ(seal.n + forward.n, 0);
  dp::HandedOver taken[1];
  ASSERT_EQ(rig_.context(2).rings->from_worker[0]->Take(taken, 1), 1u);
  seal.Add(taken[0].packet);
  rig_.worker(2).Seal(rig_.context(2), seal, sealed);
  ASSERT_EQ(sealed.n, 1);
  EXPECT_EQ(ReferenceOpenAny(here.Outbound(), EspRig::Contents(*sealed.p[0]), 0).error, "");
  rig_.Free(sealed);
}

}  // namespace
}  // namespace culvert::test
