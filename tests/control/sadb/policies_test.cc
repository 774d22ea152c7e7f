#include "control/sadb/policies.h"

#include <gtest/gtest.h>

#include "tests/support/channel_messages.h"

namespace culvert::sadb {
namespace {

using testing::Selector;

config::Child MakeChild(const char* name, const char* local, const char* remote) {
  config::Child c;
  c.name = name;
  const auto ts = [](const char* text) { return text ? config::Ts{false, Selector(text)} : config::Ts{true, {}}; };
  c.local_ts = {ts(local)};
  c.remote_ts = {ts(remote)};
  return c;
}

std::vector<config::Connection> Connections(std::vector<config::Child> children) {
  config::Connection c;
  c.name = "c";
  c.children = std::move(children);
  std::vector<config::Connection> out;
  out.push_back(std::move(c));
  return out;
}

ike::InstallChild Install(const char* child, const char* local, const char* remote) {
  ike::InstallChild i;
  i.connection = "c";
  i.name = child;
  i.local_ts = {Selector(local)};
  i.remote_ts = {Selector(remote)};
  return i;
}

TEST(Policies, ProtectFromLoadWhateverTheStartAction) {
  for (auto action : {config::StartAction::kNone, config::StartAction::kTrap, config::StartAction::kStart, config::StartAction::kTrapStart}) {
    Policies p;
    auto child = MakeChild("net", "10.1.0.0/24", "10.2.0.0/24");
    child.start_action = action;
    const auto changes = p.Load(Connections({child}));
    ASSERT_EQ(changes.add.size(), 1u);
    const Policy* policy = p.Find(changes.add[0]);
    EXPECT_EQ(ToString(policy->local), "10.1.0.0/24");
    EXPECT_EQ(policy->acquire, action == config::StartAction::kTrap || action == config::StartAction::kTrapStart);
  }
}

TEST(Policies, SomeChildrenProtectNothing) {
  Policies p;
  auto none = MakeChild("none", "10.1.0.0/24", "10.2.0.0/24");
  none.policies = false;
  EXPECT_TRUE(p.Load(Connections({none, MakeChild("dynamic", nullptr, "10.2.0.0/24")})).add.empty());
  Policies::Changes changes;
  EXPECT_EQ(p.Acquire(Install("none", "10.1.0.0/24", "10.2.0.0/24"), changes), 0u);
  EXPECT_TRUE(changes.add.empty());
}

// Of transport mode: what the two ends say to each other, from load where the connection names them, and as wide as the SA
// otherwise.
TEST(Policies, OfTransportModeAreOfTheTwoEndsAlone) {
  for (bool named : {true, false}) {
    Policies p;
    auto child = MakeChild("host", "192.0.2.0/24", nullptr);
    child.mode = config::ChildMode::kTransport;
    auto connections = Connections({child});
    connections[0].local_addrs = {"192.0.2.1"};
    connections[0].remote_addrs = {named ? "198.51.100.2" : "%any"};
    auto changes = p.Load(connections);
    ASSERT_EQ(changes.add.size(), named ? 1u : 0u);
    const uint32_t id = p.Acquire(Install("host", "192.0.2.1/32", "198.51.100.2/32"), changes);
    ASSERT_EQ(changes.add.size(), 1u);
    EXPECT_EQ(id, changes.add[0]);
    EXPECT_EQ(ToString(p.Find(id)->local), "192.0.2.1/32");
    EXPECT_EQ(ToString(p.Find(id)->remote), "198.51.100.2/32");
  }
}

// Exceptions go before what protects, `drop` is for what is left; a fixed rank puts any of them anywhere.
TEST(Policies, StandInOrder) {
  Policies p;
  auto pass = MakeChild("pass", nullptr, "10.1.0.0/24"), protect = MakeChild("net", "10.1.0.0/24", "10.2.0.0/24");
  auto drop = MakeChild("drop", nullptr, nullptr), first = MakeChild("first", "10.1.0.0/24", "10.3.0.0/24");
  pass.mode = config::ChildMode::kPass;
  pass.start_action = config::StartAction::kTrap;
  drop.mode = first.mode = config::ChildMode::kDrop;
  first.priority = 7;
  protect.if_id_in = 42;
  protect.if_id_out = 43;
  const auto changes = p.Load(Connections({protect, pass, drop, first}));
  ASSERT_EQ(changes.add.size(), 4u);
  const Policy &net = *p.Find(changes.add[0]), &exception = *p.Find(changes.add[1]), &rest = *p.Find(changes.add[2]);
  EXPECT_LT(exception.priority, net.priority);
  EXPECT_FALSE(exception.acquire);
  EXPECT_LT(net.priority, rest.priority);
  EXPECT_EQ(net.if_id_in, 42u);
  EXPECT_EQ(net.if_id_out, 43u);
  EXPECT_EQ(ToString(rest.local), "0.0.0.0/0 ::/0");
  EXPECT_EQ(p.Find(changes.add[3])->priority, 7u);
}

// Two SAs of one narrowed child (a rekey) share a policy, so that removing the old one leaves the new one protected.
TEST(Policies, ADynamicChildProtectsItsNarrowedSelectorsAsLongAsAnSaHasThem) {
  Policies p;
  p.Load(Connections({MakeChild("road", nullptr, "10.2.0.0/24")}));
  Policies::Changes changes;
  const uint32_t id = p.Acquire(Install("road", "192.0.2.7", "10.2.0.0/24"), changes);
  ASSERT_NE(id, 0u);
  EXPECT_EQ(changes.add, std::vector{id});
  EXPECT_EQ(p.Acquire(Install("road", "192.0.2.7", "10.2.0.0/24"), changes), id);
  const uint32_t other = p.Acquire(Install("road", "192.0.2.8", "10.2.0.0/24"), changes);
  EXPECT_NE(other, id);
  changes = {};
  p.Release(id, changes);
  EXPECT_TRUE(changes.remove.empty());
  p.Release(id, changes);
  EXPECT_EQ(changes.remove, std::vector{id});
  EXPECT_EQ(p.Find(id), nullptr);
  EXPECT_NE(p.Find(other), nullptr);
  EXPECT_NE(p.Acquire(Install("road", "192.0.2.7", "10.2.0.0/24"), changes), id) << "ids are not reused";
}

TEST(Policies, AReloadTellsOnlyWhatChanged) {
  Policies p;
  const auto before = p.Load(Connections({MakeChild("a", "10.1.0.0/24", "10.2.0.0/24"), MakeChild("b", "10.1.0.0/24", "10.3.0.0/24"),
                                          MakeChild("c", "10.1.0.0/24", "10.4.0.0/24")}));
  const auto after = p.Load(Connections({MakeChild("a", "10.1.0.0/24", "10.2.0.0/24"), MakeChild("b", "10.1.0.0/24", "10.9.0.0/24"),
                                         MakeChild("d", "10.1.0.0/24", "10.5.0.0/24")}));
  ASSERT_EQ(after.add.size(), 2u);
  EXPECT_EQ(after.add[0], before.add[1]) << "a child that keeps its name keeps its id";
  EXPECT_EQ(after.remove, std::vector{before.add[2]});
  EXPECT_NE(p.Find(before.add[0]), nullptr);
}

TEST(Policies, ATrapCanBeSetLaterAndOutlivesAReload) {
  Policies p;
  const auto connections = Connections({MakeChild("net", "10.1.0.0/24", "10.2.0.0/24")});
  const uint32_t net = p.Load(connections).add[0];
  EXPECT_EQ(p.Trap("c", "net").add, std::vector{net});
  EXPECT_TRUE(p.Find(net)->acquire);
  EXPECT_TRUE(p.Trap("c", "net").add.empty()) << "it is one already";
  EXPECT_TRUE(p.Trap("c", "nobody").add.empty());
  EXPECT_TRUE(p.Load(connections).add.empty());
  EXPECT_TRUE(p.Find(net)->acquire);
}

}  // namespace
}  // namespace culvert::sadb
