#include "dataplane/policy/spd.h"

namespace culvert::dp {

bool Spd::Fits(const Policy& p) { return RuleIndex::CountOf(p.selectors) <= kMaxEntriesPerPolicy; }

std::vector<uint32_t> Spd::InterfacesOf(const Policy& p) {
  if (p.if_id.in == p.if_id.out) return {p.if_id.out};
  return {p.if_id.in, p.if_id.out};
}

void Spd::Add(const Policy& p) {
  for (uint32_t if_id : InterfacesOf(p)) {
    Rules& rules = if_id == 0 ? ports_ : tunnels_[if_id];
    rules.index.Add(p);
    ++rules.ranks[p.rank];
  }
  sas_.try_emplace(p.id);
}

void Spd::Remove(const Policy& p) {
  if (sas_.erase(p.id) == 0) return;
  for (uint32_t if_id : InterfacesOf(p)) {
    Rules& rules = if_id == 0 ? ports_ : tunnels_.at(if_id);
    rules.index.Remove(p);
    if (auto rank = rules.ranks.find(p.rank); --rank->second == 0) rules.ranks.erase(rank);
    if (if_id != 0 && rules.ranks.empty()) tunnels_.erase(if_id);
  }
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

const Policy* Spd::FindOutbound(const Flow& f, uint32_t if_id) const { return Find(f, if_id, false); }
const Policy* Spd::FindInbound(const Flow& f, uint32_t if_id) const { return Find(f, if_id, true); }

const Policy* Spd::Find(const Flow& f, uint32_t if_id, bool inbound) const {
  const Rules* rules = &ports_;
  if (if_id != 0) {
    auto at = tunnels_.find(if_id);
    if (at == tunnels_.end()) return nullptr;
    rules = &at->second;
  }
  if (rules->ranks.empty()) return nullptr;
  return rules->index.Find({.flow = f, .if_id = if_id, .inbound = inbound, .lowest_rank = rules->ranks.begin()->first});
}

OutboundSa* Spd::FindSa(const Policy& p, const Flow& f) const {
  auto set = sas_.find(p.id);
  return set == sas_.end() ? nullptr : set->second.Find(f);
}

}  // namespace culvert::dp
