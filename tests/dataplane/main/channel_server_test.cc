#include "dataplane/main/channel_server.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/wait.h>

#include "tests/support/fake_dataplane.h"
#include "tests/support/no_descriptors.h"
#include "tests/support/scripted_control.h"

namespace culvert::dp {
namespace {

using channel::Command;
using channel::CommandType;
using channel::Direction;
using channel::Event;
using channel::EventType;
using channel::Status;
using channel::Violation;
using testing::FakeDatabase;
using testing::FakeGateway;
using testing::MakeInstall;
using testing::ScriptedControl;

struct ChannelServerTest : ::testing::Test {
  void SetUp() override {
    auto s = ChannelServer::Create({.run_dir = dir.path, .control_uid = getuid()}, database, gateway);
    ASSERT_TRUE(s.ok()) << s.status();
    server = std::move(*s);
  }
  // As main would: only when the descriptor says so. The fake's workers answer at once, so a second round takes their answers.
  void Run() {
    for (int i = 0; i < 100 && (Readable() || i < 3); ++i) server->Poll(now);
    EXPECT_FALSE(Readable()) << "main would never sleep again";
  }
  bool Readable() {
    pollfd p = {.fd = server->fd(), .events = POLLIN, .revents = 0};
    return poll(&p, 1, 0) == 1;
  }
  // Connected, the dump read and left in `dump`.
  std::unique_ptr<ScriptedControl> Connect() {
    auto c = std::make_unique<ScriptedControl>(dir.path);
    Run();
    EXPECT_TRUE(c->ReadHello());
    EXPECT_TRUE(c->SendHello());
    Run();
    EXPECT_TRUE(server->connected());
    dump = c->Events();
    EXPECT_FALSE(dump.empty());
    if (!dump.empty()) { EXPECT_EQ(dump.back().type, EventType::kDumpEnd); }
    return c;
  }
  Status Ask(ScriptedControl& c, const Command& command) {
    c.Send(command);
    Run();
    const auto events = c.Events();
    if (events.size() != 1 || events[0].type != EventType::kAck || events[0].txn != c.txn) {
      ADD_FAILURE() << events.size() << " events instead of one Ack";
      return Status::kMalformed;
    }
    return events[0].ack.status;
  }
  uint64_t Violations(Violation v) const { return server->counters().violations[static_cast<size_t>(v)]; }

  testing::RunDir dir;
  FakeDatabase database;
  FakeGateway gateway;
  std::unique_ptr<ChannelServer> server;
  Time now = FromNanos(1000000000);
  std::vector<Event> dump;
};

Command Policy(uint32_t id) {
  Command c = testing::MakeCommand(CommandType::kAddPolicy, 0);
  c.add_policy.policy_id = id;
  c.add_policy.action = channel::PolicyAction::kProtect;
  const auto piece = channel::SplitSelectors({testing::Selector("10.1.0.0/16")}, {testing::Selector("10.2.0.0/16")}).front();
  c.add_policy.head = piece.head;
  std::memcpy(c.add_policy.selectors, piece.selectors, sizeof piece.selectors);
  return c;
}

TEST_F(ChannelServerTest, InstallsQueriesAndRemoves) {
  auto c = Connect();
  EXPECT_EQ(Ask(*c, MakeInstall(0, 5, Direction::kInbound)), Status::kOk);
  EXPECT_EQ(Ask(*c, MakeInstall(0, 5, Direction::kInbound)), Status::kExists);
  EXPECT_EQ(database.sas.size(), 1u);
  EXPECT_EQ(database.sas.begin()->second.config.encr_key[0], 0xa0);
  Command wrong_key = MakeInstall(0, 6, Direction::kInbound);
  wrong_key.install.encr_key_len = 16;
  std::memset(wrong_key.install.encr_key + 16, 0, 24);
  EXPECT_EQ(Ask(*c, wrong_key), Status::kMalformed);
  Command unknown = MakeInstall(0, 6, Direction::kInbound);
  unknown.install.encr = 9999;
  EXPECT_EQ(Ask(*c, unknown), Status::kUnsupported);
  Command query = testing::MakeCommand(CommandType::kQueryUse, 0);
  query.query_use = {.spi = MakeSpi(1, 5, 5), .sa_index = SaIndex(MakeSpi(1, 5, 5)), .direction = Direction::kInbound, .zero = {}};
  EXPECT_EQ(Ask(*c, query), Status::kOk);
  Command remove = testing::MakeCommand(CommandType::kRemoveSa, 0);
  remove.remove = {.spi = MakeSpi(1, 5, 5), .sa_index = SaIndex(MakeSpi(1, 5, 5)), .direction = Direction::kInbound, .zero = {}};
  EXPECT_EQ(Ask(*c, remove), Status::kOk);
  EXPECT_EQ(Ask(*c, remove), Status::kNotFound);
  EXPECT_TRUE(database.sas.empty());
  EXPECT_TRUE(server->connected());
}

TEST_F(ChannelServerTest, AssemblesManySelectors) {
  auto c = Connect();
  SelectorList local(40, testing::Selector("10.1.0.0/24")), remote(3, testing::Selector("10.2.0.0/24"));
  const auto pieces = channel::SplitSelectors(local, remote);
  Command install = MakeInstall(1, 5, Direction::kInbound);
  install.install.head = pieces[0].head;
  std::memcpy(install.install.selectors, pieces[0].selectors, sizeof pieces[0].selectors);
  std::vector<Command> transaction{install};
  for (size_t i = 1; i < pieces.size(); ++i) {
    Command more = testing::MakeCommand(CommandType::kMoreSelectors, 1);
    more.more.head = pieces[i].head;
    std::memcpy(more.more.selectors, pieces[i].selectors, sizeof pieces[i].selectors);
    transaction.push_back(more);
  }
  ASSERT_EQ(transaction.size(), 3u);
  ASSERT_EQ(c->end->Write(transaction), channel::Sent::kDone);
  Run();
  EXPECT_EQ(c->Events().size(), 1u) << "one Ack for the transaction";
  ASSERT_EQ(database.sas.size(), 1u);
  EXPECT_EQ(database.sas.begin()->second.local, local);
  EXPECT_EQ(database.sas.begin()->second.remote, remote);
}

TEST_F(ChannelServerTest, SyncDoneOpensForwardingAndTakesAwayWhatWasNotRepeated) {
  auto c = Connect();
  Command address = testing::MakeCommand(CommandType::kAddAddress, 0);
  address.address.address = channel::ToWire(IpAddress::V4(10, 9, 0, 1));
  address.address.prefix_length = 24;
  channel::SetName(address.address.port, "lan");
  gateway.addresses.insert({"lan", {IpAddress::V4(10, 8, 0, 1), 24}});
  for (const Command& x : {Policy(1), Policy(2), address}) EXPECT_EQ(Ask(*c, x), Status::kOk);
  EXPECT_FALSE(database.forwarding);
  EXPECT_EQ(Ask(*c, testing::MakeCommand(CommandType::kSyncDone, 0)), Status::kOk);
  EXPECT_TRUE(database.forwarding);
  EXPECT_EQ(database.policies.size(), 2u);

  c.reset();
  Run();
  EXPECT_EQ(database.policies.size(), 2u) << "protection does not end with the connection";
  c = Connect();
  EXPECT_EQ(Ask(*c, Policy(2)), Status::kOk);
  EXPECT_EQ(Ask(*c, Policy(3)), Status::kOk);
  EXPECT_TRUE(database.policies.contains(1)) << "in force until the new set is whole";
  EXPECT_EQ(Ask(*c, testing::MakeCommand(CommandType::kSyncDone, 0)), Status::kOk);
  EXPECT_FALSE(database.policies.contains(1));
  EXPECT_EQ(database.policies.size(), 2u);
  EXPECT_EQ(gateway.addresses.size(), 1u) << "the configured one stays, the channel's goes";
}

TEST_F(ChannelServerTest, TellsTheNextConnectionWhatIsThere) {
  auto c = Connect();
  EXPECT_EQ(dump.size(), 2u) << "link and end";
  const uint64_t epoch = c->hello.epoch, instance = c->hello.instance;
  for (auto d : {Direction::kInbound, Direction::kOutbound}) EXPECT_EQ(Ask(*c, MakeInstall(0, 5, d)), Status::kOk);
  auto& out = database.sas.at({SaIndex(MakeSpi(1, 5, 5)), Direction::kOutbound});
  for (int i = 0; i < 5000; ++i) ASSERT_TRUE(database.Seal(out));
  EXPECT_EQ(c->state()->outbound[SaIndex(MakeSpi(1, 5, 5))], 4096u);
  c.reset();
  Run();
  EXPECT_EQ(server->counters().lost, 1u);
  EXPECT_EQ(database.sas.size(), 2u) << "live SAs forward on";

  c = Connect();
  EXPECT_GT(c->hello.epoch, epoch);
  EXPECT_EQ(c->hello.instance, instance);
  ASSERT_EQ(dump.size(), 4u);
  EXPECT_EQ(dump[1].type, EventType::kSaInventory);
  EXPECT_EQ(dump[2].type, EventType::kSaInventory);
  EXPECT_EQ(dump[2].sa.sequence, 5000u);
  EXPECT_EQ(channel::GetName(dump[2].sa.child), "net");
  EXPECT_EQ(c->state()->outbound[SaIndex(MakeSpi(1, 5, 5))], 5000u) << "published into the new page before the dump";
}

// A manual SA would be an orphan to whoever does not know it.
TEST_F(ChannelServerTest, KeepsManualSasToItself) {
  for (auto d : {Direction::kInbound, Direction::kOutbound}) {
    for (uint32_t slot : {5u, 6u}) {
      const auto m = MakeInstall(0, slot, d).install;
      auto& sa = database.sas[{m.sa_index, d}];
      sa.config = m;
      if (slot == 6) sa.config.ike_id = 0;
    }
  }
  auto c = Connect();
  ASSERT_EQ(dump.size(), 4u) << "link, two directions, the end";
  for (size_t i : {1u, 2u}) EXPECT_EQ(dump[i].sa.sa_index, SaIndex(MakeSpi(1, 5, 5)));
}

// A worker that answers late must not add an SA behind the back of the next dump.
TEST_F(ChannelServerTest, DumpsOnlyWhenNothingIsInFlight) {
  auto c = Connect();
  database.hold = true;
  c->Send(MakeInstall(0, 5, Direction::kInbound));
  Run();
  c.reset();
  Run();
  c = std::make_unique<ScriptedControl>(dir.path);
  Run();
  ASSERT_TRUE(c->ReadHello());
  ASSERT_TRUE(c->SendHello());
  Run();
  EXPECT_FALSE(server->connected());
  EXPECT_TRUE(c->Events().empty());
  database.hold = false;
  Run();
  EXPECT_TRUE(server->connected());
  const auto events = c->Events();
  ASSERT_EQ(events.size(), 3u) << "link, the SA, the end, and no Ack of an epoch gone by";
  EXPECT_EQ(events[1].type, EventType::kSaInventory);
}

TEST_F(ChannelServerTest, AdmitsOneAtATime) {
  auto c = Connect();
  ScriptedControl second(dir.path);
  Run();
  EXPECT_FALSE(second.ReadHello());
  EXPECT_EQ(second.hello.refusal, channel::Refusal::kBusy);
  EXPECT_TRUE(second.Closed());
  EXPECT_EQ(server->counters().refused_busy, 1u);
  EXPECT_EQ(Ask(*c, MakeInstall(0, 5, Direction::kInbound)), Status::kOk);
  c.reset();
  Run();
  EXPECT_TRUE(Connect());
}

// hostile.md F25.
TEST_F(ChannelServerTest, WaitsForADescriptorWithoutSpinning) {
  std::unique_ptr<ScriptedControl> c;
  {
    UniqueFd spare(dup(STDERR_FILENO));
    NoDescriptors none;
    spare = UniqueFd();
    c = std::make_unique<ScriptedControl>(dir.path);
    Run();
    EXPECT_FALSE(c->ReadHello());
  }
  now += std::chrono::seconds(1);
  Run();
  EXPECT_TRUE(c->ReadHello());
}

TEST_F(ChannelServerTest, RefusesOtherUsers) {
  if (getuid() != 0) GTEST_SKIP() << "needs root to become somebody else";
  std::filesystem::permissions(dir.path, std::filesystem::perms::all);
  std::filesystem::permissions(dir.path + "/dataplane.sock", std::filesystem::perms::all);
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  const pid_t child = fork();
  if (child == 0) {
    if (setuid(65534) != 0) _exit(2);
    ScriptedControl stranger(dir.path);
    (void)!write(ready[1], "x", 1);
    for (int i = 0; i < 1000; ++i) {
      if (stranger.ReadHello()) _exit(3);
      if (stranger.hello.refusal == channel::Refusal::kNotAllowed) _exit(0);
      usleep(10000);
    }
    _exit(4);
  }
  char x;
  ASSERT_EQ(read(ready[0], &x, 1), 1);
  for (int i = 0; i < 1000 && server->counters().refused_user == 0; ++i) {
    server->Poll(now);
    usleep(1000);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_EQ(server->counters().refused_user, 1u);
  EXPECT_TRUE(Connect());
}

TEST_F(ChannelServerTest, ASecondDataplaneDoesNotTakeTheSocket) {
  EXPECT_EQ(ChannelServer::Create({.run_dir = dir.path}, database, gateway).status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_TRUE(Connect());
}

TEST_F(ChannelServerTest, ASilentPeerDoesNotLockOthersOut) {
  ScriptedControl silent(dir.path);
  Run();
  ASSERT_TRUE(silent.ReadHello());
  now += std::chrono::milliseconds(1100);
  server->Poll(now);
  EXPECT_TRUE(silent.Closed());
  EXPECT_EQ(server->counters().bad_handshakes, 1u);
  EXPECT_TRUE(Connect());
}

TEST_F(ChannelServerTest, RefusesBadHandshakes) {
  channel::ControlHello good = {};
  good.magic = channel::kHelloMagic;
  good.geometry = channel::kGeometry;
  for (auto spoil : {+[](channel::ControlHello& h) { h.magic = 0; }, +[](channel::ControlHello& h) { ++h.geometry; },
                     +[](channel::ControlHello& h) { ++h.epoch; }, +[](channel::ControlHello& h) { h.zero = 1; }}) {
    ScriptedControl c(dir.path);
    Run();
    ASSERT_TRUE(c.ReadHello());
    channel::ControlHello h = good;
    h.epoch = c.hello.epoch;
    spoil(h);
    ASSERT_TRUE(c.SendHello(h));
    Run();
    EXPECT_TRUE(c.Closed());
  }
  {
    ScriptedControl c(dir.path);     // a page that is no page
    Run();
    ASSERT_TRUE(c.ReadHello());
    good.epoch = c.hello.epoch;
    ASSERT_TRUE(channel::SendWithFds(c.socket.get(), {reinterpret_cast<uint8_t*>(&good), sizeof good}, {0}).ok());
    Run();
    EXPECT_TRUE(c.Closed());
  }
  EXPECT_EQ(server->counters().bad_handshakes, 5u);
  EXPECT_TRUE(Connect());
}

struct Offence {
  const char* what;
  Violation violation;
  void (*commit)(ScriptedControl&);
};
const Offence kOffences[] = {
    {"an index that jumps", Violation::kIndex, [](ScriptedControl& c) { c.rings->command.tail = channel::kCommandSlots + 1; }},
    {"an event head that jumps", Violation::kIndex, [](ScriptedControl& c) { c.rings->event.head = 1000000; }},
    {"an inject index that jumps", Violation::kIndex, [](ScriptedControl& c) { c.rings->inject.tail = ~uint64_t{0}; }},
    {"slots published without a message", Violation::kType, [](ScriptedControl& c) { c.rings->command.tail = 3; }},
    {"a transaction number repeated", Violation::kTransaction,
     [](ScriptedControl& c) { c.Send(Policy(1)); c.txn = 0; c.Send(Policy(2)); }},
    {"a transaction number skipped", Violation::kTransaction, [](ScriptedControl& c) { c.txn = 5; c.Send(Policy(2)); }},
    {"a continuation of nothing", Violation::kTransaction,
     [](ScriptedControl& c) { c.Send(testing::MakeCommand(CommandType::kMoreSelectors, 0)); }},
    {"a transaction cut short by another", Violation::kTransaction,
     [](ScriptedControl& c) {
       Command half = Policy(1);
       half.add_policy.head.more = 1;
       c.Send(half);
       c.Send(Policy(2));
     }},
    {"endless selectors", Violation::kValue,
     [](ScriptedControl& c) {
       Command half = Policy(1);
       half.add_policy.head.more = 1;
       c.Send(half);
       for (int i = 0; i < 20; ++i) {
         Command more = testing::MakeCommand(CommandType::kMoreSelectors, 0);
         const auto piece = channel::SplitSelectors(SelectorList(16, testing::Selector("10.0.0.0/8")), {}).front();
         more.more.head = piece.head;
         more.more.head.more = 1;
         std::memcpy(more.more.selectors, piece.selectors, sizeof piece.selectors);
         c.txn = 0;
         c.Send(more);
       }
     }},
    {"a policy without selectors", Violation::kValue,
     [](ScriptedControl& c) {
       Command none = Policy(1);
       none.add_policy.head = {};
       std::memset(none.add_policy.selectors, 0, sizeof none.add_policy.selectors);
       c.Send(none);
     }},
    {"an SA index out of range", Violation::kValue,
     [](ScriptedControl& c) {
       Command bad = MakeInstall(0, 1, Direction::kOutbound);
       bad.install.sa_index = kSaIndexLimit;
       c.Send(bad);
     }},
    {"octets on the socket", Violation::kSocket, [](ScriptedControl& c) { EXPECT_EQ(write(c.socket.get(), "x", 1), 1); }},
};

TEST_F(ChannelServerTest, ClosesAndCountsWhoeverBreaksTheRules) {
  for (const Offence& o : kOffences) {
    auto c = Connect();
    const uint64_t before = Violations(o.violation);
    o.commit(*c);
    const uint64_t one = 1;
    ASSERT_EQ(write(c->wake_dataplane.get(), &one, sizeof one), 8);
    Run();
    server->Report(channel::NewEvent(EventType::kDumpEnd));   // something to write, where only that shows it
    for (size_t i = 0; i < channel::kEventSlots; ++i) server->Report(channel::NewEvent(EventType::kDumpEnd));
    Run();
    EXPECT_TRUE(c->Closed()) << o.what;
    EXPECT_EQ(Violations(o.violation), before + 1) << o.what;
    c.reset();
    database.sas.clear();
  }
  EXPECT_TRUE(Connect());
}

TEST_F(ChannelServerTest, HoldsCommandsWhileWorkersOweAnswers) {
  auto c = Connect();
  database.hold = true;
  uint32_t slot = 0;
  for (; slot < 1000; ++slot) c->Send(MakeInstall(0, slot, Direction::kInbound));
  Run();
  EXPECT_EQ(server->counters().commands, 512u);
  EXPECT_GT(server->counters().commands_held, 0u);
  database.hold = false;
  Run();
  EXPECT_EQ(c->Events().size(), 1000u);
  EXPECT_EQ(database.sas.size(), 1000u);
}

TEST_F(ChannelServerTest, LosesNoEventWhenTheRingIsFull) {
  auto c = Connect();
  const size_t total = channel::kEventSlots * 2;
  for (uint32_t i = 0; i < total; ++i) {
    Event e = channel::NewEvent(EventType::kHardExpiry);
    e.expiry.direction = Direction::kInbound;
    e.expiry.sa_index = i;
    database.reports.push_back(e);
  }
  size_t got = 0;
  for (int round = 0; round < 10 && got < total; ++round) {
    Run();
    for (const Event& e : c->Events()) EXPECT_EQ(e.expiry.sa_index, got++);
    c->end->Flush();
  }
  EXPECT_EQ(got, total);
  EXPECT_GT(server->counters().events_stalled, 0u);
}

TEST_F(ChannelServerTest, DropsHintsRatherThanGrow) {
  auto c = Connect();
  for (int i = 0; i < 20000; ++i) {
    Event e = channel::NewEvent(EventType::kAcquire);
    e.acquire.local = e.acquire.remote = channel::ToWire(testing::Selector("10.0.0.1"));
    server->Report(e);
  }
  EXPECT_GT(server->counters().hints_dropped, 10000u);
}

TEST_F(ChannelServerTest, PuntsAndInjects) {
  const channel::DatagramInfo info{{IpAddress::V4(192, 0, 2, 1), 500, 0}, {IpAddress::V4(192, 0, 2, 2), 500, 0}};
  Bytes known(400, 1), first(400, 1);
  std::fill(first.begin() + 8, first.begin() + 16, 0);
  EXPECT_FALSE(server->Punt(info, known)) << "nobody is there";
  EXPECT_EQ(server->counters().punt_closed, 1u);
  auto c = Connect();
  size_t strangers = 0;
  while (server->Punt(info, first)) ++strangers;
  EXPECT_EQ(strangers, channel::kPuntSlots / 2);
  EXPECT_TRUE(server->Punt(info, known)) << "a flood of strangers must not shut known peers out";
  EXPECT_EQ(server->counters().punt_policed, 1u);
  size_t known_more = 1;
  while (server->Punt(info, known)) ++known_more;
  EXPECT_EQ(known_more, channel::kPuntSlots / 2);
  EXPECT_EQ(server->counters().punt_full, 1u);
  channel::Datagram d;
  Violation v{};
  ASSERT_TRUE(c->end->Read(d, v));
  EXPECT_EQ(d.payload, first);
  ASSERT_EQ(c->end->Write(info, Bytes(9000, 7)), channel::Sent::kDone);
  c->end->Flush();
  Run();
  ASSERT_EQ(gateway.injected.size(), 1u);
  EXPECT_EQ(gateway.injected[0].payload, Bytes(9000, 7));
}

TEST_F(ChannelServerTest, FindsSources) {
  gateway.addresses.insert({"wan", {IpAddress::V4(192, 0, 2, 1), 24}});
  auto c = Connect();
  Command q = testing::MakeCommand(CommandType::kQuerySource, 0);
  q.query_source.destination = channel::ToWire(IpAddress::V4(192, 0, 2, 9));
  c->Send(q);
  Run();
  auto events = c->Events();
  ASSERT_EQ(events.size(), 1u);
  Endpoint source;
  EXPECT_TRUE(FromWire(events[0].ack.source, source));
  EXPECT_EQ(source.address, IpAddress::V4(192, 0, 2, 1));
  EXPECT_EQ(channel::GetName(events[0].ack.port), "wan");
  q.query_source.destination = channel::ToWire(IpAddress::V4(198, 51, 100, 9));
  EXPECT_EQ(Ask(*c, q), Status::kNotFound);
}

}  // namespace
}  // namespace culvert::dp
