#include "control/ike/connection_table.h"

#include <algorithm>

#include "config/peer_address.h"

namespace culvert::ike {
namespace {

enum Closeness : int { kNone = 0, kAny = 1, kWithin = 2, kExact = 3 };

bool IsSingle(const IpRange& r) { return r.first == r.last; }

std::optional<std::vector<IpRange>> RangesOf(const std::vector<std::string>& entries) {
  if (entries.empty()) return std::nullopt;
  std::vector<IpRange> ranges;
  for (const std::string& e : entries) {
    const bool any = e == "%any" || config::KindOf(e) == config::PeerAddress::kHost;
    if (any || e == "%any4") ranges.push_back(IpRange::All(Family::kV4));
    if (any || e == "%any6") ranges.push_back(IpRange::All(Family::kV6));
    auto range = IpRange::Parse(e);
    if (range && IsSingle(*range) && range->first.is_unspecified()) range = IpRange::All(range->first.family);
    if (range) ranges.push_back(*range);
  }
  return ranges;
}

Closeness CloseTo(const std::optional<std::vector<IpRange>>& ranges, const IpAddress& address) {
  if (!ranges) return kAny;
  Closeness best = kNone;
  for (const IpRange& r : *ranges) {
    if (!r.Contains(address)) continue;
    best = std::max(best, IsSingle(r) ? kExact : r == IpRange::All(address.family) ? kAny : kWithin);
  }
  return best;
}

template <typename F>
std::optional<IpAddress> FirstSingle(const std::vector<std::string>& entries, F wanted) {
  for (const auto& e : entries) {
    auto a = IpAddress::Parse(e);
    if (a && !a->is_unspecified() && wanted(*a)) return a;
  }
  return std::nullopt;
}

}  // namespace

ConnectionTable::ConnectionTable(std::vector<ConnectionRef> all) : all_(std::move(all)) {
  for (Position p = 0; p < all_.size(); ++p) {
    by_name_.emplace(all_[p]->name, p);
    Add(p);
  }
  for (const auto& [addresses, group] : groups_) {
    bool ranged = !group.remote;
    for (const IpRange& r : group.remote.value_or(std::vector<IpRange>{})) {
      if (IsSingle(r)) by_remote_[r.first].push_back(&group);
      else ranged = true;
    }
    if (ranged) ranged_.push_back(&group);
  }
}

void ConnectionTable::Add(Position position) {
  const config::Connection& c = *all_[position];
  auto [it, added] = groups_.try_emplace({c.version, c.local_addrs, c.remote_addrs});
  Group& group = it->second;
  if (added) {
    group.version = c.version;
    group.local = RangesOf(c.local_addrs);
    group.remote = RangesOf(c.remote_addrs);
  }
  group.members.push_back(position);
  IdentityPattern peer(c.remote.empty() ? std::string_view{} : std::string_view(c.remote.front().id));
  if (auto key = peer.SoleKey()) group.by_id[*std::move(key)].push_back(position);
  else group.patterned.emplace_back(position, std::move(peer));
}

const ConnectionRef* ConnectionTable::ByName(const std::string& name) const {
  auto it = by_name_.find(name);
  return it == by_name_.end() ? nullptr : &all_[it->second];
}

std::vector<ConnectionTable::Near> ConnectionTable::GroupsFor(const Sender& sender) const {
  std::vector<Near> near;
  const auto& [local, remote, id, version] = sender;
  auto consider = [&](const Group* group) {
    if (group->version != 0 && group->version != version) return;
    Closeness l = CloseTo(group->local, local), r = CloseTo(group->remote, remote);
    bool known = std::ranges::contains(near, group, &Near::group);
    if (l != kNone && r != kNone && !known) near.push_back({r * 4 + l, group});
  };
  if (auto it = by_remote_.find(remote); it != by_remote_.end()) std::ranges::for_each(it->second, consider);
  std::ranges::for_each(ranged_, consider);
  std::ranges::stable_sort(near, std::ranges::greater{}, &Near::closeness);
  return near;
}

void ConnectionTable::Collect(const Group& group, const Identity* id, std::vector<Position>& into) {
  if (!id) {
    into.insert(into.end(), group.members.begin(), group.members.end());
    return;
  }
  if (auto it = group.by_id.find(FoldedKey(*id)); it != group.by_id.end()) {
    into.insert(into.end(), it->second.begin(), it->second.end());
  }
  for (const auto& [position, pattern] : group.patterned) {
    if (pattern.Admits(*id)) into.push_back(position);
  }
}

void ConnectionTable::Visit(const Sender& sender, absl::FunctionRef<bool(const ConnectionRef&)> visit) const {
  const std::vector<Near> near = GroupsFor(sender);
  for (size_t i = 0; i < near.size();) {
    size_t end = i + 1;
    while (end < near.size() && near[end].closeness == near[i].closeness) ++end;
    // Nobody named, one group: as they come, without a copy of what may be thousands.
    std::vector<Position> gathered;
    std::span<const Position> candidates = near[i].group->members;
    if (sender.id || end - i > 1) {
      for (const Near& n : std::span(near).subspan(i, end - i)) Collect(*n.group, sender.id, gathered);
      std::ranges::sort(gathered);
      candidates = gathered;
    }
    if (std::ranges::any_of(candidates, [&](Position p) { return visit(all_[p]); })) return;
    i = end;
  }
}

size_t ConnectionTable::CountFor(const IpAddress& local, const IpAddress& remote, unsigned version) const {
  size_t count = 0;
  for (const Near& n : GroupsFor({local, remote, nullptr, version})) count += n.group->members.size();
  return count;
}

std::optional<Callee> CallTo(const config::Connection& c, unsigned attempt) {
  std::vector<Callee> callees;
  for (const std::string& e : c.remote_addrs) {
    const config::PeerAddress kind = config::KindOf(e);
    if (kind == config::PeerAddress::kOne) callees.emplace_back(*IpAddress::Parse(e));
    if (kind == config::PeerAddress::kHost) callees.emplace_back(e);
  }
  if (callees.empty()) return std::nullopt;
  return callees[(attempt - 1) % callees.size()];
}

Path WayTo(const config::Connection& c, const IpAddress& remote) {
  Path path{.remote = {remote, c.remote_port}};
  path.local.port = c.remote_port == kIkePort ? c.local_port : c.local_port == kIkePort ? kNatPort : c.local_port;
  path.marker = path.local.port != kIkePort;
  return path;
}

bool MayCallFrom(const config::Connection& c, Family family) {
  auto ranges = RangesOf(c.local_addrs);
  return !ranges || std::ranges::any_of(*ranges, [family](const IpRange& r) { return r.first.family == family; });
}

std::optional<IpAddress> CallFrom(const config::Connection& c, const IpAddress& remote, std::span<const IpAddress> ours) {
  auto first = FirstSingle(c.local_addrs, [&](const IpAddress& a) {
    return a.family == remote.family && std::ranges::contains(ours, a);
  });
  return first ? first : FirstSingle(c.local_addrs, [&](const IpAddress& a) { return a.family == remote.family; });
}

bool AdmitsLocal(const config::Connection& c, const IpAddress& local) {
  return CloseTo(RangesOf(c.local_addrs), local) != kNone;
}

}  // namespace culvert::ike
