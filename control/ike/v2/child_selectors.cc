#include "control/ike/v2/child_selectors.h"

#include <algorithm>

#include "config/selectors.h"
#include "control/ike/cat.h"

namespace culvert::ike {
namespace {

SelectorList Resolve(const std::vector<config::Ts>& configured, const IpAddress& outer) {
  if (configured.empty()) return {TrafficSelector{.addresses = {outer, outer}}};
  SelectorList list;
  for (const auto& ts : configured) {
    list.push_back(ts.selector);
    if (ts.dynamic) list.back().addresses = {outer, outer};
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

Selectors ConfiguredFor(const config::Child& c, const Path& path) {
  const IpAddress &here = path.local.address, &there = path.remote.address;
  if (c.mode == config::ChildMode::kTransport) return {config::AtHost(c.local_ts, here), config::AtHost(c.remote_ts, there)};
  return {Resolve(c.local_ts, here), Resolve(c.remote_ts, there)};
}

Selectors SelectorsIn(const Inbound& in, bool we_are_requester) {
  auto* i = in.Get<TsPayload>(PayloadType::kTsI);
  auto* r = in.Get<TsPayload>(PayloadType::kTsR);
  return we_are_requester ? Selectors{i->selectors, r->selectors} : Selectors{r->selectors, i->selectors};
}

bool SaysTransport(const Inbound& in) { return in.Notify(NotifyType::kUseTransportMode) != nullptr; }

std::optional<OriginalAddresses> SubstituteForNat(const Path& path, Selectors& s) {
  const auto local = OnlyAddress(s.local), remote = OnlyAddress(s.remote);
  const Family family = path.local.address.family;
  if (!local || !remote || local->family != family || remote->family != family) return std::nullopt;
  if (path.nat_local) SetAddress(s.local, path.local.address);
  if (path.nat_remote) SetAddress(s.remote, path.remote.address);
  return OriginalAddresses{*local, *remote};
}

bool OutlivesMove(const ChildSa& child, const Path& path) {
  if (child.protocol == IpsecProtocol::kAh && path.encapsulates()) return false;
  if (child.config->mode != config::ChildMode::kTransport) return true;
  return child.local_ts.front().addresses.first == path.local.address &&
         child.remote_ts.front().addresses.first == path.remote.address;
}

}  // namespace culvert::ike
