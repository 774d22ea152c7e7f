#include "config/selectors.h"

#include <algorithm>

#include "config/peer_address.h"

namespace culvert::config {
namespace {

// The one address that the entries stand for.
std::optional<IpAddress> OnlyAddress(const std::vector<std::string>& entries) {
  const bool one = entries.size() == 1 && KindOf(entries.front()) == PeerAddress::kOne;
  return one ? IpAddress::Parse(entries.front()) : std::nullopt;
}

std::optional<SelectorList> Static(const std::vector<Ts>& configured) {
  SelectorList out;
  for (const Ts& ts : configured) {
    if (ts.dynamic) return std::nullopt;
    out.push_back(ts.selector);
  }
  return out.empty() ? std::nullopt : std::optional(out);
}

// Of a shunt, which meets no peer that could say what is meant by it, `dynamic` is every address of both families.
SelectorList OfShunt(const std::vector<Ts>& configured) {
  SelectorList out;
  for (const Ts& ts : configured) {
    for (Family family : {Family::kV4, Family::kV6}) {
      TrafficSelector selector = ts.selector;
      if (ts.dynamic) selector.addresses = IpRange::All(family);
      if (selector.addresses.first.family == family) out.push_back(selector);
    }
  }
  return out;
}

}  // namespace

SelectorList AtHost(const std::vector<Ts>& configured, const IpAddress& host) {
  const TrafficSelector all{.addresses = {host, host}};
  if (configured.empty()) return {all};
  SelectorList out;
  for (const Ts& ts : configured) {
    TrafficSelector selector = ts.selector;
    if (ts.dynamic) selector.addresses = all.addresses;
    auto here = selector.Intersect(all);
    if (here && !std::ranges::contains(out, *here)) out.push_back(*here);
  }
  return out;
}

std::optional<Protected> ProtectedBy(const Connection& connection, const Child& child) {
  std::optional<SelectorList> local, remote;
  if (IsShunt(child.mode)) {
    local = OfShunt(child.local_ts);
    remote = OfShunt(child.remote_ts);
  } else if (child.mode == ChildMode::kTransport) {
    auto here = OnlyAddress(connection.local_addrs), there = OnlyAddress(connection.remote_addrs);
    if (here) local = AtHost(child.local_ts, *here);
    if (there) remote = AtHost(child.remote_ts, *there);
  } else {
    local = Static(child.local_ts);
    remote = Static(child.remote_ts);
  }
  const bool known = local && remote && !local->empty() && !remote->empty();
  return known ? std::optional(Protected{*std::move(local), *std::move(remote)}) : std::nullopt;
}

}  // namespace culvert::config
