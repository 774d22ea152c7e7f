#pragma once

#include <rte_ether.h>

#include <atomic>
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include "common/base/limits.h"
#include "common/net/ip_address.h"

namespace culvert::dp {

// The part of the neighbour table that workers read. Main (dataplane/main/neighbours.h) alone adds, changes and removes;
// an index stays valid until Forwarding's generation changes and a grace point has passed.
class NeighbourTable {
 public:
  static constexpr uint32_t kCapacity = 8192;  // entries; index 0 is never used

  struct alignas(kCacheLine) Entry {
    // Octets of the MAC in the low 48 bits, first octet lowest, and kUsable above. One word, so that a reader never sees
    // half of a change.
    std::atomic<uint64_t> link{0};
    std::atomic<uint32_t> used{0};   // a worker's last transmit to it, in NeighbourTable::Stamp units; racing writers agree
    std::atomic<uint32_t> next{0};   // of the hash chain
    IpAddress address;
    uint16_t port = 0;
  };
  static constexpr uint64_t kUsable = uint64_t{1} << 48;

  NeighbourTable();

  // 0 where there is none. Any thread; workers between two grace points.
  uint32_t Find(uint16_t port, uint8_t family, const uint8_t* address) const {
    uint32_t i = heads_[Bucket(port, family, address)].load(std::memory_order_acquire);
    for (; i != 0; i = entries_[i].next.load(std::memory_order_acquire)) {
      const Entry& e = entries_[i];
      if (e.port == port && static_cast<uint8_t>(e.address.family) == family &&
          std::memcmp(e.address.octets.data(), address, family == 4 ? 4 : 16) == 0) {
        return i;
      }
    }
    return 0;
  }
  // False where the neighbour has no MAC yet.
  bool Mac(uint32_t index, rte_ether_addr& out) const {
    uint64_t link = entries_[index].link.load(std::memory_order_acquire);
    std::memcpy(out.addr_bytes, &link, 6);
    return (link & kUsable) != 0;
  }
  uint16_t port(uint32_t index) const { return entries_[index].port; }
  // `stamp` is a coarse clock, so that a busy neighbour's line is written once a tick, not once a packet.
  void Stamp(uint32_t index, uint32_t stamp) {
    auto& used = entries_[index].used;
    if (used.load(std::memory_order_relaxed) != stamp) used.store(stamp, std::memory_order_relaxed);
  }

  // Main only. Add returns 0 when the table is full. Unlink keeps the entry readable; Release makes its index reusable and
  // is called a grace period later.
  uint32_t Add(uint16_t port, const IpAddress& address);
  void Unlink(uint32_t index);
  void Release(uint32_t index);
  void SetMac(uint32_t index, const rte_ether_addr& mac);
  void ClearMac(uint32_t index) { entries_[index].link.store(0, std::memory_order_release); }
  uint32_t used(uint32_t index) const { return entries_[index].used.load(std::memory_order_relaxed); }
  const IpAddress& address(uint32_t index) const { return entries_[index].address; }

 private:
  static constexpr uint32_t kBuckets = 2 * kCapacity;
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
