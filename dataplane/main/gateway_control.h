#pragma once

#include <functional>
#include <optional>
#include <string>

#include "common/channel/datagram.h"
#include "common/channel/sa_event.h"

namespace culvert::dp {

// What culvert-ike may ask of the gateway beside SAs and policies: addresses, routes, datagrams. Main thread only; every
// call returns at once. Changes the gateway makes or sees by itself are told by ChannelServer::Report.
class GatewayControl {
 public:
  struct Route {
    IpPrefix to;
    std::optional<IpAddress> via;   // absent: on-link through `port`
    std::string port;               // empty: found by `via`
    friend auto operator<=>(const Route&, const Route&) = default;
  };
  struct Source {
    Endpoint local;                 // port 0; the zone of a link-local address
    std::string port;
  };

  virtual ~GatewayControl() = default;

  // `address` keeps its host bits. kExists where the address is there already, kNotFound for no such port or address.
  // Addresses and routes of culvert.conf are not the channel's to remove: kNotFound.
  virtual channel::Status AddAddress(const std::string& port, const IpPrefix& address) = 0;
  virtual channel::Status RemoveAddress(const std::string& port, const IpPrefix& address) = 0;
  virtual channel::Status AddRoute(const Route& route) = 0;
  virtual channel::Status RemoveRoute(const Route& route) = 0;

  // Which own address would reach `destination`; nullopt where no route does.
  virtual std::optional<Source> SourceFor(const IpAddress& destination) = 0;
  // Every link, then every address, then every route, as kLink, kAddressAdded and kRouteAdded events.
  virtual void Describe(const std::function<void(const channel::Event&)>& sink) = 0;
  // Sends a UDP datagram from an own address; what cannot be sent is dropped and counted there.
  virtual void Inject(const channel::DatagramInfo& info, ByteView payload) = 0;
};

}  // namespace culvert::dp
