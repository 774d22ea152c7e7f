#include "control/sadb/host_ports.h"

#include <algorithm>

namespace culvert::sadb {
namespace {

constexpr uint8_t kUdp = 17;
constexpr uint16_t kFirstPort = 1024;  // below it lie the ports of services

// The one UDP port that all of them are for.
std::optional<uint16_t> PortOf(const SelectorList& list) {
  if (list.empty()) return std::nullopt;
  const uint16_t port = list.front().port_first;
  auto of_port = [port](const TrafficSelector& ts) {
    return ts.protocol == kUdp && ts.port_first == port && ts.port_last == port;
  };
  return port != 0 && std::ranges::all_of(list, of_port) ? std::optional(port) : std::nullopt;
}

}  // namespace

HostPorts::Lease::~Lease() {
  ports_.taken_.erase({std::get<0>(client_), host_});
  ports_.clients_.erase(client_);
}

std::shared_ptr<const HostPorts::Lease> HostPorts::Take(const ike::InstallChild& in) {
  if (!in.original || in.original->remote == in.remote.address) return nullptr;
  const auto port = PortOf(in.remote_ts);
  if (!port) return nullptr;
  Lease::Client client{in.remote.address, in.original->remote, in.peer_id, *port};
  if (auto it = clients_.find(client); it != clients_.end()) return it->second.lock();
  const uint16_t host = FreeAt(in.remote.address, *port, in.remote.port);
  if (host == 0) return nullptr;
  std::shared_ptr<const Lease> lease(new Lease(*this, client, host));
  taken_.emplace(in.remote.address, host);
  clients_[client] = lease;
  return lease;
}

// What the NAT itself tells its clients apart by is the likeliest to be free.
uint16_t HostPorts::FreeAt(const IpAddress& address, uint16_t wanted, uint16_t otherwise) const {
  auto is_free = [&](uint16_t port) { return !taken_.contains({address, port}); };
  if (is_free(wanted)) return wanted;
  for (uint32_t step = 0; step <= UINT16_MAX; ++step) {
    const auto port = static_cast<uint16_t>(otherwise + step);
    if (port >= kFirstPort && is_free(port)) return port;
  }
  return 0;
}

SelectorList AtHostPort(SelectorList remote, const HostPorts::Lease& lease) {
  for (TrafficSelector& ts : remote) ts.port_first = ts.port_last = lease.host();
  return remote;
}

}  // namespace culvert::sadb
