// The other process is the enemy: it holds its end of every ring, writes what it likes, changes slots while they are read,
// jumps indices, fills eventfds, punches holes. Each end must refuse, count, and serve the next honest peer.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <numeric>
#include <random>
#include <thread>

#include "absl/log/globals.h"
#include "control/sadb/sadb.h"
#include "dataplane/main/channel_server.h"
#include "tests/support/fake_dataplane.h"
#include "tests/support/scripted_control.h"
#include "tests/support/seeded_random.h"

namespace culvert {
namespace {

using channel::Direction;
using channel::Violation;
using std::chrono::milliseconds;
using std::chrono::seconds;

Time Now() { return std::chrono::steady_clock::now(); }

template <typename T>
uint64_t Sum(const T& counters) {
  return std::accumulate(std::begin(counters), std::end(counters), uint64_t{0});
}

// What an attacker does to the memory it shares, on a thread of its own, so that slots change while they are read.
class Vandal {
 public:
  Vandal(channel::Rings* rings, uint64_t seed) : rings_(rings), thread_([this, seed] { Run(seed); }) {}
  ~Vandal() {
    stop_ = true;
    thread_.join();
  }

 private:
  void Run(uint64_t seed) {
    std::mt19937_64 random(seed);
    auto* octets = reinterpret_cast<uint8_t*>(rings_);
    while (!stop_) {
      for (int i = 0; i < 100; ++i) {
        // The first slots are the ones in use; the indices stay the attacker's other tool.
        for (uint8_t* slots : {rings_->command.slots[0], rings_->event.slots[0], rings_->punt.slots[0], rings_->inject.slots[0]}) {
          octets[static_cast<size_t>(slots - octets) + random() % (16 * channel::kMessageSlot)] ^= static_cast<uint8_t>(random());
        }
      }
      std::this_thread::yield();
    }
  }
  channel::Rings* rings_;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

// Things that must fail, whoever tries.
void TryToCut(int fd) {
  if (ftruncate(fd, 0) == 0 || ftruncate(fd, 1 << 30) == 0 || fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE) == 0) _exit(30);
}

// Fills the counter, and has whoever writes or reads the descriptor block on it.
void HurtWakeup(int fd, std::mt19937_64& random) {
  const uint64_t full = ~uint64_t{0} - 1;
  fcntl(fd, F_SETFL, O_NONBLOCK);
  (void)!write(fd, &full, sizeof full);
  if (random() % 2) fcntl(fd, F_SETFL, 0);
}

template <typename R>
void Jump(R& ring, std::mt19937_64& random) {
  switch (random() % 5) {
    case 0: ring.tail = random(); break;
    case 1: ring.head = random(); break;
    case 2: ring.tail += random() % 32; break;
    case 3: ring.head -= random() % 32; break;
    case 4:
      ring.consumer_sleeps = static_cast<uint32_t>(random());
      ring.producer_waits = static_cast<uint32_t>(random());
      break;
  }
}

void Hole(int fd, std::mt19937_64& random) {
  const off_t at = static_cast<off_t>(random() % (sizeof(channel::Rings) / 4096) * 4096);
  if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at, 4096) != 0 && errno != EPERM) _exit(31);
}

[[noreturn]] void HostileControl(const std::string& run_dir, uint64_t seed) {
  std::mt19937_64 random(seed);
  for (;;) {
    testing::ScriptedControl c(run_dir);
    for (int i = 0; i < 200 && !c.ReadHello(); ++i) usleep(500);
    if (!c.end) continue;
    if (random() % 8 == 0) continue;                        // leaves without a word
    if (random() % 8 == 0) ++c.hello.epoch;
    TryToCut(c.rings_fd);
    if (!c.SendHello()) continue;
    std::optional<Vandal> vandal;
    if (random() % 3 == 0) vandal.emplace(c.rings, random());
    for (int step = 0; step < 300 && !c.Closed(); ++step) {
      channel::Command m = testing::MakeInstall(++c.txn, static_cast<uint32_t>(random() % 64), Direction::kInbound);
      if (random() % 64 == 0) reinterpret_cast<uint8_t*>(&m)[random() % sizeof m] ^= static_cast<uint8_t>(1u << random() % 8);
      if (random() % 64 == 0) c.txn += random() % 3;
      (void)c.end->Write(std::span(&m, 1));
      switch (random() % 100) {
        case 0: Jump(c.rings->command, random); break;
        case 1: Jump(c.rings->event, random); break;
        case 2: Jump(c.rings->punt, random); break;
        case 3: Jump(c.rings->inject, random); break;
        case 4: HurtWakeup(c.wake_dataplane.get(), random); break;
        case 5: Hole(c.rings_fd, random); break;
        case 6: (void)!write(c.socket.get(), "x", 1); break;
        case 7: Hole(c.page.fd(), random); break;
        default: {
          const channel::DatagramInfo info{{IpAddress::V4(192, 0, 2, 1), 500, 0}, {IpAddress::V4(192, 0, 2, 2), 500, 0}};
          (void)c.end->Write(info, Bytes(random() % 5000));
        }
      }
      channel::SignalWakeup(c.wake_dataplane.get());   // not a bare write(): it would block on a counter it filled itself
      if (random() % 8 == 0) usleep(200);
    }
  }
}

// Holds what the channel lets through to its contract.
class WaryGateway final : public dp::GatewayControl {
 public:
  channel::Status AddAddress(const std::string&, const IpPrefix&) override { return channel::Status::kOk; }
  channel::Status RemoveAddress(const std::string&, const IpPrefix&) override { return channel::Status::kOk; }
  channel::Status AddRoute(const Route&) override { return channel::Status::kOk; }
  channel::Status RemoveRoute(const Route&) override { return channel::Status::kOk; }
  std::optional<Source> SourceFor(const IpAddress&) override { return std::nullopt; }
  void Describe(const std::function<void(const channel::Event&)>&) override {}
  void Inject(const channel::DatagramInfo& info, ByteView payload) override {
    ++injected;
    EXPECT_LE(payload.size(), channel::kMaxDatagram);
    EXPECT_EQ(info.local.address.family, info.remote.address.family);
  }
  uint64_t injected = 0;
};

TEST(Hostile, ControlCannotHurtTheDataplane) {
  absl::SetMinLogLevel(absl::LogSeverityAtLeast::kFatal);
  testing::RunDir dir;
  testing::FakeDatabase database;
  WaryGateway gateway;
  auto server = dp::ChannelServer::Create({.run_dir = dir.path, .control_uid = getuid()}, database, gateway);
  ASSERT_TRUE(server.ok());
  const pid_t attacker = fork();
  if (attacker == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    HostileControl(dir.path, 1);
  }
  const Time end = Now() + seconds(60);
  const channel::DatagramInfo info{{IpAddress::V4(192, 0, 2, 1), 500, 0}, {IpAddress::V4(192, 0, 2, 2), 500, 0}};
  Duration slowest{};
  const auto& c = (*server)->counters();
  constexpr Violation kExpected[] = {Violation::kIndex, Violation::kTransaction, Violation::kValue};
  const auto seen = [&](Violation v) { return c.violations[static_cast<size_t>(v)] > 0; };
  while (Now() < end && (Sum(c.violations) < 150 || !std::ranges::all_of(kExpected, seen))) {
    const Time before = Now();
    (*server)->Poll(before);
    (void)(*server)->Punt(info, Bytes(3000, 1));
    slowest = std::max(slowest, Now() - before);
    pollfd p = {.fd = (*server)->fd(), .events = POLLIN, .revents = 0};
    poll(&p, 1, 1);
  }
  EXPECT_LT(slowest, seconds(5)) << "main was blocked";
  kill(attacker, SIGKILL);
  int status = 0;
  waitpid(attacker, &status, 0);
  ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << "the attacker ended early, status " << status;
  EXPECT_GT(Sum(c.violations), 20u);
  for (Violation v : kExpected) EXPECT_TRUE(seen(v)) << channel::Name(v);
  EXPECT_GT(c.commands, 100u) << "the attack was refused too early to mean much";
  EXPECT_GT(gateway.injected, 0u);
  for (const auto& [key, sa] : database.sas) {
    channel::Command again = channel::NewCommand(channel::CommandType::kInstallSa);
    again.txn = 1;
    again.install = sa.config;
    EXPECT_EQ(channel::Name(Check(again)), std::string("none"));
  }

  // And an honest one finds everything in order.
  const uint64_t connections = c.connections;
  std::optional<testing::ScriptedControl> honest;
  for (int i = 0; i < 100 && (!honest || !honest->ReadHello()); ++i) {
    honest.emplace(dir.path);   // a refusal says that the attacker's connection has not been closed yet
    (*server)->Poll(Now());
  }
  ASSERT_TRUE(honest->end);
  ASSERT_TRUE(honest->SendHello());
  for (int i = 0; i < 5; ++i) (*server)->Poll(Now());
  EXPECT_EQ(c.connections, connections + 1);
  const auto dump = honest->Events();
  ASSERT_FALSE(dump.empty());
  EXPECT_EQ(dump.back().type, channel::EventType::kDumpEnd);
}

[[noreturn]] void HostileDataplane(const std::string& run_dir, uint64_t seed) {
  std::mt19937_64 random(seed);
  auto listener = channel::ListenLocal(run_dir + "/dataplane.sock", getuid());
  if (!listener.ok()) _exit(32);
  for (uint64_t epoch = 1;; ++epoch) {
    auto socket = channel::AcceptLocal(listener->get());
    if (!socket.ok()) {
      usleep(200);
      continue;
    }
    auto region = shm::Region::Create("rings", sizeof(channel::Rings), shm::Region::Fill::kResident);
    UniqueFd to_dp = *channel::MakeWakeup(), to_ike = *channel::MakeWakeup();
    auto* rings = static_cast<channel::Rings*>(region->data());
    const int fd = dup(region->fd());
    UniqueFd owned(fd);
    channel::DataplaneHello hello = {};
    hello.magic = channel::kHelloMagic;
    hello.geometry = channel::kGeometry;
    hello.epoch = epoch;
    hello.instance = random() % 2 + 1;
    if (random() % 16 == 0) hello.magic ^= 1;
    (void)channel::SendWithFds(socket->get(), {reinterpret_cast<const uint8_t*>(&hello), sizeof hello},
                               {region->fd(), to_dp.get(), to_ike.get()});
    channel::DataplaneEnd end(std::move(*region), UniqueFd(dup(to_dp.get())), UniqueFd(dup(to_ike.get())), epoch);
    std::optional<Vandal> vandal;
    if (random() % 3 == 0) vandal.emplace(rings, random());
    for (int step = 0; step < 200; ++step) {
      channel::Event e = testing::MakeEvent(static_cast<channel::EventType>(1 + random() % 13));
      if (e.type == channel::EventType::kAck) e.txn = 1 + random() % 10;
      if (e.type == channel::EventType::kSoftExpiry || e.type == channel::EventType::kHardExpiry) {
        e.expiry.direction = Direction::kInbound;
        e.expiry.sa_index = static_cast<uint32_t>(random() % kSaIndexLimit);
      }
      if (e.type == channel::EventType::kLink) channel::SetName(e.link.port, "wan");
      if (random() % 32 == 0) reinterpret_cast<uint8_t*>(&e)[random() % sizeof e] ^= static_cast<uint8_t>(1u << random() % 8);
      (void)end.Write(std::span(&e, 1));
      switch (random() % 100) {
        case 0: Jump(rings->command, random); break;
        case 1: Jump(rings->event, random); break;
        case 2: Jump(rings->punt, random); break;
        case 3: Jump(rings->inject, random); break;
        case 4: HurtWakeup(to_ike.get(), random); break;
        case 5: Hole(fd, random); break;
        case 6: (void)!write(socket->get(), "x", 1); break;
        default: {
          const channel::DatagramInfo info{{IpAddress::V4(192, 0, 2, 1), 500, 0}, {IpAddress::V4(192, 0, 2, 2), 500, 0}};
          (void)end.Write(info, Bytes(random() % 5000));
        }
      }
      channel::SignalWakeup(to_ike.get());
      if (random() % 8 == 0) usleep(200);
    }
  }
}

TEST(Hostile, TheDataplaneCannotHurtControl) {
  absl::SetMinLogLevel(absl::LogSeverityAtLeast::kFatal);
  testing::RunDir dir;
  ike::SeededRandom random(3);
  uint64_t told = 0;
  sadb::Sadb sadb({.run_dir = dir.path, .delete_delay = milliseconds(50)}, random, [&](const ike::Event& e) {
    ++told;
    if (const auto* d = std::get_if<ike::DatagramIn>(&e)) { EXPECT_LE(d->data.size(), channel::kMaxDatagram); }
  });
  std::vector<config::Connection> connections(1);
  connections[0].name = "c";
  config::Child child;
  child.name = "net";
  child.local_ts = {{false, testing::Selector("10.1.0.0/16")}};
  child.remote_ts = {{false, testing::Selector("10.2.0.0/16")}};
  connections[0].children.push_back(child);
  sadb.Load(connections);
  const pid_t attacker = fork();
  if (attacker == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    HostileDataplane(dir.path, 2);
  }
  Duration slowest{};
  const Time end = Now() + seconds(60);
  while (Now() < end && Sum(sadb.link_counters().violations) < 150) {
    const Time before = Now();
    sadb.Poll(before);
    sadb.Send({.local = {IpAddress::V4(192, 0, 2, 1), 500, 0}, .remote = {IpAddress::V4(192, 0, 2, 2), 500, 0}, .data = Bytes(500)});
    slowest = std::max(slowest, Now() - before);
    pollfd p = {.fd = sadb.fd(), .events = POLLIN, .revents = 0};
    poll(&p, 1, 1);
  }
  EXPECT_LT(slowest, seconds(5)) << "the loop was blocked";
  kill(attacker, SIGKILL);
  int status = 0;
  waitpid(attacker, &status, 0);
  ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << "the attacker ended early, status " << status;
  EXPECT_GT(Sum(sadb.link_counters().violations), 20u);
  EXPECT_GT(told, 0u);

  testing::FakeDatabase database;
  testing::FakeGateway gateway;
  auto server = dp::ChannelServer::Create({.run_dir = dir.path, .control_uid = getuid()}, database, gateway);
  ASSERT_TRUE(server.ok());
  for (const Time limit = Now() + seconds(20); Now() < limit && !sadb.synced(); usleep(1000)) {
    sadb.Poll(Now());
    (*server)->Poll(Now());
  }
  EXPECT_TRUE(sadb.synced());
  EXPECT_EQ(database.policies.size(), 1u);
  EXPECT_TRUE(database.sas.empty());
}

}  // namespace
}  // namespace culvert
