#pragma once

#include "common/channel/punt_frame.h"
#include "common/channel/sa_event.h"
#include "common/channel/state_page.h"
#include "common/shm/spsc_ring.h"

// The memory of one connection, fixed at compile time. Nothing about its shape is ever read from it; both ends compare
// kGeometry in HELLO instead.
namespace culvert::channel {

inline constexpr size_t kCommandSlots = 1024, kEventSlots = 2048, kPuntSlots = 1024, kInjectSlots = 1024;

using CommandRing = shm::Ring<kMessageSlot, kCommandSlots>;   // culvert-ike → culvert-dataplane
using EventRing = shm::Ring<kMessageSlot, kEventSlots>;       // culvert-dataplane → culvert-ike
using PuntRing = shm::Ring<kPuntSlot, kPuntSlots>;            // culvert-dataplane → culvert-ike
using InjectRing = shm::Ring<kPuntSlot, kInjectSlots>;        // culvert-ike → culvert-dataplane

struct Rings {
  CommandRing command;
  EventRing event;
  PuntRing punt;
  InjectRing inject;
};

inline constexpr uint32_t kMeaning = 1;   // raised when a field keeps its place but changes its meaning

constexpr uint64_t HashGeometry() {
  uint64_t h = 0xcbf29ce484222325;        // FNV-1a over the numbers below
  for (uint64_t v : {uint64_t{kMeaning}, uint64_t{sizeof(Rings)}, uint64_t{offsetof(Rings, event)},
                     uint64_t{offsetof(Rings, punt)}, uint64_t{offsetof(Rings, inject)}, uint64_t{sizeof(Command)},
                     uint64_t{sizeof(Event)},
                     uint64_t{sizeof(InstallSa)}, uint64_t{offsetof(InstallSa, selectors)}, uint64_t{sizeof(UpdateSa)},
                     uint64_t{sizeof(AddPolicy)}, uint64_t{sizeof(RouteCommand)}, uint64_t{sizeof(Ack)},
                     uint64_t{sizeof(SaInventory)}, uint64_t{sizeof(Expiry)}, uint64_t{sizeof(PuntHead)},
                     uint64_t{sizeof(StatePage)}, uint64_t{kMaxSelectorsPerMessage}}) {
    for (int shift = 0; shift < 64; shift += 8) h = (h ^ (v >> shift & 0xff)) * 0x100000001b3;
  }
  return h;
}
inline constexpr uint64_t kGeometry = HashGeometry();

}  // namespace culvert::channel
