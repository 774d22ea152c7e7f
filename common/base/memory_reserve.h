#pragma once

#include <cstddef>

namespace culvert {

// Memory set aside, so that a process hears of running out before it hurts (hostile.md F24): when an allocation fails, a block
// of the reserve goes and the allocation is tried again, so that what has begun is finished. As long as the reserve is not
// whole, nothing new should be begun. When all of it is gone, allocations fail as they would without one. Any thread.
class MemoryReserve {
 public:
  // Fills it and puts it behind operator new. Call once, before any thread starts.
  static void Install();

  // Nothing has failed since the last Refill() that ended well. Cheap: once a packet is not too often.
  static bool Whole();
  // Frees a block; false: none was left. For allocators other than operator new, when they find nothing.
  static bool GiveUpBlock();
  // Sets aside again what has gone, as far as there is memory; true: the reserve is whole.
  static bool Refill();
};

}  // namespace culvert
