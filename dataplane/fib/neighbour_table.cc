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

NextHop NeighbourTable::Add(uint16_t port, const IpAddress& address) {
  if (free_.empty()) return 0;
  uint32_t slot = free_.back();
  free_.pop_back();
  Entry& e = entries_[slot];
  e.address = address;
  e.port = port;
  uint64_t link = e.link.load(std::memory_order_relaxed) >> 49 << 49;
  e.link.store(link, std::memory_order_relaxed);
  e.used.store(0, std::memory_order_relaxed);
  auto& head = heads_[Bucket(port, static_cast<uint8_t>(address.family), address.octets.data())];
  e.next.store(head.load(std::memory_order_relaxed), std::memory_order_relaxed);
  head.store(slot, std::memory_order_release);
  return Handle(slot, link);
}

void NeighbourTable::Unlink(NextHop hop) {
  uint32_t slot = Slot(hop);
  Entry& e = entries_[slot];
  auto* link = &heads_[Bucket(e.port, static_cast<uint8_t>(e.address.family), e.address.octets.data())];
  while (uint32_t i = link->load(std::memory_order_relaxed)) {
    if (i == slot) {
      // The entry keeps its own `next`: a reader standing on it still finds the rest of the chain.
      link->store(e.next.load(std::memory_order_relaxed), std::memory_order_release);
      uint64_t next_generation = (e.link.load(std::memory_order_relaxed) >> 49) + 1;
      e.link.store(next_generation % kGenerations << 49, std::memory_order_release);
      return;
    }
    link = &entries_[i].next;
  }
  CHECK(false) << "neighbour slot " << slot << " is not linked";
}

void NeighbourTable::SetMac(NextHop hop, const rte_ether_addr& mac) {
  auto& word = entries_[Slot(hop)].link;
  uint64_t link = 0;
  std::memcpy(&link, mac.addr_bytes, 6);
  word.store(link | kUsable | word.load(std::memory_order_relaxed) >> 49 << 49, std::memory_order_release);
}

void NeighbourTable::ClearMac(NextHop hop) {
  auto& word = entries_[Slot(hop)].link;
  word.store(word.load(std::memory_order_relaxed) >> 49 << 49, std::memory_order_release);
}

}  // namespace culvert::dp
