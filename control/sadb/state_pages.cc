#include "control/sadb/state_pages.h"

#include <algorithm>

#include "absl/log/log.h"

namespace culvert::sadb {
namespace {

void Raise(std::atomic<uint64_t>& word, uint64_t value) {
  uint64_t seen = word.load(std::memory_order_relaxed);
  while (seen < value && !word.compare_exchange_weak(seen, value, std::memory_order_relaxed)) {}
}

}  // namespace

int StatePages::Swap() {
  auto page = shm::Region::Create("culvert-state", sizeof(channel::StatePage), shm::Region::Fill::kSparse);
  if (!page.ok()) {
    LOG(ERROR) << "state page: " << page.status().message();
    return -1;
  }
  pages_.push_back(std::move(*page));
  if (pages_.size() > kMaxPages) {
    for (uint32_t sa_index : live_) Floor(sa_index, Published(sa_index));
    pages_.erase(pages_.begin());
  }
  return pages_.back().fd();
}

StatePages::Edges StatePages::Published(uint32_t sa_index) const {
  Edges e;
  for (const auto& region : pages_) {
    const auto& page = PageOf(region);
    e.outbound = std::max(e.outbound, page.outbound[sa_index].load(std::memory_order_relaxed));
    e.inbound = std::max(e.inbound, page.inbound[sa_index].load(std::memory_order_relaxed));
  }
  return e;
}

void StatePages::Begin(uint32_t sa_index) {
  live_.insert(sa_index);
  for (const auto& region : pages_) {
    PageOf(region).outbound[sa_index].store(0, std::memory_order_relaxed);
    PageOf(region).inbound[sa_index].store(0, std::memory_order_relaxed);
  }
}

void StatePages::Floor(uint32_t sa_index, Edges edges) {
  if (pages_.empty()) return;
  auto& page = PageOf(pages_.back());
  if (edges.outbound) Raise(page.outbound[sa_index], edges.outbound);
  if (edges.inbound) Raise(page.inbound[sa_index], edges.inbound);
}

void StatePages::Settle() {
  if (pages_.size() > 1) pages_.erase(pages_.begin(), pages_.end() - 1);
}

}  // namespace culvert::sadb
