#pragma once

#include <rte_ether.h>

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/channel/sa_event.h"
#include "config/model.h"
#include "dataplane/fib/forwarding.h"
#include "dataplane/main/gateway_control.h"
#include "dataplane/main/neighbours.h"
#include "dataplane/worker/published.h"

namespace culvert::dp {

inline constexpr size_t kMaxAddresses = 4096;  // bounds a look-up by list on the slow path
inline constexpr size_t kMaxRoutes = 65536;    // bounds the forwarding tables' memory and the time of a rebuild

// Addresses, routes and links of the gateway: what culvert.conf says and what culvert-ike adds. Every change builds a new
// Forwarding and publishes it. Main thread only.
class Network {
 public:
  enum class Origin : uint8_t { kConfig, kChannel };
  struct PortInfo {
    std::string name;
    rte_ether_addr mac{};
    uint32_t mtu = 1500;
    bool up = true;
  };
  // A tunnel interface: no port, and so no link, no neighbours and nothing that culvert-ike hears of. What is routed into it is
  // for the policy to take.
  struct Tunnel {
    std::string name;
    uint32_t if_id = 0;               // not 0
    std::vector<IpPrefix> addresses;  // with their host bits
  };
  using Route = GatewayControl::Route;
  using Source = GatewayControl::Source;
  struct Address {
    std::string port;
    IpPrefix address;               // with its host bits
    friend auto operator<=>(const Address&, const Address&) = default;
  };
  using Listener = std::function<void(const channel::Event&)>;  // kLink, kAddress*, kRoute*; epoch and txn 0

  // Everything is borrowed. Each port gets its link-local IPv6 address.
  Network(std::vector<PortInfo> ports, Published<Forwarding>& fib, Grace& grace, Neighbours& neighbours);

  void SetListener(Listener listener) { listener_ = std::move(listener); }
  // Told of every own address that comes or goes from now on, before the listener is.
  using AddressObserver = std::function<void(uint16_t port, const IpPrefix& address, bool present)>;
  void SetAddressObserver(AddressObserver observer) { address_observer_ = std::move(observer); }

  // kExists: it is there. kNotFound: no such port, or nothing of that origin to remove. kMalformed: no address a port can
  // have, or a route that says neither how. kNoMemory: too many.
  channel::Status AddAddress(Address address, Origin origin);
  channel::Status RemoveAddress(const Address& address, Origin origin);
  // Once each, before the routes over it. kExists: the name, the number or an address is taken.
  channel::Status AddTunnel(Tunnel tunnel);
  // A route whose gateway is on no connected subnet is kept, and works as soon as it is on one.
  channel::Status AddRoute(const Route& route, Origin origin);
  channel::Status RemoveRoute(const Route& route, Origin origin);

  std::optional<Source> SourceFor(const IpAddress& destination) const;
  void SetLink(uint16_t port, bool up);
  // Every link, then every address, then every active route.
  void Describe(const Listener& sink) const;

  struct RouteView {
    Route route;
    bool active;
    bool connected;
  };
  void VisitRoutes(const std::function<void(const RouteView&)>& visit) const;
  const std::vector<PortInfo>& ports() const { return ports_; }
  const std::vector<Tunnel>& tunnels() const { return tunnels_; }
  // Of which port it is an own address now.
  std::optional<uint16_t> PortOf(const IpAddress& own) const;
  const std::map<Address, Origin>& addresses() const { return addresses_; }

 private:
  struct RouteState {
    Origin origin;
    bool active = false;
    std::optional<uint16_t> pinned_port;  // of a gateway held in the neighbour table
  };
  struct Resolved {
    uint16_t port;  // kNoPort: into a tunnel
    std::optional<IpAddress> via;
    uint32_t if_id = 0;
  };
  std::optional<uint16_t> PortByName(const std::string& name) const;
  const Tunnel* TunnelByName(const std::string& name) const;
  bool IsTaken(const Address& address) const;
  std::optional<Resolved> Resolve(const Route& route) const;
  void Rebuild();
  void Publish(std::vector<Forwarding::Route> routes);
  void Tell(const channel::Event& e) const;
  channel::Event LinkEvent(uint16_t port) const;

  std::vector<PortInfo> ports_;
  std::vector<Tunnel> tunnels_;
  Published<Forwarding>& fib_;
  Grace& grace_;
  Neighbours& neighbours_;
  Listener listener_;
  AddressObserver address_observer_;
  std::map<Address, Origin> addresses_;
  std::map<Route, RouteState> routes_;
  uint64_t generation_ = 1;
};

}  // namespace culvert::dp
