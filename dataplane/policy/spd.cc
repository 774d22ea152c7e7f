#include "dataplane/policy/spd.h"

#include <tuple>

namespace culvert::dp {

bool Spd::GoesBefore(const Policy* a, const Policy* b) {
  return std::tuple(a->rank, -static_cast<int64_t>(a->selectors.narrowness()), a->id) <
         std::tuple(b->rank, -static_cast<int64_t>(b->selectors.narrowness()), b->id);
}

bool Spd::Fits(const Policy& p) { return PrefixPair::CountOf(p.selectors) <= kMaxEntriesPerPolicy; }

void Spd::Add(const Policy& p) {
  for (const PrefixPair& pair : PrefixPair::Of(p.selectors)) entries_.Add(pair, &p, GoesBefore);
  sas_.try_emplace(p.id);
  ++ranks_[p.rank];
}

void Spd::Remove(const Policy& p) {
  if (sas_.erase(p.id) == 0) return;
  for (const PrefixPair& pair : PrefixPair::Of(p.selectors)) entries_.Remove(pair, &p);
  if (auto rank = ranks_.find(p.rank); --rank->second == 0) ranks_.erase(rank);
}

void Spd::AddSa(const Policy& p, OutboundSa* sa, uint32_t preference, const SelectorSet& selectors) {
  if (auto set = sas_.find(p.id); set != sas_.end()) set->second.Add(sa, preference, selectors);
}

void Spd::RemoveSa(const Policy& p, const OutboundSa* sa) {
  if (auto set = sas_.find(p.id); set != sas_.end()) set->second.Remove(sa);
}

void Spd::SetPreference(const Policy& p, const OutboundSa* sa, uint32_t preference) {
  if (auto set = sas_.find(p.id); set != sas_.end()) set->second.SetPreference(sa, preference);
}

const Policy* Spd::Find(const Flow& f, const WideAddress& remote, const WideAddress& local, bool inbound) const {
  const Policy* best = nullptr;
  const uint64_t lowest_rank = ranks_.empty() ? 0 : ranks_.begin()->first;
  entries_.ForEach(f.family, remote, local, [&](const std::vector<const Policy*>& list) {
    for (const Policy* p : list) {
      if (best != nullptr && p->rank >= best->rank) break;  // what was found under longer prefixes goes before its equals
      if (inbound ? p->selectors.MatchesInbound(f) : p->selectors.MatchesOutbound(f)) {
        best = p;
        break;
      }
    }
    return best != nullptr && best->rank <= lowest_rank;  // one rank for all is the rule: the first match is the answer
  });
  return best;
}

OutboundSa* Spd::FindSa(const Policy& p, const Flow& f) const {
  auto set = sas_.find(p.id);
  return set == sas_.end() ? nullptr : set->second.Find(f);
}

}  // namespace culvert::dp
