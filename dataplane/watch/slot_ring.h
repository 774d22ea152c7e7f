#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "common/base/limits.h"

namespace culvert::dp {

// Slots of a size that is known only when it is made, from one thread to one other, in process: the producer fills one where
// it lies, the consumer reads it there. Slots begin at multiples of eight octets.
class SlotRing {
 public:
  SlotRing(size_t slots, size_t octets)
      : slots_(slots), octets_((octets + 7) / 8 * 8),
        memory_(std::make_unique_for_overwrite<uint64_t[]>(slots * octets_ / 8)) {}

  // Producer. Null: full. What was claimed is handed over by Commit(), or claimed again.
  uint8_t* Claim() {
    uint64_t head = head_.load(std::memory_order_relaxed);
    if (head - tail_.load(std::memory_order_acquire) == slots_) return nullptr;
    return At(head);
  }
  void Commit() { head_.store(head_.load(std::memory_order_relaxed) + 1, std::memory_order_release); }

  // Consumer. Null: empty. Valid until Release().
  const uint8_t* Peek() const {
    uint64_t tail = tail_.load(std::memory_order_relaxed);
    return tail == head_.load(std::memory_order_acquire) ? nullptr : At(tail);
  }
  void Release() { tail_.store(tail_.load(std::memory_order_relaxed) + 1, std::memory_order_release); }

 private:
  uint8_t* At(uint64_t n) const { return reinterpret_cast<uint8_t*>(memory_.get()) + n % slots_ * octets_; }

  const size_t slots_, octets_;
  const std::unique_ptr<uint64_t[]> memory_;
  alignas(kCacheLine) std::atomic<uint64_t> head_{0};
  alignas(kCacheLine) std::atomic<uint64_t> tail_{0};
};

}  // namespace culvert::dp
