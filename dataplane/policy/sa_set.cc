#include "dataplane/policy/sa_set.h"

#include <algorithm>
#include <optional>
#include <tuple>
#include <utility>

namespace culvert::dp {

bool SaSet::GoesBefore(const Entry& a, const Entry& b) {
  return std::tuple(a.preference, a.order) > std::tuple(b.preference, b.order);
}

const SaSet::Entry* SaSet::FirstMatch(const std::vector<Entry>& list, const Flow& f) {
  auto at = std::ranges::find_if(list, [&](const Entry& e) { return e.selectors->MatchesOutbound(f); });
  return at == list.end() ? nullptr : &*at;
}

void SaSet::Walk(const Entry& e) {
  walked_.insert(std::ranges::find_if(walked_, [&](const Entry& other) { return GoesBefore(e, other); }), e);
}

void SaSet::Enter(const Entry& e) {
  if (PrefixPair::CountOf(*e.selectors) > kMaxPairs) return Walk(e);
  index_->all.emplace(e.sa, e);
  for (const PrefixPair& pair : PrefixPair::Of(*e.selectors)) index_->pairs.Add(pair, e, GoesBefore);
}

void SaSet::Add(OutboundSa* sa, uint32_t preference, const SelectorSet& selectors) {
  const Entry e{sa, preference, next_order_++, &selectors};
  if (index_) return Enter(e);
  Walk(e);
  if (walked_.size() <= kFew) return;
  index_ = std::make_unique<Index>();
  for (const Entry& few : std::exchange(walked_, {})) Enter(few);
}

void SaSet::Remove(const OutboundSa* sa) {
  if (std::erase_if(walked_, [sa](const Entry& e) { return e.sa == sa; }) != 0 || !index_) return;
  auto at = index_->all.find(sa);
  if (at == index_->all.end()) return;
  const Entry e = at->second;
  index_->all.erase(at);
  for (const PrefixPair& pair : PrefixPair::Of(*e.selectors)) index_->pairs.Remove(pair, e);
}

void SaSet::SetPreference(const OutboundSa* sa, uint32_t preference) {
  std::optional<Entry> found;
  auto walked = std::ranges::find(walked_, sa, &Entry::sa);
  if (walked != walked_.end()) found = *walked;
  if (index_ && index_->all.contains(sa)) found = index_->all.at(sa);
  if (!found) return;
  Remove(sa);
  Add(found->sa, preference, *found->selectors);
}

OutboundSa* SaSet::Find(const Flow& f) const {
  const Entry* best = FirstMatch(walked_, f);
  if (!index_) return best ? best->sa : nullptr;
  index_->pairs.ForEach(f.family, f.destination, f.source, [&](const std::vector<Entry>& list) {
    const Entry* e = FirstMatch(list, f);
    if (e && (!best || GoesBefore(*e, *best))) best = e;
    return false;
  });
  return best ? best->sa : nullptr;
}

}  // namespace culvert::dp
