#include "dataplane/policy/spd.h"

#include <algorithm>
#include <tuple>

#include "dataplane/policy/prefixes.h"

namespace culvert::dp {
namespace {

std::vector<WidePrefix> Decompose(const std::vector<SelectorSet::Side>& sides, uint8_t family) {
  std::vector<WidePrefix> all;
  for (const auto& s : sides) {
    if (s.family != family) continue;
    for (const WidePrefix& prefix : PrefixesOf(family, s.first, s.last)) all.push_back(prefix);
  }
  return all;
}

}  // namespace

bool Spd::GoesBefore(const Policy& a, const Policy& b) {
  return std::tuple(a.rank, -static_cast<int64_t>(a.selectors.narrowness()), a.id) <
         std::tuple(b.rank, -static_cast<int64_t>(b.selectors.narrowness()), b.id);
}

bool Spd::Fits(const Policy& p) {
  size_t entries = 0;
  for (uint8_t family : {uint8_t{4}, uint8_t{6}}) {
    entries += Decompose(p.selectors.remote(), family).size() * Decompose(p.selectors.local(), family).size();
  }
  return entries <= kMaxEntriesPerPolicy;
}

std::vector<Spd::Key> Spd::KeysOf(const Policy& p) {
  std::vector<Key> out;
  for (uint8_t family : {uint8_t{4}, uint8_t{6}}) {
    auto remote = Decompose(p.selectors.remote(), family), local = Decompose(p.selectors.local(), family);
    for (const WidePrefix& r : remote) {
      for (const WidePrefix& l : local) out.push_back({r.address, l.address, family, r.length, l.length});
    }
  }
  return out;
}

void Spd::CountLengths(const Key& k, int change) {
  auto before = [](const Lengths& a, const Lengths& b) {
    return std::tuple(a.family, b.remote, b.local) < std::tuple(b.family, a.remote, a.local);
  };
  Lengths want{k.family, k.remote_length, k.local_length, 0};
  auto at = std::lower_bound(lengths_.begin(), lengths_.end(), want, before);
  if (at == lengths_.end() || before(want, *at)) at = lengths_.insert(at, want);
  at->entries += static_cast<uint32_t>(change);
  if (at->entries == 0) lengths_.erase(at);
}

void Spd::Add(const Policy& p) {
  for (const Key& k : KeysOf(p)) {
    auto& list = entries_[k];
    auto at =
        std::lower_bound(list.begin(), list.end(), &p, [](const Policy* a, const Policy* b) { return GoesBefore(*a, *b); });
    if (at != list.end() && *at == &p) continue;  // overlapping ranges of one policy
    list.insert(at, &p);
    CountLengths(k, 1);
  }
  sas_.try_emplace(p.id);
  ++ranks_[p.rank];
}

void Spd::Remove(const Policy& p) {
  if (sas_.erase(p.id) == 0) return;
  for (const Key& k : KeysOf(p)) {
    auto entry = entries_.find(k);
    if (entry == entries_.end() || std::erase(entry->second, &p) == 0) continue;
    if (entry->second.empty()) entries_.erase(entry);
    CountLengths(k, -1);
  }
  if (auto rank = ranks_.find(p.rank); --rank->second == 0) ranks_.erase(rank);
}

void Spd::AddSa(const Policy& p, OutboundSa* sa, uint32_t preference, const SelectorSet& selectors) {
  auto policy = sas_.find(p.id);
  if (policy == sas_.end()) return;
  auto& list = policy->second;
  auto at = std::find_if(list.begin(), list.end(), [&](const SaEntry& e) { return e.preference <= preference; });
  list.insert(at, {sa, preference, &selectors});
}

void Spd::RemoveSa(const Policy& p, const OutboundSa* sa) {
  if (auto list = sas_.find(p.id); list != sas_.end())
    std::erase_if(list->second, [&](const SaEntry& e) { return e.sa == sa; });
}

void Spd::SetPreference(const Policy& p, const OutboundSa* sa, uint32_t preference) {
  auto list = sas_.find(p.id);
  if (list == sas_.end()) return;
  for (const SaEntry& e : list->second) {
    if (e.sa != sa) continue;
    SaEntry moved = e;
    RemoveSa(p, sa);
    AddSa(p, moved.sa, preference, *moved.selectors);
    return;
  }
}

const Policy* Spd::Find(const Flow& f, const WideAddress& remote, const WideAddress& local, bool inbound) const {
  const Policy* best = nullptr;
  uint64_t lowest_rank = ranks_.empty() ? 0 : ranks_.begin()->first;
  for (const Lengths& l : lengths_) {
    if (l.family != f.family) continue;
    if (best != nullptr && best->rank <= lowest_rank) break;  // one rank for all is the rule: the first match is the answer
    Key key{Masked(remote, f.family, l.remote), Masked(local, f.family, l.local), f.family, l.remote, l.local};
    auto entry = entries_.find(key);
    if (entry == entries_.end()) continue;
    for (const Policy* p : entry->second) {
      if (best != nullptr && p->rank >= best->rank) break;  // what was found under longer prefixes goes before its equals
      if (inbound ? p->selectors.MatchesInbound(f) : p->selectors.MatchesOutbound(f)) {
        best = p;
        break;
      }
    }
  }
  return best;
}

OutboundSa* Spd::FindSa(const Policy& p, const Flow& f) const {
  auto list = sas_.find(p.id);
  if (list == sas_.end()) return nullptr;
  for (const SaEntry& e : list->second) {
    if (e.selectors->MatchesOutbound(f)) return e.sa;
  }
  return nullptr;
}

}  // namespace culvert::dp
