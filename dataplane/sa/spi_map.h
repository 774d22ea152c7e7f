#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "common/base/limits.h"
#include "common/ipsec/spi.h"

namespace culvert::dp {

// Where SAs stand in the table whose SPIs do not say so. Main adds, workers look up at any time; nothing is ever taken out.
// Open addressing with room to spare, so that a look-up ends soon.
class SpiMap {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;

  // kNone: no such SPI.
  uint32_t Find(Spi spi) const {
    if (count_.load(std::memory_order_relaxed) == 0) return kNone;
    for (size_t at = First(spi);; at = (at + 1) & (kSlots - 1)) {
      uint64_t entry = slots_[at].load(std::memory_order_acquire);
      if (entry == 0) return kNone;
      if (static_cast<Spi>(entry >> 32) == spi) return static_cast<uint32_t>(entry);
    }
  }

  // Main. At most kMaxManualSas, each SPI once and from kFirstSpi on.
  void Add(Spi spi, uint32_t index) {
    size_t at = First(spi);
    while (slots_[at].load(std::memory_order_relaxed) != 0) at = (at + 1) & (kSlots - 1);
    slots_[at].store(uint64_t{spi} << 32 | index, std::memory_order_release);
    count_.store(count_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  }

  uint32_t size() const { return count_.load(std::memory_order_relaxed); }

 private:
  static constexpr size_t kSlots = 2 * kMaxManualSas;
  static_assert(std::has_single_bit(kSlots));
  static size_t First(Spi spi) { return (spi * 0x9e3779b1u >> 7) & (kSlots - 1); }

  std::atomic<uint32_t> count_{0};
  std::atomic<uint64_t> slots_[kSlots] = {};  // SPI and index; 0: free
};

}  // namespace culvert::dp
