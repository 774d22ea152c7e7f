#include <gtest/gtest.h>

#include <map>
#include <random>
#include <thread>

#include "tests/dataplane/stage/lend_device.h"
#include "tests/support/reference_transport.h"
#include "tests/support/tunnel_rig.h"

// SAs that change their worker while packets are everywhere.
namespace culvert::testing {
namespace {

using channel::Direction;
using test::MakeUdp;

constexpr unsigned kWorkers = 4;
constexpr uint16_t kWan = GatewayRig::kWan, kLan = GatewayRig::kLan;
constexpr uint32_t kPlace = 1;  // no SA is there

// What an SA is; some are lent to a crypto device, packet by packet or as a whole.
struct Shape : TunnelKind {
  std::optional<Device::Ipsec> device = std::nullopt;
};
constexpr Shape kLent{{"Lent", false, false, false}, Device::Ipsec::kNo};
constexpr Shape kWhole{{"LentWhole", true, false, false}, Device::Ipsec::kSoftware};
std::vector<Shape> Shapes() {
  std::vector<Shape> all(std::begin(kTunnelKinds), std::end(kTunnelKinds));
  all.insert(all.end(), {kLent, kWhole});
  return all;
}

// wan is received by worker 0, lan by worker 1; two have no port.
class Move : public ::testing::TestWithParam<Shape> {
 protected:
  explicit Move(dp::EspWorker::Options esp = {})
      : device_(GetParam().device
                    ? std::make_unique<Device>("crypto_aesni_gcm", 64, kWorkers, *GetParam().device)
                    : nullptr),
        rig_({.v6 = GetParam().v6, .workers = kWorkers, .esp = esp, .engines = device_ ? device_->get() : nullptr}) {
    if (device_) rig_.sa().suite.esn = false;
    rig_.Install(GetParam());
    for (auto d : {Direction::kInbound, Direction::kOutbound}) {
      using enum offload::Engine;
      EXPECT_EQ(rig_.engine(d).engine, !device_ ? kCpu : GetParam().device == Device::Ipsec::kNo ? kLookaside : kLookasideProtocol);
    }
  }

  dp::WorkerDatabase& database() { return rig_.ipsec().database(); }
  GatewayRig& rig() { return rig_.rig(); }
  bool Pass(unsigned worker) { return rig().gateway().worker(worker).Pass(); }
  void Poll() {
    database().Poll([](const channel::Event&) {});
  }
  bool MoveTo(uint32_t worker) { return database().Move(rig_.sa().sa_index, worker); }
  // Workers of the two directions.
  std::map<Direction, uint32_t> Owners() {
    std::map<Direction, uint32_t> owners;
    database().Inventory([&](const channel::SaInventory& sa, const SelectorList&, const SelectorList&, const dp::SaEngine&) {
      owners[sa.direction] = sa.worker;
    });
    return owners;
  }
  bool IsAt(uint32_t worker) {
    auto owners = Owners();
    return owners[Direction::kInbound] == worker && owners[Direction::kOutbound] == worker;
  }

  // Packets carry their number as the UDP source port.
  void FeedLan(uint16_t number) {
    Bytes ip = MakeUdp(rig_.alice(false), rig_.bob(false), number, 1000, 80);
    rig().Feed(kLan, Ethernet(rig().port(kLan).mac, Mac(2), 0x0800, ip));
  }
  void FeedWan(uint16_t number) {
    Bytes ip = rig_.Seal(MakeUdp(rig_.bob(false), rig_.alice(false), number, 1000, 80));
    rig().Feed(kWan, Ethernet(rig().port(kWan).mac, Mac(9), GetParam().v6 ? 0x86dd : 0x0800, ip));
  }
  void TakeSent() {
    for (const Bytes& f : rig().Sent(kWan)) {
      auto opened = rig_.Open(ByteView(f).subspan(14));
      ASSERT_GE(opened.inner.size(), 22u);
      sealed_.push_back(NumberOf(opened.inner));
      sequences_.push_back(opened.sequence);
    }
    for (const Bytes& f : rig().Sent(kLan)) opened_.push_back(NumberOf(ByteView(f).subspan(14)));
  }
  static uint16_t NumberOf(ByteView ip) { return static_cast<uint16_t>(ip[20] << 8 | ip[21]); }
  static std::vector<uint16_t> UpTo(uint16_t n) {
    std::vector<uint16_t> all;
    for (uint16_t i = 1; i <= n; ++i) all.push_back(i);
    return all;
  }

  std::unique_ptr<Device> device_;
  TunnelRig rig_;
  std::vector<uint16_t> sealed_, opened_;  // as they left
  std::vector<uint64_t> sequences_;
};

TEST_P(Move, LosesNothingAndKeepsTheOrder) {
  for (uint32_t seed = 1; seed <= 30; ++seed) {
    std::mt19937 random(seed);
    auto below = [&random](unsigned n) { return std::uniform_int_distribution<unsigned>(0, n - 1)(random); };
    sealed_.clear();
    opened_.clear();
    uint16_t number = 0;
    unsigned moves = 0;
    for (int step = 0; step < 4000; ++step) {
      switch (below(10)) {
        case 0:
        case 1:
          if (number - std::min(sealed_.size(), opened_.size()) < 600) {  // no ring is ever full
            ++number;
            FeedLan(number);
            FeedWan(number);
          }
          break;
        case 2: moves += MoveTo(below(kWorkers)); break;
        case 3: Poll(); break;
        case 4: TakeSent(); break;
        // One worker may be ahead of another by many passes.
        default: {
          unsigned w = below(kWorkers);
          for (unsigned i = 1 + below(6); i > 0; --i) Pass(w);
        }
      }
    }
    rig_.Settle();
    TakeSent();
    EXPECT_EQ(sealed_, UpTo(number)) << "seed " << seed;
    EXPECT_EQ(opened_, UpTo(number)) << "seed " << seed;
    EXPECT_GT(number, 500);
    EXPECT_GT(moves, 20u);
    EXPECT_EQ(rig().all_drops(), 0u) << "seed " << seed;
    EXPECT_TRUE(rig().Balanced());
  }
  EXPECT_TRUE(std::ranges::is_sorted(sequences_, std::ranges::less_equal())) << "a number came twice";
}

TEST_P(Move, IsToldOnceDone) {
  const uint32_t from = Owners()[Direction::kInbound], to = (from + 2) % kWorkers;
  EXPECT_TRUE(MoveTo(to));
  EXPECT_TRUE(IsAt(from));
  rig_.Settle();
  EXPECT_TRUE(IsAt(to));
  auto uses = database().SasByWorker();
  EXPECT_EQ(uses[from].sas, 0u);
  EXPECT_EQ(uses[from].given, 2u);
  EXPECT_EQ(uses[to].sas, 2u);
  EXPECT_EQ(uses[to].got, 2u);
  EXPECT_FALSE(MoveTo(to)) << "it is there";
  EXPECT_FALSE(MoveTo(kWorkers));
  EXPECT_FALSE(database().Move(rig_.sa().sa_index + kPlace, 0));
}

// What main wants of an SA meanwhile waits until it has arrived.
TEST_P(Move, LetsOrdersWait) {
  const uint32_t to = (Owners()[Direction::kInbound] + 1) % kWorkers;
  ASSERT_TRUE(MoveTo(to));
  std::vector<channel::Status> answers;
  for (Direction d : {Direction::kInbound, Direction::kOutbound}) {
    channel::UpdateSa u{};
    u.spi = rig_.sa().spi;
    u.sa_index = rig_.sa().sa_index;
    u.direction = d;
    u.set_lifetime = 1;
    u.lifetime.hard_packets = 3;
    database().Update(u, [&](const channel::Ack& a) {
      answers.push_back(a.status);
      EXPECT_EQ(a.worker, to);
    });
  }
  rig_.Settle();
  EXPECT_EQ(answers, std::vector(2, channel::Status::kOk));
  for (uint16_t i = 1; i <= 5; ++i) {
    FeedLan(i);
    FeedWan(i);
    rig_.Settle();
  }
  TakeSent();
  EXPECT_EQ(sealed_, UpTo(3)) << "its new worker knows the limit";
  EXPECT_EQ(opened_, UpTo(3));
  EXPECT_EQ(rig().drops(Drop::kExpired), 4u);
}

TEST_P(Move, IsFollowedByRemoval) {
  ASSERT_TRUE(MoveTo((Owners()[Direction::kInbound] + 1) % kWorkers));
  for (uint16_t i = 1; i <= 5; ++i) FeedWan(i);
  rig_.Remove(rig_.sa(), Direction::kInbound);
  rig_.Remove(rig_.sa(), Direction::kOutbound);
  EXPECT_EQ(database().sas(), 0u);
  EXPECT_EQ(rig().balance().held, 0u);
  EXPECT_TRUE(rig().Balanced());
}

// A worker that does not get on holds the move up. What is kept then has a bound, and goes on once it does.
TEST_P(Move, KeepsOnlySoMuch) {
  const uint32_t from = Owners()[Direction::kInbound], to = from == 2 ? 3 : 2, stuck = from == 3 ? 1 : 5 - to;
  ASSERT_NE(from, stuck);
  ASSERT_TRUE(MoveTo(to));
  constexpr uint16_t kMany = 1000;
  for (uint16_t i = 1; i <= kMany; ++i) {
    FeedWan(i);
    for (unsigned w = 0; w < kWorkers; ++w) {
      if (w != stuck) Pass(w);
    }
  }
  Pass(to);
  EXPECT_EQ(rig().drops(Drop::kHandoverFull), kMany - dp::SaMove::kMostKept);
  EXPECT_EQ(rig().balance().held, dp::SaMove::kMostKept);
  rig_.Settle();
  EXPECT_TRUE(IsAt(to));
  TakeSent();
  EXPECT_EQ(opened_, UpTo(dp::SaMove::kMostKept));
  FeedWan(kMany + 1);
  rig_.Settle();
  TakeSent();
  EXPECT_EQ(opened_.back(), kMany + 1);
}

TEST_P(Move, EndsWithTheProcess) {
  ASSERT_TRUE(MoveTo((Owners()[Direction::kInbound] + 1) % kWorkers));
  const uint32_t stuck = (Owners()[Direction::kInbound] + 2) % kWorkers;
  for (uint16_t i = 1; i <= 5; ++i) FeedWan(i);
  for (int i = 0; i < 5; ++i) {
    for (unsigned w = 0; w < kWorkers; ++w) {
      if (w != stuck) Pass(w);
    }
  }
  EXPECT_EQ(rig().balance().held, 5u);
}

// The same with a thread for each worker.
class MoveInThreads : public Move {};

TEST_P(MoveInThreads, LosesNothingAndKeepsTheOrder) {
  constexpr uint16_t kPackets = 20000;
  std::vector<std::thread> threads;
  for (unsigned w = 0; w < kWorkers; ++w) threads.emplace_back([&, w] { rig().gateway().worker(w).Run(); });
  uint16_t number = 0;
  uint32_t to = 0;
  unsigned moves = 0;
  while (std::min(sealed_.size(), opened_.size()) < kPackets && rig().all_drops() == 0) {
    for (int i = 0; i < 16 && number < kPackets && number - std::min(sealed_.size(), opened_.size()) < 400; ++i) {
      ++number;
      FeedLan(number);
      FeedWan(number);
    }
    moves += MoveTo(to++ % kWorkers);
    Poll();
    TakeSent();
    std::this_thread::yield();
  }
  for (unsigned w = 0; w < kWorkers; ++w) rig().gateway().worker(w).Stop();
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(sealed_, UpTo(kPackets));
  EXPECT_EQ(opened_, UpTo(kPackets));
  EXPECT_GT(moves, 50u);
  EXPECT_EQ(rig().all_drops(), 0u);
}

// Four SAs on worker 0, which is busy; what they carry says which of them go.
TEST_P(Move, IsByLoad) {
  std::vector<test::SaSpec> sas = {rig_.sa()};
  for (uint32_t i = 1; i < 4; ++i) {
    test::SaSpec s = rig_.sa();
    s.sa_index += i;
    s.spi += i;
    rig_.Install(s, Direction::kInbound);
    sas.push_back(s);
  }
  for (const test::SaSpec& s : sas) database().Move(s.sa_index, 0);
  rig_.Settle();
  ASSERT_EQ(database().SasByWorker()[0].sas, 5u);
  uint64_t sequence = 1;
  auto carry = [&](std::initializer_list<int> packets) {
    auto s = sas.begin();
    for (int n : packets) {
      for (int i = 0; i < n; ++i) {
        test::SealChoices c;
        c.sequence = sequence++;
        c.iv.assign(rig_.sa().ah() ? 0 : 8, static_cast<uint8_t>(sequence));
        rig_.FromPeer(ReferenceSealAny(s->Inbound(), MakeUdp(rig_.bob(false), rig_.alice(false), 1, 1, 80), c));
      }
      ++s;
    }
  };
  database().Balance({1.0, 0.0, 0.5, 0.5});
  carry({40, 10, 10, 0});
  database().Balance({1.0, 0.9, 0.9, 0.9});
  rig_.Settle();
  EXPECT_EQ(database().SasByWorker()[0].sas, 5u) << "it evens out only what is uneven";
  database().Balance({1.0, 0.0, 0.5, 0.5});
  carry({40, 10, 10, 0});
  database().Balance({1.0, 0.0, 0.5, 0.5});
  rig_.Settle();
  const auto now = database().SasByWorker();
  EXPECT_EQ(now[0].sas, 3u) << "that with the most, in both directions, and that without any";
  EXPECT_EQ(now[1].sas, 2u);
  carry({2, 2, 2, 2});
  EXPECT_EQ(rig().all_drops(), 0u);
}

// One SA that is all of its worker's work stays, and is looked at ever more seldom; once another one works there, it may go.
TEST_P(Move, IsNotLookedForEverySecond) {
  test::SaSpec other = rig_.sa();
  ++other.sa_index;
  ++other.spi;
  rig_.Install(other, Direction::kInbound);
  for (uint32_t i : {0u, 1u}) database().Move(rig_.sa().sa_index + i, 0);
  rig_.Settle();
  uint16_t number = 0;
  uint64_t sequence = 1;
  auto second = [&](bool both) {
    FeedWan(++number);
    if (both) {
      test::SealChoices c;
      c.sequence = sequence++;
      c.iv.assign(rig_.sa().ah() ? 0 : 8, static_cast<uint8_t>(sequence));
      rig_.FromPeer(ReferenceSealAny(other.Inbound(), MakeUdp(rig_.bob(false), rig_.alice(false), 1, 1, 80), c));
    }
    rig_.Settle();
    database().Balance({1.0, 0.0, 0.0, 0.0});
    rig_.Settle();
    TakeSent();
    return database().SasByWorker()[0].sas;
  };
  for (int i = 0; i < 200; ++i) ASSERT_EQ(second(false), 3u);
  int seconds = 0;
  while (second(true) == 3 && seconds < 200) ++seconds;
  EXPECT_LE(seconds, 60);
  EXPECT_GE(seconds, 1) << "it looked every time";
}

INSTANTIATE_TEST_SUITE_P(Shapes, MoveInThreads, ::testing::Values(Shape{kTunnelKinds[0]}, Shape{kTunnelKinds[3]}, kWhole),
                         [](const auto& i) { return std::string(i.param.name); });
INSTANTIATE_TEST_SUITE_P(Shapes, Move, ::testing::ValuesIn(Shapes()), [](const auto& i) { return std::string(i.param.name); });

}  // namespace
}  // namespace culvert::testing
