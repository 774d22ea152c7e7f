#include "dataplane/fib/prefix_table.h"

#include <absl/log/check.h>

#include <algorithm>

namespace culvert::dp {

PrefixTable::PrefixTable(Family family, std::vector<Entry> entries) {
  // Shortest first: a longer prefix then only ever splits a leaf that holds the shorter one's value, and no leaf is
  // overwritten by a less specific one.
  std::ranges::stable_sort(entries, {}, [](const Entry& e) { return e.prefix.length; });
  nodes_.emplace_back();
  std::ranges::fill(nodes_[0].child, kMiss);
  for (const Entry& e : entries) {
    CHECK(e.prefix.address.family == family && e.value < kMiss);
    Insert(e);
  }
}

void PrefixTable::Insert(const Entry& e) {
  const auto& octets = e.prefix.address.octets;
  unsigned last = e.prefix.length == 0 ? 0 : (e.prefix.length - 1u) / 8;  // the octet whose slots hold the value
  uint32_t node = 0;
  for (unsigned i = 0; i < last; ++i) {
    uint32_t slot = nodes_[node].child[octets[i]];
    if (!(slot & kInner)) {
      auto inner = static_cast<uint32_t>(nodes_.size());
      nodes_.emplace_back();
      std::ranges::fill(nodes_.back().child, slot);
      nodes_[node].child[octets[i]] = kInner | inner;
      slot = kInner | inner;
    }
    node = slot & ~kInner;
  }
  unsigned free_bits = 8 * (last + 1) - e.prefix.length;
  uint32_t first = octets[last] >> free_bits << free_bits;
  std::fill_n(nodes_[node].child + first, size_t{1} << free_bits, e.value);
}

}  // namespace culvert::dp
