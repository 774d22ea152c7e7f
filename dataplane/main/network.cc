#include "dataplane/main/network.h"

#include <algorithm>
#include <cstring>

namespace culvert::dp {
namespace {

using channel::Event;
using channel::EventType;
using channel::Status;

template <size_t N>
void CopyName(char (&to)[N], const std::string& name) {
  std::memcpy(to, name.data(), std::min(name.size(), N - 1));
}

Event AddressEvent(EventType type, const Network::Address& a) {
  Event e{};
  e.type = type;
  e.address.address = channel::ToWire(a.address.address);
  e.address.prefix_length = a.address.length;
  CopyName(e.address.port, a.port);
  return e;
}

Event RouteEvent(EventType type, const Network::Route& r) {
  Event e{};
  e.type = type;
  e.route.prefix = channel::ToWire(r.to.address);
  e.route.prefix_length = r.to.length;
  if (r.via) e.route.via = channel::ToWire(*r.via);
  CopyName(e.route.port, r.port);
  return e;
}

IpPrefix Subnet(const IpPrefix& address) { return *IpRange::Of(address).AsPrefix(); }

bool Assignable(const IpPrefix& a) {
  if (a.length > a.address.bits() || a.address.is_unspecified() || a.address.is_multicast()) return false;
  const auto& o = a.address.octets;
  if (a.address.family == Family::kV4) return o[0] != 0 && o[0] != 127 && o[0] < 240;
  return !(std::all_of(o.begin(), o.begin() + 15, [](uint8_t b) { return b == 0; }) && o[15] == 1);
}

}  // namespace

Network::Network(std::vector<PortInfo> ports, Published<Forwarding>& fib, Grace& grace, Neighbours& neighbours)
    : ports_(std::move(ports)), fib_(fib), grace_(grace), neighbours_(neighbours) {
  Rebuild();
}

std::optional<uint16_t> Network::PortOf(const IpAddress& own) const {
  for (const auto& [address, origin] : addresses_) {
    if (address.address.address == own) return PortByName(address.port);
  }
  return std::nullopt;
}

std::optional<uint16_t> Network::PortByName(const std::string& name) const {
  for (size_t i = 0; i < ports_.size(); ++i) {
    if (ports_[i].name == name) return static_cast<uint16_t>(i);
  }
  return std::nullopt;
}

const Network::Tunnel* Network::TunnelByName(const std::string& name) const {
  auto at = std::ranges::find(tunnels_, name, &Tunnel::name);
  return at == tunnels_.end() ? nullptr : &*at;
}

// On the same link, where it is of a link.
bool Network::IsTaken(const Address& address) const {
  for (const auto& [a, origin] : addresses_) {
    bool same_link = !a.address.address.is_link_local() || a.port == address.port;
    if (a.address.address == address.address.address && same_link) return true;
  }
  return std::ranges::any_of(tunnels_, [&](const Tunnel& t) {
    return std::ranges::contains(t.addresses, address.address.address, &IpPrefix::address);
  });
}

Status Network::AddTunnel(Tunnel tunnel) {
  bool taken = PortByName(tunnel.name) || TunnelByName(tunnel.name) != nullptr ||
               std::ranges::contains(tunnels_, tunnel.if_id, &Tunnel::if_id);
  for (const IpPrefix& a : tunnel.addresses) {
    if (!Assignable(a) || (a.address.family == Family::kV6 && a.address.is_link_local())) return Status::kMalformed;
    taken |= IsTaken({tunnel.name, a});
  }
  if (tunnel.if_id == 0) return Status::kMalformed;
  if (taken) return Status::kExists;
  if (tunnels_.size() >= config::kMaxTunnels) return Status::kNoMemory;
  tunnels_.push_back(std::move(tunnel));
  Rebuild();
  return Status::kOk;
}

Status Network::AddAddress(Address address, Origin origin) {
  auto port = PortByName(address.port);
  if (!port) return Status::kNotFound;
  if (!Assignable(address.address)) return Status::kMalformed;
  if (addresses_.size() >= kMaxAddresses) return Status::kNoMemory;
  if (IsTaken(address)) return Status::kExists;
  addresses_.emplace(address, origin);
  Rebuild();
  neighbours_.Announce(*port, address.address.address);
  if (address_observer_) address_observer_(*port, address.address, true);
  Tell(AddressEvent(EventType::kAddressAdded, address));
  return Status::kOk;
}

Status Network::RemoveAddress(const Address& address, Origin origin) {
  auto it = addresses_.find(address);
  if (it == addresses_.end() || it->second != origin) return Status::kNotFound;
  addresses_.erase(it);
  Rebuild();
  if (address_observer_) address_observer_(*PortByName(address.port), address.address, false);
  Tell(AddressEvent(EventType::kAddressRemoved, address));
  return Status::kOk;
}

Status Network::AddRoute(const Route& route, Origin origin) {
  if (!route.port.empty() && !PortByName(route.port) && TunnelByName(route.port) == nullptr) return Status::kNotFound;
  bool via_fits = !route.via || route.via->family == route.to.address.family;
  bool placed = route.via ? !route.via->is_link_local() || route.via->family == Family::kV4 || !route.port.empty()
                          : !route.port.empty();
  if (!via_fits || !placed || Subnet(route.to) != route.to) return Status::kMalformed;
  if (routes_.size() >= kMaxRoutes) return Status::kNoMemory;
  if (!routes_.emplace(route, RouteState{.origin = origin}).second) return Status::kExists;
  Rebuild();
  return Status::kOk;
}

Status Network::RemoveRoute(const Route& route, Origin origin) {
  auto it = routes_.find(route);
  if (it == routes_.end() || it->second.origin != origin) return Status::kNotFound;
  auto old = routes_.extract(it);
  Rebuild();
  if (old.mapped().pinned_port) neighbours_.Unpin(*old.mapped().pinned_port, *route.via);
  if (old.mapped().active) Tell(RouteEvent(EventType::kRouteRemoved, route));
  return Status::kOk;
}

// Through which port or tunnel a route goes now; nothing while its gateway is on no connected subnet.
std::optional<Network::Resolved> Network::Resolve(const Route& route) const {
  if (const Tunnel* t = TunnelByName(route.port)) return Resolved{kNoPort, std::nullopt, t->if_id};
  auto named = PortByName(route.port);
  if (!route.via) return Resolved{*named, std::nullopt};
  if (route.via->family == Family::kV6 && route.via->is_link_local()) return Resolved{*named, route.via};
  std::optional<Resolved> best;
  int longest = -1;
  auto consider = [&](const IpPrefix& a, const Resolved& way) {
    if (a.length <= longest || !Subnet(a).Contains(*route.via)) return;
    longest = a.length;
    best = way;
  };
  for (const auto& [a, origin] : addresses_) {
    if (!route.port.empty() && a.port != route.port) continue;
    if (a.address.address != *route.via) consider(a.address, {*PortByName(a.port), route.via});
  }
  if (!route.port.empty()) return best;
  for (const Tunnel& t : tunnels_) {
    for (const IpPrefix& a : t.addresses) consider(a, {kNoPort, std::nullopt, t.if_id});
  }
  return best;
}

void Network::Rebuild() {
  std::vector<Forwarding::Route> routes;
  auto target = [&](uint16_t port, NextHop gateway) {
    return RouteTarget{port, static_cast<uint16_t>(std::min(ports_[port].mtu, 65535u)), gateway, false};
  };
  auto into = [](uint32_t if_id) { return RouteTarget{.port = kNoPort, .mtu = 65535, .if_id = if_id}; };
  std::vector<Event> changes;
  for (auto& [route, state] : routes_) {
    auto resolved = Resolve(route);
    bool was_active = state.active;
    auto old_pin = state.pinned_port;
    NextHop gateway = 0;
    state.pinned_port.reset();
    if (resolved && resolved->via) {
      gateway = neighbours_.Pin(resolved->port, *resolved->via);
      if (gateway != 0) state.pinned_port = resolved->port;
    }
    // Released after the new pin, so that an unchanged gateway keeps its entry.
    if (old_pin) neighbours_.Unpin(*old_pin, *route.via);
    state.active = resolved && (!resolved->via || gateway != 0);
    if (state.active) {
      routes.push_back({route.to, resolved->if_id != 0 ? into(resolved->if_id) : target(resolved->port, gateway)});
    }
    if (state.active != was_active) {
      changes.push_back(RouteEvent(state.active ? EventType::kRouteAdded : EventType::kRouteRemoved, route));
    }
  }
  // A connected subnet wins over a route to the same prefix: last of equals.
  for (const Tunnel& t : tunnels_) {
    for (const IpPrefix& a : t.addresses) routes.push_back({Subnet(a), into(t.if_id)});
  }
  for (const auto& [a, origin] : addresses_) {
    if (a.address.address.family == Family::kV6 && a.address.address.is_link_local()) continue;
    routes.push_back({Subnet(a.address), target(*PortByName(a.port), 0)});
  }
  Publish(std::move(routes));
  for (const Event& e : changes) Tell(e);
}

void Network::Publish(std::vector<Forwarding::Route> routes) {
  std::vector<OwnAddress> own;
  std::vector<RouteTarget> links;
  for (const auto& [a, origin] : addresses_) own.push_back({a.address.address, *PortByName(a.port), a.address.length});
  for (const Tunnel& t : tunnels_) {
    for (const IpPrefix& a : t.addresses) own.push_back({a.address, kNoPort, a.length});
  }
  for (uint16_t i = 0; i < ports_.size(); ++i) {
    own.push_back({LinkLocalOf(ports_[i].mac), i, 64});
    links.push_back({i, static_cast<uint16_t>(std::min(ports_[i].mtu, 65535u)), 0, false});
  }
  fib_.Replace(std::make_unique<Forwarding>(++generation_, std::move(routes), std::move(own), std::move(links)), grace_);
  neighbours_.ForgetOffLink();
}

std::optional<Network::Source> Network::SourceFor(const IpAddress& destination) const {
  const Forwarding& fib = *fib_.get();
  uint8_t family = static_cast<uint8_t>(destination.family);
  const RouteTarget* r = fib.Lookup(family, destination.octets.data());
  if (r == nullptr || r->blackhole || r->if_id != 0) return std::nullopt;
  const OwnAddress* own = fib.SourceFor(r->port, family, destination.octets.data());
  if (own == nullptr) return std::nullopt;
  return Source{Endpoint{.address = own->address, .port = 0, .zone = 0}, ports_[r->port].name};
}

void Network::SetLink(uint16_t port, bool up) {
  if (ports_[port].up == up) return;
  ports_[port].up = up;
  Tell(LinkEvent(port));
}

Event Network::LinkEvent(uint16_t port) const {
  Event e{};
  e.type = EventType::kLink;
  CopyName(e.link.port, ports_[port].name);
  std::memcpy(e.link.mac, ports_[port].mac.addr_bytes, sizeof e.link.mac);
  e.link.up = ports_[port].up;
  e.link.mtu = ports_[port].mtu;
  e.link.port_index = port;
  return e;
}

void Network::Tell(const Event& e) const {
  if (listener_) listener_(e);
}

void Network::Describe(const Listener& sink) const {
  for (uint16_t i = 0; i < ports_.size(); ++i) sink(LinkEvent(i));
  for (const auto& [a, origin] : addresses_) sink(AddressEvent(EventType::kAddressAdded, a));
  for (const auto& [r, state] : routes_) {
    if (state.active) sink(RouteEvent(EventType::kRouteAdded, r));
  }
}

void Network::VisitRoutes(const std::function<void(const RouteView&)>& visit) const {
  for (const auto& [a, origin] : addresses_) visit({{Subnet(a.address), std::nullopt, a.port}, true, true});
  for (const Tunnel& t : tunnels_) {
    for (const IpPrefix& a : t.addresses) visit({{Subnet(a), std::nullopt, t.name}, true, true});
  }
  for (const auto& [r, state] : routes_) visit({r, state.active, false});
}

}  // namespace culvert::dp
