#include "control/ike/sa/child_selectors.h"

#include <algorithm>

#include "config/selectors.h"
#include "control/ike/cat.h"

namespace culvert::ike {
namespace {

void AddAt(const TrafficSelector& ts, const std::vector<IpAddress>& ends, SelectorList& to) {
  for (const IpAddress& end : ends) {
    to.push_back(ts);
    to.back().addresses = {end, end};
  }
}

SelectorList Resolve(const std::vector<config::Ts>& configured, const std::vector<IpAddress>& ends) {
  SelectorList list;
  if (configured.empty()) AddAt({}, ends, list);
  for (const auto& ts : configured) {
    if (ts.dynamic) AddAt(ts.selector, ends, list);
    else list.push_back(ts.selector);
  }
  return list;
}

std::optional<IpAddress> OnlyAddress(const SelectorList& list) {
  if (list.empty()) return std::nullopt;
  const IpAddress& a = list.front().addresses.first;
  const IpRange only{a, a};
  const bool same = std::ranges::all_of(list, [&only](const TrafficSelector& ts) { return ts.addresses == only; });
  return same ? std::optional(a) : std::nullopt;
}

void SetAddress(SelectorList& list, const IpAddress& a) {
  for (TrafficSelector& ts : list) ts.addresses = {a, a};
}

}  // namespace

std::string ToString(const Selectors& s) { return Cat(ToString(s.local), " === ", ToString(s.remote)); }

Selectors ConfiguredFor(const config::Child& c, const Path& path, const Ends& ends) {
  if (c.mode != config::ChildMode::kTransport) return {Resolve(c.local_ts, ends.local), Resolve(c.remote_ts, ends.remote)};
  return {config::AtHost(c.local_ts, path.local.address), config::AtHost(c.remote_ts, path.remote.address)};
}

std::optional<OriginalAddresses> SubstituteForNat(const Path& path, Selectors& s) {
  const auto local = OnlyAddress(s.local), remote = OnlyAddress(s.remote);
  const Family family = path.local.address.family;
  if (!local || !remote || local->family != family || remote->family != family) return std::nullopt;
  if (path.nat_local) SetAddress(s.local, path.local.address);
  if (path.nat_remote) SetAddress(s.remote, path.remote.address);
  return OriginalAddresses{*local, *remote};
}

const char* StrandedBy(const ChildSa& child, const Path& path) {
  if (child.protocol == IpsecProtocol::kAh && path.encapsulates()) return "AH goes through no NAT, and there is one now";
  const bool at_its_ends = child.local_ts.front().addresses.first == path.local.address &&
                           child.remote_ts.front().addresses.first == path.remote.address;
  if (child.config->mode != config::ChildMode::kTransport || at_its_ends) return nullptr;
  return "transport mode is for the addresses it was made with";
}

}  // namespace culvert::ike
