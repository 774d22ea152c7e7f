#include "common/ipsec/replay_window.h"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <vector>

namespace culvert {
namespace {

struct Window {
  explicit Window(uint32_t size, uint64_t edge = 0) : words(ReplayWindow::WordsFor(size)) { w.Reset(words.data(), size, edge); }
  bool Accept(uint64_t seq) { return w.Check(words.data(), seq) && w.Commit(words.data(), seq); }
  std::vector<uint64_t> words;
  ReplayWindow w;
};

// The window as RFC 4303 3.4.3 says it, with no bit in sight.
struct Oracle {
  uint32_t size;
  uint64_t edge = 0;
  std::set<uint64_t> seen;
  bool Accept(uint64_t seq) {
    if (seq == 0 || (seq <= edge && edge - seq >= size) || seen.contains(seq)) return false;
    seen.insert(seq);
    edge = std::max(edge, seq);
    while (!seen.empty() && edge - *seen.begin() >= 2 * uint64_t{size}) seen.erase(seen.begin());
    return true;
  }
};

struct Step {
  uint64_t seq;
  bool accepted;
};

TEST(ReplayWindow, Edges) {
  constexpr uint64_t kW = 64;
  constexpr Step kSteps[] = {
      {0, false}, {1, true}, {1, false}, {kW, true}, {2, true}, {kW + 1, true}, {1, false}, {kW + 1, false},
      {2 * kW + 1, true}, {kW + 1, false}, {kW + 2, true}, {kW + 2, false}, {10 * kW, true}, {9 * kW, false}, {9 * kW + 1, true},
      {1u << 20, true}, {(1u << 20) - kW, false}, {(1u << 20) - kW + 1, true}, {(1u << 20) + 127, true}, {(1u << 20) + 64, true},
      {(1u << 20) + 63, false}, {UINT64_MAX, true}, {UINT64_MAX, false}, {UINT64_MAX - kW + 1, true}, {UINT64_MAX - kW, false},
  };
  Window w(kW);
  for (const Step& s : kSteps) EXPECT_EQ(w.Accept(s.seq), s.accepted) << s.seq;
}

TEST(ReplayWindow, DuplicateThatPassedTheFirstCheckIsRefusedByCommit) {
  Window w(64);
  ASSERT_TRUE(w.w.Check(w.words.data(), 5));
  ASSERT_TRUE(w.w.Check(w.words.data(), 5));
  EXPECT_TRUE(w.w.Commit(w.words.data(), 5));
  EXPECT_FALSE(w.w.Commit(w.words.data(), 5));
  // And one that fell out of the window while its burst was being opened.
  ASSERT_TRUE(w.w.Check(w.words.data(), 6));
  EXPECT_TRUE(w.w.Commit(w.words.data(), 6 + 64));
  EXPECT_FALSE(w.w.Commit(w.words.data(), 6));
}

TEST(ReplayWindow, StartsFullAtARestartsEdge) {
  for (uint32_t size : {64u, 1024u, 65536u}) {
    for (uint64_t edge : {uint64_t{1}, uint64_t{63}, uint64_t{64}, uint64_t{1000}, uint64_t{1} << 33}) {
      Window w(size, edge);
      for (uint64_t seq = edge > 2 * size ? edge - 2 * size : 0; seq <= edge; ++seq) EXPECT_FALSE(w.Accept(seq)) << edge << " " << seq;
      for (uint64_t seq = edge + 2 * size; seq > edge + size; --seq) EXPECT_TRUE(w.Accept(seq)) << edge << " " << seq;
      EXPECT_FALSE(w.Accept(edge + size));  // just out of the moved window
    }
  }
}

TEST(ReplayWindow, ZeroTakesEverythingButNothing) {
  Window w(0);
  EXPECT_TRUE(w.Accept(7));
  EXPECT_TRUE(w.Accept(7));
  EXPECT_TRUE(w.Accept(1));
  EXPECT_FALSE(w.Accept(0));
}

TEST(ReplayWindow, AgreesWithTheSetOracle) {
  std::mt19937_64 rng(7);
  for (uint32_t size = kMinReplayWindow; size <= kMaxReplayWindow; size *= 2) {
    Window w(size);
    Oracle oracle{size, 0, {}};
    for (int i = 0; i < 40000; ++i) {
      uint64_t at = oracle.edge;
      uint64_t seq = at;
      switch (rng() % 8) {
        case 0: case 1: case 2: seq = at + 1; break;
        case 3: seq = at + rng() % (3 * uint64_t{size}); break;
        case 4: seq = at + (rng() % 64 == 0 ? rng() % (uint64_t{1} << 33) : 1 + rng() % 70); break;
        default: seq = at - std::min(at, rng() % (2 * uint64_t{size})); break;
      }
      ASSERT_EQ(w.w.Check(w.words.data(), seq), Oracle(oracle).Accept(seq)) << size << " " << seq << " edge " << at;
      ASSERT_EQ(w.Accept(seq), oracle.Accept(seq)) << size << " " << seq << " edge " << at;
      ASSERT_EQ(w.w.edge(), oracle.edge);
      if (oracle.seen.size() > 512 && size > 4096) oracle.seen.clear(), w.w.Reset(w.words.data(), size, 0), oracle.edge = 0;
    }
  }
}

// The definition behind Appendix A2.2: the only number with these low bits that lies in the 2^32 from the window's left edge.
uint64_t InferSlowly(uint64_t edge, uint32_t window, uint32_t low) {
  int64_t left = static_cast<int64_t>(edge) - window + 1;
  for (int64_t high = static_cast<int64_t>(edge >> 32) - 1;; ++high) {
    int64_t seq = high * (int64_t{1} << 32) + low;
    if (seq >= left) return seq < 0 ? 0 : static_cast<uint64_t>(seq);
  }
}

TEST(ReplayWindow, InfersTheHighHalf) {
  std::mt19937_64 rng(8);
  constexpr uint64_t k32 = uint64_t{1} << 32;
  for (uint32_t size : {64u, 1024u, 65536u}) {
    for (uint64_t edge : {uint64_t{0}, uint64_t{1}, uint64_t{size}, uint64_t{size} - 1, uint64_t{size} - 2, k32 - 1, k32, k32 + 1,
                          k32 + size - 2, k32 + size - 1, k32 + size, 5 * k32 + 12345, 7 * k32 - 1}) {
      Window w(size, edge);
      for (int i = 0; i < 2000; ++i) {
        auto near = static_cast<uint32_t>(edge + rng() % (4 * uint64_t{size}) - 2 * uint64_t{size});
        auto low = i % 2 ? near : static_cast<uint32_t>(rng());
        ASSERT_EQ(w.w.Infer(low), InferSlowly(edge, size, low)) << size << " " << edge << " " << low;
      }
    }
  }
}

}  // namespace
}  // namespace culvert
