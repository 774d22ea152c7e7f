#include "control/ike/connection_match.h"

#include <algorithm>

namespace culvert::ike {
namespace {

enum Closeness : int { kNone = 0, kAny = 1, kWithin = 2, kExact = 3 };

// The addresses an entry of local_addrs or remote_addrs stands for; nullopt for a host name.
std::optional<IpRange> RangeOf(const std::string& entry, Family family) {
  if (entry == "%any") return IpRange::All(family);
  if (entry == "%any4") return IpRange::All(Family::kV4);
  if (entry == "%any6") return IpRange::All(Family::kV6);
  auto range = IpRange::Parse(entry);
  if (range && range->first == range->last && range->first.is_unspecified()) return IpRange::All(range->first.family);
  return range;
}

Closeness CloseTo(const std::vector<std::string>& entries, const IpAddress& address) {
  if (entries.empty()) return kAny;
  Closeness best = kNone;
  for (const auto& e : entries) {
    auto range = RangeOf(e, address.family);
    if (!range || !range->Contains(address)) continue;
    Closeness c = range->first == range->last ? kExact : *range == IpRange::All(address.family) ? kAny : kWithin;
    best = std::max(best, c);
  }
  return best;
}

std::optional<IpAddress> FirstSingle(const std::vector<std::string>& entries, std::optional<Family> family) {
  for (const auto& e : entries) {
    auto a = IpAddress::Parse(e);
    if (a && !a->is_unspecified() && (!family || a->family == *family)) return a;
  }
  return std::nullopt;
}

}  // namespace

std::vector<ConnectionRef> ConnectionsFor(std::span<const ConnectionRef> all, const IpAddress& local, const IpAddress& remote) {
  struct Candidate {
    int closeness;
    ConnectionRef connection;
  };
  std::vector<Candidate> candidates;
  for (const auto& c : all) {
    Closeness l = CloseTo(c->local_addrs, local), r = CloseTo(c->remote_addrs, remote);
    if (c->version != 1 && l != kNone && r != kNone) candidates.push_back({r * 4 + l, c});
  }
  std::ranges::stable_sort(candidates, std::ranges::greater{}, &Candidate::closeness);
  std::vector<ConnectionRef> out;
  for (auto& c : candidates) out.push_back(std::move(c.connection));
  return out;
}

std::optional<IpAddress> CallTo(const config::Connection& c) { return FirstSingle(c.remote_addrs, std::nullopt); }

std::optional<IpAddress> CallFrom(const config::Connection& c, const IpAddress& remote) {
  return FirstSingle(c.local_addrs, remote.family);
}

}  // namespace culvert::ike
