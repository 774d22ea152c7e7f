#pragma once

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "dataplane/policy/flow.h"
#include "dataplane/policy/prefix_pairs.h"

namespace culvert::dp {

struct OutboundSa;

// The outbound SAs of one policy: mostly one, or two while it is rekeyed; thousands where one policy stands for many peers,
// each with a part of it. Changed and read as Spd says.
class SaSet {
 public:
  // `selectors` must outlive the entry.
  void Add(OutboundSa* sa, uint32_t preference, const SelectorSet& selectors);
  void Remove(const OutboundSa* sa);
  void SetPreference(const OutboundSa* sa, uint32_t preference);
  // Of SAs that match, the one of the highest preference, of equals the latest. nullptr: none.
  OutboundSa* Find(const Flow& f) const;

  // More than so many are found by their addresses; but those whose selectors decompose into more pairs are walked.
  static constexpr size_t kFew = 8, kMaxPairs = 64;

 private:
  struct Entry {
    OutboundSa* sa;
    uint32_t preference;
    uint64_t order;  // rises
    const SelectorSet* selectors;
    friend bool operator==(const Entry& a, const Entry& b) { return a.sa == b.sa; }
  };
  struct Index {
    PrefixPairs<Entry> pairs;
    std::unordered_map<const OutboundSa*, Entry> all;  // what is in `pairs`
  };
  static bool GoesBefore(const Entry& a, const Entry& b);
  static const Entry* FirstMatch(const std::vector<Entry>& list, const Flow& f);
  void Walk(const Entry& e);
  void Enter(const Entry& e);

  std::vector<Entry> walked_;     // in GoesBefore order
  std::unique_ptr<Index> index_;  // once there were many
  uint64_t next_order_ = 0;
};

}  // namespace culvert::dp
