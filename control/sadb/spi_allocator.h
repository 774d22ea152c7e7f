#pragma once

#include <deque>
#include <unordered_map>

#include "common/base/time.h"
#include "control/ike/action.h"
#include "control/ike/crypto/random.h"

namespace culvert::sadb {

// Owns the slots of our inbound SPIs (common/ipsec/spi.h), one per Child SA whichever direction. Loop thread only.
//
//   free --Draw--> drawn --Install--> installed --Retire--> resting --rest over--> free
//                    \--Release--> free           (an orphan of the inventory: Adopt--> installed)
class SpiAllocator final : public ike::SpiAllocator {
 public:
  // `rest`: how long a slot stays unused after its removal was acknowledged; twice the delete delay, so that what is still
  // under way for the old SA cannot meet a new one.
  SpiAllocator(ike::Random& random, Duration rest) : random_(random), rest_(rest) {}

  // 0 where the bucket has no free slot, where kMaxChildSas are in use, and before Ready(): until the first inventory is
  // known, any slot may belong to an SA that outlived an earlier control process. The random bits differ from those the
  // slot had last, so a stale SPI always misses.
  uint32_t Draw(uint8_t bucket) override;
  // Of an SPI that was drawn and not installed; of any other: nothing.
  void Release(uint32_t spi) override;

  void Ready() { ready_ = true; }
  void Adopt(uint32_t sa_index, Spi spi); // an SA found in the inventory; spi 0: its inbound half is gone
  bool Install(uint32_t spi);             // false where it was not drawn here
  void Retire(uint32_t sa_index, Time now);
  void Advance(Time now);                 // ends rests that are over

  size_t in_use() const { return in_use_; }   // drawn, installed and resting

 private:
  enum class State : uint8_t { kFree, kDrawn, kInstalled, kResting };
  struct Slot {
    State state = State::kFree;
    Spi spi = 0;                          // the present or last one
  };
  void Free(Slot& slot);

  ike::Random& random_;
  const Duration rest_;
  bool ready_ = false;
  size_t in_use_ = 0;
  std::unordered_map<uint32_t, Slot> slots_;            // by sa_index; every slot ever used
  std::deque<std::pair<Time, uint32_t>> resting_;        // in order of time
};

}  // namespace culvert::sadb
