#include "control/ike/negotiate/ts_narrow.h"

#include <algorithm>

#include "common/base/limits.h"

namespace culvert::ike {
namespace {

bool CoveredByOne(const TrafficSelector& inner, const SelectorList& list) {
  return std::ranges::any_of(list, [&](const TrafficSelector& outer) { return outer.Covers(inner); });
}

// Adds what the list does not cover yet, in the place of what it covers itself: the first choice, widened, stays first.
void AddWidest(const TrafficSelector& ts, SelectorList& list) {
  if (CoveredByOne(ts, list)) return;
  auto inside = std::ranges::find_if(list, [&](const TrafficSelector& other) { return ts.Covers(other); });
  if (inside == list.end()) {
    list.push_back(ts);
    return;
  }
  *inside = ts;
  list.erase(std::remove_if(inside + 1, list.end(), [&](const auto& other) { return ts.Covers(other); }), list.end());
}

// The initiator's order leads: RFC 7296 2.9 wants its first choices kept whatever else has to go. False where it had to stop.
bool IntersectAll(const SelectorList& offered, const SelectorList& ours, SelectorList& out) {
  for (const TrafficSelector& theirs : offered) {
    for (const TrafficSelector& own : ours) {
      auto both = own.Intersect(theirs);
      if (!both || CoveredByOne(*both, out)) continue;
      // RFC 7296 3.13: the count is one octet.
      if (out.size() == kMaxSelectorsPerSa) return false;
      AddWidest(*both, out);
    }
  }
  return true;
}

// Some packet has an end in each.
bool Pair(const TrafficSelector& a, const TrafficSelector& b) {
  return a.addresses.first.family == b.addresses.first.family && (!a.protocol || !b.protocol || a.protocol == b.protocol);
}

void DropUnpaired(SelectorList& list, const SelectorList& others) {
  std::erase_if(list, [&](const TrafficSelector& ts) {
    return std::ranges::none_of(others, [&](const TrafficSelector& other) { return Pair(ts, other); });
  });
}

}  // namespace

std::optional<Narrowed> Narrow(const SelectorList& our_local, const SelectorList& our_remote, const SelectorList& offered_local,
                               const SelectorList& offered_remote) {
  Narrowed out;
  bool whole_local = IntersectAll(offered_local, our_local, out.local);
  bool whole_remote = IntersectAll(offered_remote, our_remote, out.remote);
  out.more_possible = !whole_local || !whole_remote;
  DropUnpaired(out.local, out.remote);
  DropUnpaired(out.remote, out.local);
  if (out.local.empty() || out.remote.empty()) return std::nullopt;
  out.covers_first = CoveredByOne(offered_local.front(), out.local) && CoveredByOne(offered_remote.front(), out.remote);
  return out;
}

bool IsSubset(const SelectorList& answer, const SelectorList& proposed) {
  return !answer.empty() && std::ranges::all_of(answer, [&](const TrafficSelector& ts) { return CoveredByOne(ts, proposed); });
}

}  // namespace culvert::ike
