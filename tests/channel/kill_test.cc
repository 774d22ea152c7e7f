// kill -9 of either end of the channel, at random moments, under load: two processes over a real socket and real memfds, a
// fake core above the control end and fake workers below the dataplane end.
//
//   this process --fork--> dataplane   ChannelServer, FakeDatabase; seals and opens all the time, writes down every number
//                --fork--> control     Sadb; keeps kChildren children up, rekeys them, replaces orphans
//                --kill -9, again and again; each is started anew at once
//
// What must hold, whatever is killed: no (key, IV) twice, outbound numbers never back, no inbound number accepted twice, every
// install answered, and at the end, when the core takes everything down, no SA left.
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <map>
#include <random>
#include <set>

#include "absl/log/globals.h"
#include "control/sadb/sadb.h"
#include "dataplane/main/channel_server.h"
#include "tests/support/fake_dataplane.h"
#include "tests/support/scripted_control.h"
#include "tests/support/seeded_random.h"

namespace culvert {
namespace {

using channel::Direction;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr int kChildren = 8;
constexpr size_t kMaxRuns = 1 << 20, kMaxOpened = 1 << 21, kMaxKeys = 1 << 16;
constexpr uint64_t kPerTurn = 96;              // packets sealed by each SA in a turn of the dataplane

// Shared by the three processes, and outliving each: what was sent, what was accepted. Children are numbered for good here.
struct SealedRun {
  uint64_t child;
  uint64_t generation;
  std::atomic<uint64_t> first, last;           // numbers sealed one after the other
};
struct Opened {
  uint64_t child, sequence;
};
struct Ledger {
  std::atomic<uint64_t> next_child;            // names of children, never reused
  std::atomic<uint64_t> runs, opened;
  std::atomic<uint64_t> live_sas, policies;    // of the dataplane, as of its last turn
  std::atomic<uint32_t> finish, finished;
  std::atomic<uint64_t> installs, rekeys, orphans;
  std::atomic<uint64_t> peer_sequence[kMaxKeys];   // of each child's peer
  SealedRun run[kMaxRuns];
  Opened open[kMaxOpened];
};

Ledger* MakeLedger() {
  void* p = mmap(nullptr, sizeof(Ledger), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return p == MAP_FAILED ? nullptr : static_cast<Ledger*>(p);
}

Time Now() { return std::chrono::steady_clock::now(); }

void Await(int fd, int ms) {
  pollfd p = {.fd = fd, .events = POLLIN, .revents = 0};
  poll(&p, 1, ms);
}

// One turn of the fake workers: seal a run on every outbound SA; offer every inbound SA its peer's next packet and an old one.
void Traffic(testing::FakeDatabase& database, Ledger& ledger, std::mt19937_64& random) {
  for (auto& [key, sa] : database.sas) {
    const uint64_t child = sa.config.child_id;
    if (key.direction == Direction::kOutbound) {
      const uint64_t at = ledger.runs.fetch_add(1);
      if (at >= kMaxRuns) continue;
      SealedRun& run = ledger.run[at];
      run.child = child;
      run.generation = sa.config.iv_generation;
      for (uint64_t i = 0; i < kPerTurn; ++i) {
        const auto sequence = database.Seal(sa);
        if (!sequence) break;
        if (i == 0) run.first.store(*sequence);
        run.last.store(*sequence);
      }
    } else {
      const uint64_t fresh = ++ledger.peer_sequence[child % kMaxKeys];
      for (uint64_t sequence : {1 + random() % fresh, fresh, fresh}) {   // the old one first: nothing has moved the edge yet
        if (!database.Open(sa, sequence)) continue;
        const uint64_t at = ledger.opened.fetch_add(1);
        if (at < kMaxOpened) ledger.open[at] = {child, sequence};
      }
    }
  }
}

[[noreturn]] void RunDataplane(const std::string& run_dir, Ledger& ledger, uint64_t seed) {
  testing::FakeDatabase database;
  testing::FakeGateway gateway;
  std::mt19937_64 random(seed);
  auto server = dp::ChannelServer::Create({.run_dir = run_dir, .control_uid = getuid()}, database, gateway);
  if (!server.ok()) _exit(10);
  for (;;) {
    (*server)->Poll(Now());
    Traffic(database, ledger, random);
    ledger.live_sas = database.sas.size();
    ledger.policies = database.policies.size();
    Await((*server)->fd(), 1);
  }
}

// The core's part: kChildren tunnels to one peer, each with selectors of its own.
class FakeCore {
 public:
  FakeCore(const std::string& run_dir, Ledger& ledger, uint64_t seed)
      : ledger_(ledger), random_(seed),
        sadb_({.run_dir = run_dir, .delete_delay = milliseconds(50)}, random_, [this](ike::Event e) { Handle(e); }) {
    std::vector<config::Connection> connections(1);
    connections[0].name = "c";
    for (int i = 0; i < kChildren; ++i) {
      config::Child child;
      child.name = "net" + std::to_string(i);
      child.local_ts = {{false, Local()}};
      child.remote_ts = {{false, Remote(i)}};
      connections[0].children.push_back(child);
    }
    sadb_.Load(connections);
  }

  // Ends the process: 0 when all was taken down, else by what went wrong.
  [[noreturn]] void Run() {
    for (;;) {
      sadb_.Poll(Now());
      ledger_.orphans = sadb_.orphans().size();
      for (int i = 0; i < kChildren && !taking_down_; ++i) {
        if (!tunnel_[i].current) Start(i);
        else if (!ledger_.finish && random_.Below(200) == 0) Rekey(i);
      }
      if (ledger_.finish) Finish();
      for (const auto& [child, asked] : waiting_) {
        if (Now() - asked > seconds(30)) _exit(20);   // an install was never answered
      }
      Await(sadb_.fd(), 1);
    }
  }

 private:
  struct Tunnel {
    uint64_t current = 0, coming = 0;
  };
  static TrafficSelector Local() { return testing::Selector("10.1.0.0/16"); }
  static TrafficSelector Remote(int i) { return testing::Selector(("10.2." + std::to_string(i) + ".0/24").c_str()); }

  void Start(int i) {
    const uint64_t child = Install(i);
    if (child) tunnel_[i].current = child;
  }
  void Rekey(int i) {
    if (tunnel_[i].coming || waiting_.contains({tunnel_[i].current, true})) return;
    tunnel_[i].coming = Install(i);
    ++ledger_.rekeys;
  }
  uint64_t Install(int i) {
    const Spi spi = sadb_.spis().Draw(static_cast<uint8_t>(random_.Below(256)));
    if (spi == 0) return 0;
    const uint64_t child = 1 + ledger_.next_child.fetch_add(1);
    spi_[child] = spi;
    for (bool inbound : {true, false}) {
      ike::InstallChild sa;
      sa.child = child;
      sa.ike = 1;
      sa.inbound = inbound;
      sa.connection = "c";
      sa.name = "net" + std::to_string(i);
      sa.peer_id = "peer";
      sa.suite = {.encr = EncrId::kAesGcm16, .encr_key_bits = 128, .integ = IntegId::kNone, .esn = true};
      sa.sa.spi = inbound ? spi : 0x80000000 + static_cast<Spi>(child);
      sa.sa.encr_key = SecretBytes(ByteView(Bytes(20, static_cast<uint8_t>(child))));
      sa.local = {IpAddress::V4(192, 0, 2, 1), 0, 0};
      sa.remote = {IpAddress::V4(192, 0, 2, 2), 0, 0};
      sa.local_ts = {Local()};
      sa.remote_ts = {Remote(i)};
      waiting_[{child, inbound}] = Now();
      ++ledger_.installs;
      sadb_.Install(std::move(sa));
    }
    return child;
  }
  void TakeDown(uint64_t child) {
    sadb_.Remove(ike::RemoveChild{child, false, 0});
    sadb_.Remove(ike::RemoveChild{child, true, spi_[child]});
    for (bool inbound : {true, false}) waiting_.erase({child, inbound});
  }
  void Handle(const ike::Event& e) {
    if (const auto* installed = std::get_if<ike::ChildInstalled>(&e)) {
      if (waiting_.erase({installed->child, installed->inbound}) == 0) return;   // taken down meanwhile
      if (installed->status != ike::InstallStatus::kOk) _exit(21);
      if (waiting_.contains({installed->child, !installed->inbound})) return;
      for (Tunnel& t : tunnel_) {
        if (t.coming != installed->child) continue;
        TakeDown(std::exchange(t.current, std::exchange(t.coming, 0)));
      }
    } else if (const auto* soft = std::get_if<ike::ChildSoftExpired>(&e)) {
      for (int i = 0; i < kChildren; ++i) {
        if (tunnel_[i].current == soft->child && !ledger_.finish) Rekey(i);
      }
    } else if (std::holds_alternative<ike::ChildHardExpired>(e)) {
      _exit(22);   // nothing here has a lifetime, and numbers suffice
    }
  }
  bool Starting() const { return std::ranges::any_of(tunnel_, [](const Tunnel& t) { return t.current == 0; }); }
  // Waits until every orphan was replaced, then takes everything down and waits until the dataplane said so.
  void Finish() {
    if (!sadb_.synced()) return;
    if (!taking_down_ && (Starting() || !waiting_.empty() || !sadb_.orphans().empty())) return;
    if (!std::exchange(taking_down_, true)) {
      for (Tunnel& t : tunnel_) {
        for (uint64_t child : {t.current, t.coming}) {
          if (child) TakeDown(child);
        }
        t = {};
      }
    }
    if (sadb_.registry().all().empty() && sadb_.commands_queued() == 0) {
      ledger_.finished = 1;
      _exit(0);
    }
  }

  Ledger& ledger_;
  ike::SeededRandom random_;
  Tunnel tunnel_[kChildren];
  std::map<uint64_t, Spi> spi_;
  std::map<std::pair<uint64_t, bool>, Time> waiting_;
  bool taking_down_ = false;
  sadb::Sadb sadb_;
};

struct Killing {
  bool dataplane, control;
  const char* name;
};

class Kill : public ::testing::TestWithParam<Killing> {
 protected:
  pid_t Fork(bool dataplane) {
    const pid_t pid = fork();
    if (pid != 0) return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    absl::SetMinLogLevel(absl::LogSeverityAtLeast::kFatal);
    const uint64_t seed = ++seed_ * 77777 + static_cast<uint64_t>(getpid());
    if (dataplane) RunDataplane(dir.path, *ledger, seed);
    (new FakeCore(dir.path, *ledger, seed))->Run();
  }
  // -9, and nothing else may have ended it.
  void KillAndReap(pid_t pid) {
    int status = 0;
    kill(pid, SIGKILL);
    ASSERT_EQ(waitpid(pid, &status, 0), pid);
    ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << "ended by itself, status " << WEXITSTATUS(status);
  }
  void CheckSealed() {
    std::map<std::pair<uint64_t, uint64_t>, std::vector<std::pair<uint64_t, uint64_t>>> by_iv_space;
    std::map<uint64_t, uint64_t> last;
    const uint64_t runs = std::min<uint64_t>(ledger->runs, kMaxRuns);
    uint64_t packets = 0, generations = 0;
    for (uint64_t i = 0; i < runs; ++i) {
      const SealedRun& r = ledger->run[i];
      if (r.first == 0) continue;   // killed before its first packet
      // Two dataplanes never run at once, so the order of runs is the order on the wire.
      ASSERT_GT(r.first, last[r.child]) << "child " << r.child << " generation " << r.generation << " went back";
      last[r.child] = r.last;
      by_iv_space[{r.child, r.generation}].push_back({r.first, r.last});
      packets += r.last - r.first + 1;
      generations = std::max(generations, r.generation);
    }
    for (auto& [space, intervals] : by_iv_space) {
      std::ranges::sort(intervals);
      for (size_t i = 1; i < intervals.size(); ++i) {
        ASSERT_GT(intervals[i].first, intervals[i - 1].second) << "an IV twice: child " << space.first << " generation " << space.second;
      }
    }
    EXPECT_GT(packets, 100000u) << "no load to speak of";
    if (GetParam().dataplane) { EXPECT_GT(generations, 0u) << "nothing was ever replayed"; }
    RecordProperty("packets", static_cast<int>(packets));
  }
  void CheckOpened() {
    std::map<uint64_t, uint64_t> last;
    const uint64_t n = std::min<uint64_t>(ledger->opened, kMaxOpened);
    for (uint64_t i = 0; i < n; ++i) {
      const Opened& o = ledger->open[i];
      if (o.sequence == 0) continue;   // killed between taking the entry and filling it in
      ASSERT_GT(o.sequence, last[o.child]) << "an old packet was accepted by child " << o.child;
      last[o.child] = o.sequence;
    }
    EXPECT_GT(n, 1000u);
  }

  testing::RunDir dir;
  Ledger* ledger = MakeLedger();
  uint64_t seed_ = 0;
};

TEST_P(Kill, AtRandomMomentsUnderLoad) {
  ASSERT_NE(ledger, nullptr);
  constexpr int kKills = 100;
  std::mt19937_64 random(GetParam().dataplane * 2 + GetParam().control);
  pid_t dataplane = Fork(true), control = Fork(false);
  int kills[2] = {};
  while ((GetParam().dataplane && kills[0] < kKills) || (GetParam().control && kills[1] < kKills)) {
    // Mostly some time to work in; sometimes the moment after a start, to meet handshakes, dumps and replays half done.
    usleep(static_cast<useconds_t>(random() % 4 ? 20000 + random() % 60000 : random() % 15000));
    const bool victim_is_control = GetParam().control && (!GetParam().dataplane || random() % 2);
    pid_t& victim = victim_is_control ? control : dataplane;
    ASSERT_NO_FATAL_FAILURE(KillAndReap(victim));
    victim = Fork(!victim_is_control);
    ++kills[victim_is_control];
  }
  ledger->finish = 1;
  int status = -1;
  for (int i = 0; i < 6000 && waitpid(control, &status, WNOHANG) == 0; ++i) usleep(10000);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "the core ended with status " << status << ", orphans " << ledger->orphans;
  EXPECT_EQ(ledger->finished, 1u);
  usleep(200000);   // a few turns of the dataplane, which then tells what it has
  EXPECT_EQ(ledger->live_sas, 0u) << "an SA was leaked";
  EXPECT_EQ(ledger->policies, static_cast<uint64_t>(kChildren));
  EXPECT_GT(ledger->installs, 100u);
  KillAndReap(dataplane);
  CheckSealed();
  CheckOpened();
  munmap(ledger, sizeof *ledger);
}

INSTANTIATE_TEST_SUITE_P(EachSide, Kill,
                         ::testing::Values(Killing{true, false, "Dataplane"}, Killing{false, true, "Control"}, Killing{true, true, "Both"}),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace culvert
