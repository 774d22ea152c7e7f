#include "dataplane/fib/neighbour_table.h"

#include <absl/log/check.h>

#include <random>

namespace culvert::dp {

NeighbourTable::NeighbourTable()
    : entries_(std::make_unique<Entry[]>(kCapacity)), heads_(std::make_unique<std::atomic<uint32_t>[]>(kBuckets)) {
  std::random_device random;
  seed_ = uint64_t{random()} << 32 | random();
  free_.reserve(kCapacity);
  for (uint32_t i = kCapacity - 1; i > 0; --i) free_.push_back(i);
}

uint32_t NeighbourTable::Add(uint16_t port, const IpAddress& address) {
  if (free_.empty()) return 0;
  uint32_t i = free_.back();
  free_.pop_back();
  Entry& e = entries_[i];
  e.address = address;
  e.port = port;
  e.link.store(0, std::memory_order_relaxed);
  e.used.store(0, std::memory_order_relaxed);
  auto& head = heads_[Bucket(port, static_cast<uint8_t>(address.family), address.octets.data())];
  e.next.store(head.load(std::memory_order_relaxed), std::memory_order_relaxed);
  head.store(i, std::memory_order_release);
  return i;
}

void NeighbourTable::Unlink(uint32_t index) {
  Entry& e = entries_[index];
  auto* link = &heads_[Bucket(e.port, static_cast<uint8_t>(e.address.family), e.address.octets.data())];
  while (uint32_t i = link->load(std::memory_order_relaxed)) {
    if (i == index) {
      // The entry keeps its own `next`: a reader standing on it still finds the rest of the chain.
      link->store(e.next.load(std::memory_order_relaxed), std::memory_order_release);
      return;
    }
    link = &entries_[i].next;
  }
  CHECK(false) << "neighbour " << index << " is not linked";
}

void NeighbourTable::Release(uint32_t index) { free_.push_back(index); }

void NeighbourTable::SetMac(uint32_t index, const rte_ether_addr& mac) {
  uint64_t link = kUsable;
  std::memcpy(&link, mac.addr_bytes, 6);
  entries_[index].link.store(link, std::memory_order_release);
}

}  // namespace culvert::dp
