#include "dataplane/policy/prefix_pairs.h"

namespace culvert::dp {
namespace {

constexpr uint8_t kFamilies[] = {4, 6};

std::vector<WidePrefix> Decompose(const std::vector<SelectorSet::Side>& sides, uint8_t family) {
  std::vector<WidePrefix> all;
  for (const auto& s : sides) {
    if (s.family != family) continue;
    for (const WidePrefix& prefix : PrefixesOf(family, s.first, s.last)) all.push_back(prefix);
  }
  return all;
}

}  // namespace

std::vector<PrefixPair> PrefixPair::Of(const SelectorSet& s) {
  std::vector<PrefixPair> out;
  for (uint8_t family : kFamilies) {
    auto remote = Decompose(s.remote(), family), local = Decompose(s.local(), family);
    for (const WidePrefix& r : remote) {
      for (const WidePrefix& l : local) out.push_back({r.address, l.address, family, r.length, l.length});
    }
  }
  return out;
}

size_t PrefixPair::CountOf(const SelectorSet& s) {
  size_t pairs = 0;
  for (uint8_t family : kFamilies) pairs += Decompose(s.remote(), family).size() * Decompose(s.local(), family).size();
  return pairs;
}

}  // namespace culvert::dp
