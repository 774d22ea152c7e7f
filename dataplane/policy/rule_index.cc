#include "dataplane/policy/rule_index.h"

#include <algorithm>
#include <tuple>

#include "dataplane/policy/prefixes.h"
#include "dataplane/policy/spd.h"

namespace culvert::dp {
namespace {

using Side = SelectorSet::Side;

bool OnePort(const Side& s) { return s.protocol != 0 && s.port_first == s.port_last; }

// Some packet has an end in each.
bool MayPair(const Side& remote, const Side& local) {
  return remote.family == local.family && (remote.protocol == 0 || local.protocol == 0 || remote.protocol == local.protocol);
}

}  // namespace

bool RuleIndex::GoesBefore(const Policy& a, const Policy& b) {
  return std::tuple(a.rank, -static_cast<int64_t>(a.selectors.narrowness()), a.id) <
         std::tuple(b.rank, -static_cast<int64_t>(b.selectors.narrowness()), b.id);
}

size_t RuleIndex::CountOf(const SelectorSet& s) {
  auto prefixes = [](const Side& side) { return PrefixesOf(side.family, side.first, side.last).size(); };
  std::vector<size_t> local;
  for (const Side& l : s.local()) local.push_back(prefixes(l));
  size_t count = 0;
  for (const Side& r : s.remote()) {
    const size_t remote = prefixes(r);
    for (size_t i = 0; i < local.size(); ++i) {
      if (MayPair(r, s.local()[i])) count += remote * local[i];
    }
  }
  return count;
}

template <typename Visit>
void RuleIndex::ForEachKey(const SelectorSet& s, const Visit& visit) {
  for (uint16_t r = 0; r < s.remote().size(); ++r) {
    const Side& remote = s.remote()[r];
    const auto remote_prefixes = PrefixesOf(remote.family, remote.first, remote.last);
    for (uint16_t l = 0; l < s.local().size(); ++l) {
      const Side& local = s.local()[l];
      if (!MayPair(remote, local)) continue;
      const auto local_prefixes = PrefixesOf(local.family, local.first, local.last);
      Key key{.family = remote.family, .protocol = std::max(remote.protocol, local.protocol)};
      if (key.protocol != 0) key.upper = Upper::kProtocol;
      if (OnePort(local)) key.upper = Upper::kLocalPort, key.port = local.port_first;
      if (OnePort(remote)) key.upper = Upper::kRemotePort, key.port = remote.port_first;
      for (const WidePrefix& rp : remote_prefixes) {
        key.remote = rp.address;
        key.remote_length = rp.length;
        for (const WidePrefix& lp : local_prefixes) {
          key.local = lp.address;
          key.local_length = lp.length;
          visit(key, SelectorSet::Pair{r, l});
        }
      }
    }
  }
}

void RuleIndex::Add(const Policy& p) {
  ForEachKey(p.selectors, [&](const Key& key, SelectorSet::Pair sides) {
    auto& list = lists_[key];
    auto before = [](const Entry& a, const Policy& b) { return GoesBefore(*a.policy, b); };
    list.insert(std::lower_bound(list.begin(), list.end(), p, before), {&p, sides});
    Count(key, 1);
  });
}

void RuleIndex::Remove(const Policy& p) {
  ForEachKey(p.selectors, [&](const Key& key, SelectorSet::Pair sides) {
    auto at = lists_.find(key);
    if (at == lists_.end() || std::erase(at->second, Entry{&p, sides}) == 0) return;
    if (at->second.empty()) lists_.erase(at);
    Count(key, -1);
  });
}

void RuleIndex::Count(const Key& k, int change) {
  auto before = [](const Shape& a, const Shape& b) {
    return std::tuple(a.family, b.remote, b.local, a.upper) < std::tuple(b.family, a.remote, a.local, b.upper);
  };
  const Shape want{k.family, k.remote_length, k.local_length, k.upper, 0};
  auto at = std::lower_bound(shapes_.begin(), shapes_.end(), want, before);
  if (at == shapes_.end() || before(want, *at)) at = shapes_.insert(at, want);
  at->entries += static_cast<uint32_t>(change);
  if (at->entries == 0) shapes_.erase(at);
}

RuleIndex::Key RuleIndex::KeyOf(const Shape& shape, const Question& q) {
  const Flow& f = q.flow;
  const uint16_t remote_port = q.inbound ? f.source_port : f.destination_port,
                 local_port = q.inbound ? f.destination_port : f.source_port;
  return {.remote = Masked(q.inbound ? f.source : f.destination, f.family, shape.remote),
          .local = Masked(q.inbound ? f.destination : f.source, f.family, shape.local),
          .port = shape.upper == Upper::kRemotePort  ? remote_port
                  : shape.upper == Upper::kLocalPort ? local_port
                                                     : uint16_t{0},
          .family = f.family,
          .remote_length = shape.remote,
          .local_length = shape.local,
          .protocol = shape.upper == Upper::kAny ? uint8_t{0} : f.protocol,
          .upper = shape.upper};
}

const Policy* RuleIndex::Find(const Question& q) const {
  const Policy* best = nullptr;
  const Shape* place = nullptr;  // of the best one
  for (const Shape& shape : shapes_) {
    if (shape.family != q.flow.family) continue;
    const bool here = best != nullptr && place->SamePlace(shape);
    if (best != nullptr && !here && best->rank <= q.lowest_rank) break;
    if (shape.upper >= Upper::kRemotePort && !q.flow.ports_known) continue;
    auto at = lists_.find(KeyOf(shape, q));
    if (at == lists_.end()) continue;
    for (const Entry& e : at->second) {
      const Policy& p = *e.policy;
      // What was found under longer prefixes goes before its equals in rank.
      if (best != nullptr && (here ? !GoesBefore(p, *best) : p.rank >= best->rank)) break;
      if ((q.inbound ? p.if_id.in : p.if_id.out) != q.if_id) continue;  // of this interface the other way alone
      if (!p.selectors.Matches(e.sides, q.flow, q.inbound)) continue;
      best = &p;
      place = &shape;
      break;
    }
  }
  return best;
}

}  // namespace culvert::dp
