#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/two_peers.h"

// Both sides act at once: every pair of deeds, in every order their first messages can arrive in (RFC 7296 2.8, 2.25; traps 1
// to 3). Slow messages are overtaken by their own repetitions.
namespace culvert::ike {
namespace {

using namespace std::chrono_literals;

enum class Deed : uint8_t { kRekeyChild, kRekeyIke, kDeleteChild, kDeleteIke, kNewChild };
constexpr const char* kDeedNames[] = {"RekeyChild", "RekeyIke", "DeleteChild", "DeleteIke", "NewChild"};

void Do(SimPeer& who, Deed deed) {
  switch (deed) {
    case Deed::kRekeyChild: who.RekeyChildren("net"); return;
    case Deed::kRekeyIke: who.RekeyIke("gw"); return;
    case Deed::kDeleteChild: who.Down("gw", "net"); return;
    case Deed::kDeleteIke: who.Down("gw"); return;
    case Deed::kNewChild: who.Up("other"); return;
  }
}

struct Pair {
  Deed a, b;
  bool Has(Deed d) const { return a == d || b == d; }
  size_t Count(Deed d) const { return (a == d) + (b == d); }
};

class Crossing : public testing::TestWithParam<Pair> {
 protected:
  // Delays of the first messages, as digits of `order` in base 3; later ones are as the seed has them.
  void Cross(const Pair& pair, uint64_t order, uint64_t seed) {
    constexpr Duration kDelays[] = {5ms, 60ms, 1300ms};
    constexpr uint64_t kFirst = 4;
    TwoPeers p(seed);
    p.AddChild("other", 1);
    p.Establish();
    bool replaced_only = !pair.Has(Deed::kDeleteChild) && !pair.Has(Deed::kDeleteIke);
    if (replaced_only) p.WatchTraffic("net", 7ms);
    SeededRandom random(order * 31 + seed);
    std::vector<size_t> digits;
    for (uint64_t n = 0, rest = order; n < kFirst; ++n, rest /= 3) digits.push_back(rest % 3);
    uint64_t first = p.network.sent;
    p.network.fate = [&](const SimPacket& packet) {
      uint64_t n = packet.number - first;
      return Fate{.arrivals = {kDelays[n < kFirst ? digits[n] : random.Below(3)]}};
    };
    Do(p.a, pair.a);
    Do(p.b, pair.b);
    p.RunFor(20s);
    p.StopTraffic();
    p.network.fate = nullptr;
    p.RunFor(200s);   // a redundant IKE SA whose maker never heard of it is given up after 90 s, and one Delete unanswered

    EXPECT_EQ(p.Disagreement(), "");
    size_t ikes = pair.Has(Deed::kDeleteIke) ? 0 : 1;
    size_t net = ikes && !pair.Has(Deed::kDeleteChild) ? 1 : 0;
    size_t other = ikes ? pair.Count(Deed::kNewChild) : 0;
    EXPECT_EQ(p.a.Established().size(), ikes);
    EXPECT_EQ(p.a.LiveChildren().size(), net + other);
    EXPECT_EQ(p.a.Sends("net") != nullptr, net == 1);
    p.ForBoth([](SimPeer& peer) { EXPECT_FALSE(peer.replies.empty()) << peer.name; });
    if (replaced_only) {
      EXPECT_EQ(p.lost, 0u) << p.first_loss;
    }
    collisions_ += p.a.Counted(Count::kChildCollision) + p.b.Counted(Count::kChildCollision) + p.a.Counted(Count::kIkeCollision) +
                   p.b.Counted(Count::kIkeCollision);
  }

  uint64_t collisions_ = 0;
};

TEST_P(Crossing, EndsInOneStateOnBothSides) {
  for (uint64_t seed : {1, 2}) {
    for (uint64_t order = 0; order < 81; ++order) {
      SCOPED_TRACE("order " + std::to_string(order) + " seed " + std::to_string(seed));
      Cross(GetParam(), order, seed);
      if (HasFailure()) return;
    }
  }
  bool same = GetParam().a == GetParam().b && (GetParam().Has(Deed::kRekeyChild) || GetParam().Has(Deed::kRekeyIke));
  if (same) {
    EXPECT_GT(collisions_, 10u);
  }
}

std::vector<Pair> AllPairs() {
  std::vector<Pair> pairs;
  for (int a = 0; a < 5; ++a) {
    for (int b = 0; b < 5; ++b) pairs.push_back({static_cast<Deed>(a), static_cast<Deed>(b)});
  }
  return pairs;
}

INSTANTIATE_TEST_SUITE_P(Pairs, Crossing, testing::ValuesIn(AllPairs()), [](const auto& row) {
  return std::string(kDeedNames[static_cast<int>(row.param.a)]) + "And" + kDeedNames[static_cast<int>(row.param.b)];
});

}  // namespace
}  // namespace culvert::ike
