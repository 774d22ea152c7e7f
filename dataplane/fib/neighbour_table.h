#pragma once

#include <rte_ether.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include "common/base/limits.h"
#include "common/net/ip_address.h"

namespace culvert::dp {

// Names one neighbour: its slot in the low 13 bits, and above them the generation of the slot's use, so that a handle kept
// in an SA or a ring after its neighbour went finds nothing rather than another neighbour. 0 names none.
using NextHop = uint32_t;

// The part of the neighbour table that workers read. Main (dataplane/main/neighbours.h) alone adds, changes and removes.
class NeighbourTable {
 public:
  static constexpr unsigned kSlotBits = 13;
  static constexpr uint32_t kCapacity = 1u << kSlotBits;  // entries; slot 0 is never used
  static constexpr uint32_t kGenerations = 1u << 15;

  struct alignas(kCacheLine) Entry {
    // | generation 15 | usable 1 | MAC 48, first octet lowest |. One word, so that a reader never sees half of a change.
    std::atomic<uint64_t> link{0};
    std::atomic<uint32_t> used{0};  // a worker's last transmit to it, in NeighbourTable::Stamp units; racing writers agree
    std::atomic<uint32_t> next{0};  // of the hash chain
    IpAddress address;
    uint16_t port = 0;
  };
  static constexpr uint64_t kUsable = uint64_t{1} << 48;

  NeighbourTable();

  // 0 where there is none. Any thread; workers within a pass.
  NextHop Find(uint16_t port, uint8_t family, const uint8_t* address) const {
    uint32_t i = heads_[Bucket(port, family, address)].load(std::memory_order_acquire);
    for (; i != 0; i = entries_[i].next.load(std::memory_order_acquire)) {
      const Entry& e = entries_[i];
      if (e.port == port && static_cast<uint8_t>(e.address.family) == family &&
          std::equal(address, address + e.address.size(), e.address.octets.data())) {
        return Handle(i, e.link.load(std::memory_order_acquire));
      }
    }
    return 0;
  }
  // Whether the handle still names the neighbour it was made for. Any thread.
  bool Current(NextHop hop) const { return entries_[Slot(hop)].link.load(std::memory_order_acquire) >> 49 == hop >> kSlotBits; }
  // Whether Mac() would find one now. Any thread.
  bool Usable(NextHop hop) const {
    const uint64_t link = entries_[Slot(hop)].link.load(std::memory_order_acquire);
    return (link & kUsable) != 0 && link >> 49 == hop >> kSlotBits;
  }
  // False where the neighbour has no MAC yet, or is gone. `stamp` is a coarse clock of last use, so that a busy neighbour's
  // line is written once a tick, not once a packet.
  bool Mac(NextHop hop, uint32_t stamp, rte_ether_addr& out) {
    Entry& e = entries_[Slot(hop)];
    uint64_t link = e.link.load(std::memory_order_acquire);
    std::memcpy(out.addr_bytes, &link, 6);
    if ((link & kUsable) == 0 || link >> 49 != hop >> kSlotBits) return false;
    if (e.used.load(std::memory_order_relaxed) != stamp) e.used.store(stamp, std::memory_order_relaxed);
    return true;
  }

  // Main only. Add returns 0 when the table is full. Unlink ends every handle to the neighbour but keeps the entry
  // readable; Release makes its slot reusable and is called a grace period later.
  NextHop Add(uint16_t port, const IpAddress& address);
  void Unlink(NextHop hop);
  void Release(NextHop hop) { free_.push_back(Slot(hop)); }
  void SetMac(NextHop hop, const rte_ether_addr& mac);
  void ClearMac(NextHop hop);
  const IpAddress& address(NextHop hop) const { return entries_[Slot(hop)].address; }
  // Whether anybody here sends to it, or waits for its MAC. Any thread.
  bool Wanted(NextHop hop) const {
    const Entry& e = entries_[Slot(hop)];
    return e.used.load(std::memory_order_relaxed) != 0 || (e.link.load(std::memory_order_relaxed) & kUsable) == 0;
  }
  uint32_t used(NextHop hop) const { return entries_[Slot(hop)].used.load(std::memory_order_relaxed); }

 private:
  static constexpr uint32_t kBuckets = 2 * kCapacity;
  static uint32_t Slot(NextHop hop) { return hop & (kCapacity - 1); }
  static NextHop Handle(uint32_t slot, uint64_t link) { return static_cast<uint32_t>(link >> 49) << kSlotBits | slot; }
  uint32_t Bucket(uint16_t port, uint8_t family, const uint8_t* a) const {
    uint64_t h = seed_ ^ (uint64_t{port} << 8 | family);
    for (int i = 0; i < (family == 4 ? 1 : 4); ++i) {
      uint32_t word;
      std::memcpy(&word, a + 4 * i, 4);
      h = (h ^ word) * 0x9e3779b97f4a7c15u;
      h ^= h >> 29;
    }
    return static_cast<uint32_t>(h >> 20) & (kBuckets - 1);
  }

  uint64_t seed_;  // random per process: chains cannot be aimed at
  std::unique_ptr<Entry[]> entries_;
  std::unique_ptr<std::atomic<uint32_t>[]> heads_;
  std::vector<uint32_t> free_;
};

}  // namespace culvert::dp
