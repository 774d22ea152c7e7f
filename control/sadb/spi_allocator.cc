#include "control/sadb/spi_allocator.h"

namespace culvert::sadb {

uint32_t SpiAllocator::Draw(uint8_t bucket) {
  if (!ready_ || in_use_ >= kMaxChildSas) return 0;
  const uint64_t random = random_.U64();
  uint32_t bits = static_cast<uint32_t>(random >> 32) & ((1u << kSpiRandomBits) - 1);
  for (uint32_t step = 0; step < kSlotsPerBucket; ++step) {
    const uint32_t at = (static_cast<uint32_t>(random) + step) & (kSlotsPerBucket - 1);
    Slot& slot = slots_[SaIndex(MakeSpi(bucket, 0, at))];
    if (slot.state != State::kFree) continue;
    Spi spi = MakeSpi(bucket, bits, at);
    // RFC 4303 2.1: 1 to 255 are reserved, 0 is never sent.
    if (spi == slot.spi || spi < 256) spi = MakeSpi(bucket, bits + 1, at);
    if (spi == slot.spi || spi < 256) spi = MakeSpi(bucket, bits + 2, at);
    slot = {State::kDrawn, spi};
    ++in_use_;
    return spi;
  }
  return 0;
}

void SpiAllocator::Free(Slot& slot) {
  slot.state = State::kFree;
  --in_use_;
}

void SpiAllocator::Release(uint32_t spi) {
  auto it = slots_.find(SaIndex(spi));
  if (it != slots_.end() && it->second.spi == spi && it->second.state == State::kDrawn) Free(it->second);
}

void SpiAllocator::Adopt(uint32_t sa_index, Spi spi) {
  Slot& slot = slots_[sa_index];
  if (slot.state == State::kFree) ++in_use_;
  slot.state = State::kInstalled;
  if (spi) slot.spi = spi;
}

bool SpiAllocator::Install(uint32_t spi) {
  auto it = slots_.find(SaIndex(spi));
  if (it == slots_.end() || it->second.spi != spi || it->second.state != State::kDrawn) return false;
  it->second.state = State::kInstalled;
  return true;
}

void SpiAllocator::Retire(uint32_t sa_index, Time now) {
  auto it = slots_.find(sa_index);
  if (it == slots_.end() || it->second.state == State::kFree || it->second.state == State::kResting) return;
  it->second.state = State::kResting;
  resting_.emplace_back(now + rest_, sa_index);
}

void SpiAllocator::Advance(Time now) {
  for (; !resting_.empty() && resting_.front().first <= now; resting_.pop_front()) {
    Slot& slot = slots_.at(resting_.front().second);
    if (slot.state == State::kResting) Free(slot);
  }
}

}  // namespace culvert::sadb
