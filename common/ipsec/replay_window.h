#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "common/base/limits.h"

namespace culvert {

// RFC 4303 3.4.3 and Appendix A: which sequence numbers have been seen, over extended (64-bit) numbers. Without ESN the high
// half simply stays 0. The bitmap is a ring of words as in RFC 6479: moving the edge clears whole words and shifts nothing.
// One writer, which alone calls anything but edge().
//
// The words lie in memory of the owner's, right behind whatever holds this struct or elsewhere; WordsFor() of them.
class ReplayWindow {
 public:
  // Twice the window, a power of two, so that a word is never both cleared for the future and still in the window.
  static constexpr uint32_t WordsFor(uint32_t window) { return window == 0 ? 1 : 2 * window / 64; }

  // `window` in packets: 0 (nothing is ever a replay) or a power of two from kMinReplayWindow to kMaxReplayWindow. `edge` is
  // the highest number taken as seen, and with it all of the window below: what a restarted gateway must assume.
  void Reset(uint64_t* words, uint32_t window, uint64_t edge) {
    window_ = window;
    mask_ = WordsFor(window) - 1;
    edge_.store(edge, std::memory_order_relaxed);
    for (uint32_t i = 0; i <= mask_; ++i) words[i] = edge == 0 ? 0 : ~uint64_t{0};
    if (edge != 0 && edge % 64 != 63) words[edge / 64 & mask_] = (uint64_t{2} << edge % 64) - 1;
  }

  // RFC 4303 Appendix A2.2: the whole number a packet with these low 32 bits must carry if it is genuine. 0 stands for none:
  // it would lie before the first packet.
  uint64_t Infer(uint32_t low) const {
    uint64_t edge = edge_.load(std::memory_order_relaxed);
    auto edge_low = static_cast<uint32_t>(edge);
    auto high = edge >> 32;
    uint32_t span = window_ == 0 ? kMinReplayWindow : window_;
    uint32_t bottom = edge_low - span + 1;
    if (edge_low >= span - 1) {
      if (low < bottom) ++high;            // the window lies within one high half: what is below it is the next
    } else if (low >= bottom) {
      if (high == 0) return 0;             // the window reaches back into the half before the first
      --high;
    }
    return high << 32 | low;
  }

  // Asks for the word that Commit will want, which is far away where SAs are many.
  void Prefetch(const uint64_t* words, uint64_t seq) const { __builtin_prefetch(&words[seq / 64 & mask_], 1); }

  // Whether the number may still be accepted. Before the ICV: cheap rejection; the answer that counts is Commit's.
  bool Check(const uint64_t* words, uint64_t seq) const {
    uint64_t edge = edge_.load(std::memory_order_relaxed);
    if (seq > edge) return true;
    if (window_ == 0) return seq != 0;
    if (seq == 0 || edge - seq >= window_) return false;
    return (words[seq / 64 & mask_] >> seq % 64 & 1) == 0;
  }

  // RFC 4303 3.4.3: only after the ICV. False where the number was taken meanwhile (twice in one burst) or fell out.
  bool Commit(uint64_t* words, uint64_t seq) {
    uint64_t edge = edge_.load(std::memory_order_relaxed);
    uint64_t& word = words[seq / 64 & mask_];
    if (seq > edge) {
      uint64_t steps = seq / 64 - edge / 64;
      if (steps > mask_ + 1) steps = mask_ + 1;
      for (uint64_t i = 1; i <= steps; ++i) words[(edge / 64 + i) & mask_] = 0;
      word |= uint64_t{1} << seq % 64;
      edge_.store(seq, std::memory_order_relaxed);
      return true;
    }
    if (window_ == 0) return true;
    uint64_t bit = uint64_t{1} << seq % 64;
    if (edge - seq >= window_ || (word & bit) != 0) return false;
    word |= bit;
    return true;
  }

  uint64_t edge() const { return edge_.load(std::memory_order_relaxed); }  // any thread
  uint32_t window() const { return window_; }

 private:
  std::atomic<uint64_t> edge_{0};  // highest number accepted
  uint32_t window_ = 0;            // packets
  uint32_t mask_ = 0;              // words - 1
};
static_assert(sizeof(ReplayWindow) == 16);

}  // namespace culvert
