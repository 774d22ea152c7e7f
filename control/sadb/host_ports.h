#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>

#include "control/ike/action.h"

namespace culvert::sadb {

// Clients in transport mode behind one NAT have one address here, and may all speak from one port, as those of L2TP do that
// speak from 1701: what the host sends back would be any of theirs (RFC 3948 5.2). So the host sees the later ones at other
// ports of that address; the dataplane puts back the real one. A client keeps its port through all its Child SAs, as what it
// speaks to on the host knows it by that. Loop thread only.
class HostPorts {
 public:
  // What one client has as long as one of its SAs holds it.
  class Lease {
   public:
    ~Lease();
    uint16_t wire() const { return std::get<3>(client_); }  // as the client writes it
    uint16_t host() const { return host_; }                 // as the host sees it; the same where nobody else has that
   private:
    friend class HostPorts;
    using Client = std::tuple<IpAddress, IpAddress, std::string, uint16_t>;  // of the NAT, behind it, identity, port
    Lease(HostPorts& ports, Client client, uint16_t host) : ports_(ports), client_(std::move(client)), host_(host) {}

    HostPorts& ports_;
    const Client client_;
    const uint16_t host_;
  };

  // For an inbound half: nullptr where its peer is not behind a NAT in transport mode, or is not for one UDP port of its. The
  // lease must not outlive this.
  std::shared_ptr<const Lease> Take(const ike::InstallChild& inbound);

 private:
  uint16_t FreeAt(const IpAddress& address, uint16_t wanted, uint16_t otherwise) const;

  std::map<Lease::Client, std::weak_ptr<const Lease>> clients_;
  std::set<std::pair<IpAddress, uint16_t>> taken_;
};

// The selectors as the host has them.
SelectorList AtHostPort(SelectorList remote, const HostPorts::Lease& lease);

}  // namespace culvert::sadb
