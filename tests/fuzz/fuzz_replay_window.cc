// Z18: the replay window against a set of numbers: batches that are tested first and taken later, as bursts are, with and without
// extended sequence numbers, of every size, up to the last number there is; and windows that are made anew in another size, as by
// a rekeying or a restart.
// Input: an octet that says the size of the window, then records: an octet that says what comes, and what it takes.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <set>
#include <vector>

#include "common/bytes/reader.h"
#include "common/ipsec/replay_window.h"

using namespace culvert;

namespace {

constexpr size_t kMostRecords = 2000;

void Require(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "%s\n", what);
  std::abort();
}

// RFC 4303 3.4.3 with no bit in sight.
struct Oracle {
  uint32_t size = 0;
  uint64_t edge = 0, floor = 0;  // all numbers up to `floor` count as seen
  std::set<uint64_t> seen;

  bool Fresh(uint64_t number) const {
    if (number == 0) return false;
    if (size == 0) return true;
    if (number <= floor || (number <= edge && edge - number >= size)) return false;
    return !seen.contains(number);
  }
  bool Take(uint64_t number) {
    if (!Fresh(number)) return false;
    seen.insert(number);
    edge = std::max(edge, number);
    while (seen.size() > 4 * size_t{size} + 64) seen.erase(seen.begin());
    return true;
  }
  // Appendix A2.2: of the numbers with these low bits, the one in the 2^32 from the window's left end on. 0: that is before the
  // first number. The edge is so low that nothing here passes 2^64.
  uint64_t Infer(uint32_t low) const {
    const uint64_t span = size == 0 ? kMinReplayWindow : size, past = edge + 1;  // the left end and the span
    if (low + span >= past + (uint64_t{1} << 32)) return 0;
    for (uint64_t number = low;; number += uint64_t{1} << 32) {
      if (number + span >= past) return number;
      if (past - number > uint64_t{1} << 34) number += (((past - number) >> 32) - 3) << 32;
    }
  }
};

struct Window {
  std::vector<uint64_t> words;
  ReplayWindow w;
  Oracle oracle;

  // `edge` is the last number that counts as seen.
  void Make(uint8_t choice, uint64_t edge) {
    const uint32_t size = choice % 12 == 11 ? 0 : kMinReplayWindow << choice % 12;
    words.assign(ReplayWindow::WordsFor(size), 0xaaaa);
    w.Reset(words.data(), size, edge);
    oracle = {.size = size, .edge = edge, .floor = edge};
  }
  void Test(uint64_t number) {
    Require(w.Check(words.data(), number) == oracle.Fresh(number), "tested otherwise than the set says");
  }
  void Take(uint64_t number) {
    // What was tested a burst ago is tested again by Commit, but for numbers that nobody has.
    if (number == 0) return;
    Require(w.Commit(words.data(), number) == (oracle.size == 0 || oracle.Fresh(number)), "taken otherwise than the set says");
    oracle.Take(number);
    Require(w.edge() == oracle.edge, "another edge");
  }
};

uint64_t NumberOf(const Window& window, Reader& r, uint8_t what) {
  const uint64_t edge = window.oracle.edge, by = r.U16();
  switch (what % 6) {
    case 0: return edge + 1 + by % 4;
    case 1: return edge - std::min(edge, by);
    case 2: return edge + by;
    case 3: return edge + (by << 20);
    case 4: return edge - std::min<uint64_t>(edge, window.oracle.size) + by % 4;
    default: return by;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr uint64_t kEdges[] = {0, 1, 63, 1000, 0xfffffff0, uint64_t{1} << 32, (uint64_t{1} << 48) - 20, ~uint64_t{0} - 70000};
  Reader r({data, size});
  Window window;
  window.Make(r.U8(), 0);
  std::vector<uint64_t> batch;
  for (size_t n = 0; r.remaining() >= 3 && n < kMostRecords; ++n) {
    const uint8_t what = r.U8();
    if (what >= 0xf0) {
      const uint8_t choice = r.U8(), at = r.U8();
      window.Make(choice, at % 9 == 8 ? window.oracle.edge : kEdges[at % 9]);
      batch.clear();
      continue;
    }
    const uint64_t number = NumberOf(window, r, what);
    if (number > ~uint64_t{0} - (uint64_t{1} << 20)) continue;  // far beyond what any SA may use
    const auto low = static_cast<uint32_t>(number);
    if (window.oracle.edge < ~uint64_t{0} - (uint64_t{1} << 33)) {
      Require(window.w.Infer(low) == window.oracle.Infer(low), "another high half than Appendix A2.2's");
    }
    window.Test(number);
    batch.push_back(number);
    if (what & 0x80 || batch.size() == 64) {
      for (uint64_t b : batch) window.Take(b);
      batch.clear();
    }
  }
  return 0;
}
