#pragma once

#include <atomic>
#include <cstdint>
#include <cstring>
#include <span>

#include "common/base/limits.h"
#include "common/bytes/secret.h"

// A single-producer, single-consumer ring of fixed slots between two processes that do not trust each other.
//
// Indices count slots since the ring was made and never wrap in practice (64 bits). Each side keeps its own index in private
// memory and only ever publishes it; of the other side's index it believes only what is possible: it may not go back, and
// may not pass or fall behind the own one by more than the ring holds. Anything else makes the ring `broken` for good.
// The consumer copies a slot before it looks at it, for the producer may change it at any time.
//
// Who writes what:   tail, slots, producer_waits=1: producer     head, consumer_sleeps=1: consumer
//                    producer_waits=0: consumer (it woke the producer)    consumer_sleeps=0: either
// A wiped slot is the one exception: the consumer zeroes a slot that carried keys before it releases it.
namespace culvert::shm {

template <size_t kSize, size_t kCount>
struct Ring {
  static_assert(kCount != 0 && (kCount & (kCount - 1)) == 0, "slot count is a power of two");
  static_assert(kSize % kCacheLine == 0, "slots are whole cache lines");
  static constexpr size_t kSlotSize = kSize, kSlots = kCount;

  alignas(kCacheLine) std::atomic<uint64_t> tail;             // slots published
  alignas(kCacheLine) std::atomic<uint64_t> head;             // slots released
  // Rarely written, so the line stays shared while both sides run.
  alignas(kCacheLine) std::atomic<uint32_t> consumer_sleeps;  // 1: wake the consumer when something is published
  std::atomic<uint32_t> producer_waits;                       // 1: wake the producer when something is released
  alignas(kCacheLine) uint8_t slots[kCount][kSize];
};
static_assert(std::atomic<uint64_t>::is_always_lock_free && std::atomic<uint32_t>::is_always_lock_free);

// Each octet of `from` is read once, whatever the other process does to it meanwhile; both lengths are equal, `from` is
// 8-aligned.
inline void CopyFromShared(std::span<uint8_t> to, const uint8_t* from) {
  auto* words = reinterpret_cast<uint64_t*>(const_cast<uint8_t*>(from));
  size_t at = 0;
  for (; at + 8 <= to.size(); at += 8) {
    const uint64_t v = std::atomic_ref<uint64_t>(words[at / 8]).load(std::memory_order_relaxed);
    std::memcpy(to.data() + at, &v, 8);
  }
  for (; at < to.size(); ++at) {
    to[at] = std::atomic_ref<uint8_t>(const_cast<uint8_t&>(from[at])).load(std::memory_order_relaxed);
  }
}

// The producer's end. One thread. The ring must be fresh (all zero) and outlive this.
template <typename R>
class RingProducer {
 public:
  explicit RingProducer(R* ring) : ring_(ring) {}

  // True where n slots are free. Slots 0..n-1 are then writable by Slot() until Publish().
  [[nodiscard]] bool Reserve(size_t n) { return FreeFrom(std::memory_order_acquire, n); }
  uint8_t* Slot(size_t i) { return ring_->slots[(tail_ + i) % R::kSlots]; }

  // Makes the first n reserved slots visible at once. True where the consumer sleeps and must be woken.
  // The sequentially consistent store and load pair with those of Sleep(): either this sees the consumer's flag, or the
  // consumer sees the new tail.
  [[nodiscard]] bool Publish(size_t n) {
    tail_ += n;
    ring_->tail.store(tail_, std::memory_order_seq_cst);
    return ring_->consumer_sleeps.load(std::memory_order_seq_cst) != 0 &&
           ring_->consumer_sleeps.exchange(0, std::memory_order_seq_cst) != 0;
  }

  // Asks to be woken when slots are released. True where n slots are free already: nobody will wake us then.
  [[nodiscard]] bool WaitForSpace(size_t n) {
    ring_->producer_waits.store(1, std::memory_order_seq_cst);
    if (!FreeFrom(std::memory_order_seq_cst, n)) return false;
    ring_->producer_waits.store(0, std::memory_order_relaxed);
    return true;
  }

  // Slots free at the last look; a lower bound.
  size_t free_hint() const { return R::kSlots - static_cast<size_t>(tail_ - seen_head_); }
  bool broken() const { return broken_; }

 private:
  bool FreeFrom(std::memory_order order, size_t n) {
    if (broken_ || n > R::kSlots) return false;
    if (free_hint() >= n) return true;
    const uint64_t head = ring_->head.load(order);
    if (head - seen_head_ > tail_ - seen_head_) {   // went back, or released what was never published
      broken_ = true;
      return false;
    }
    seen_head_ = head;
    return free_hint() >= n;
  }

  R* ring_;
  uint64_t tail_ = 0;
  uint64_t seen_head_ = 0;
  bool broken_ = false;
};

// The consumer's end. One thread. The ring must be fresh (all zero) and outlive this.
template <typename R>
class RingConsumer {
 public:
  explicit RingConsumer(R* ring) : ring_(ring) {}

  // Published and not yet released. 0 when broken.
  [[nodiscard]] size_t Available() { return Look(std::memory_order_acquire); }

  // Copies `to.size()` octets of the i-th available slot, from its start.
  void Copy(size_t i, std::span<uint8_t> to) const { CopyFromShared(to, ring_->slots[(head_ + i) % R::kSlots]); }
  void Wipe(size_t i) { WipeBytes(ring_->slots[(head_ + i) % R::kSlots]); }

  // Gives the first n available slots back. True where the producer waits for space and must be woken.
  [[nodiscard]] bool Release(size_t n) {
    head_ += n;
    ring_->head.store(head_, std::memory_order_seq_cst);
    return ring_->producer_waits.load(std::memory_order_seq_cst) != 0 &&
           ring_->producer_waits.exchange(0, std::memory_order_seq_cst) != 0;
  }

  // True: there is nothing to read, and the producer will wake us when there is.
  [[nodiscard]] bool Sleep() {
    ring_->consumer_sleeps.store(1, std::memory_order_seq_cst);
    if (Look(std::memory_order_seq_cst) == 0) return true;
    ring_->consumer_sleeps.store(0, std::memory_order_relaxed);
    return false;
  }

  bool broken() const { return broken_; }

 private:
  size_t Look(std::memory_order order) {
    if (broken_) return 0;
    const uint64_t tail = ring_->tail.load(order);
    if (tail - head_ > R::kSlots || tail - head_ < seen_tail_ - head_) {   // jumped, or went back
      broken_ = true;
      return 0;
    }
    seen_tail_ = tail;
    return static_cast<size_t>(tail - head_);
  }

  R* ring_;
  uint64_t head_ = 0;
  uint64_t seen_tail_ = 0;
  bool broken_ = false;
};

}  // namespace culvert::shm
