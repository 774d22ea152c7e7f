#pragma once

#include <algorithm>
#include <cstdint>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "absl/hash/hash.h"
#include "dataplane/policy/prefixes.h"
#include "dataplane/policy/selector_set.h"

namespace culvert::dp {

// A pair of prefixes of one family; host bits zero.
struct PrefixPair {
  WideAddress remote, local;
  uint8_t family, remote_length, local_length;

  // The pairs that the address ranges of `s` decompose into, remote by local.
  static std::vector<PrefixPair> Of(const SelectorSet& s);
  // How many those are, without making them.
  static size_t CountOf(const SelectorSet& s);

  friend bool operator==(const PrefixPair&, const PrefixPair&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const PrefixPair& k) {
    return H::combine(std::move(h), k.remote.high, k.remote.low, k.local.high, k.local.low, k.family, k.remote_length,
                      k.local_length);
  }
};

// Things found by a packet's two addresses. A look-up tries the pairs of prefix lengths in use, longest first, by one hash
// probe each: its cost grows with how many different lengths there are, not with the number of things.
template <typename T>
class PrefixPairs {
 public:
  // In the order of `before`, a strict weak one, among what is under `key`. A thing already there is not added again.
  template <typename Before>
  void Add(const PrefixPair& key, const T& t, const Before& before) {
    auto& list = lists_[key];
    auto at = std::lower_bound(list.begin(), list.end(), t, before);
    if (at != list.end() && *at == t) return;  // overlapping ranges
    list.insert(at, t);
    Count(key, 1);
  }
  void Remove(const PrefixPair& key, const T& t) {
    auto at = lists_.find(key);
    if (at == lists_.end() || std::erase(at->second, t) == 0) return;
    if (at->second.empty()) lists_.erase(at);
    Count(key, -1);
  }
  // Calls `visit` with every list the addresses lead to, longest remote prefix first, then longest local one, until it returns
  // true.
  template <typename Visit>
  void ForEach(uint8_t family, const WideAddress& remote, const WideAddress& local, const Visit& visit) const {
    for (const Lengths& l : lengths_) {
      if (l.family != family) continue;
      auto at = lists_.find({Masked(remote, family, l.remote), Masked(local, family, l.local), family, l.remote, l.local});
      if (at != lists_.end() && visit(at->second)) return;
    }
  }

 private:
  struct Lengths {
    uint8_t family, remote, local;
    uint32_t entries;  // in use with these lengths
  };
  void Count(const PrefixPair& k, int change) {
    auto before = [](const Lengths& a, const Lengths& b) {
      return std::tuple(a.family, b.remote, b.local) < std::tuple(b.family, a.remote, a.local);
    };
    Lengths want{k.family, k.remote_length, k.local_length, 0};
    auto at = std::lower_bound(lengths_.begin(), lengths_.end(), want, before);
    if (at == lengths_.end() || before(want, *at)) at = lengths_.insert(at, want);
    at->entries += static_cast<uint32_t>(change);
    if (at->entries == 0) lengths_.erase(at);
  }

  std::unordered_map<PrefixPair, std::vector<T>, absl::Hash<PrefixPair>> lists_;
  std::vector<Lengths> lengths_;  // longest first
};

}  // namespace culvert::dp
