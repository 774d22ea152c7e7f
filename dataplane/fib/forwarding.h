#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "common/base/limits.h"
#include "common/net/ip_address.h"
#include "dataplane/fib/prefix_table.h"

namespace culvert::dp {

inline constexpr uint16_t kNoPort = 0xffff;

// Where packets of one route go.
struct RouteTarget {
  uint16_t port = 0;       // kNoPort: into a tunnel
  uint16_t mtu = 1500;     // octets of IP packet
  uint32_t gateway = 0;    // a NextHop (neighbour_table.h); 0: on-link, the destination is its own
  bool blackhole = false;  // nothing behind it: unreachable
  uint32_t if_id = 0;      // of the tunnel it leads into; 0: out of `port`
};

struct OwnAddress {
  IpAddress address;
  uint16_t port = 0;  // kNoPort: a tunnel's
  uint8_t prefix_length = 0;
};

// An immutable snapshot of routes and own addresses. Main builds one per change and publishes it; a worker reads the one
// of its context within a pass.
class Forwarding {
 public:
  struct Route {
    IpPrefix to;
    RouteTarget target;
  };
  // Own addresses' subnets are routes too and must be among `routes`. Later of equal prefixes wins. `links` has one on-link
  // target per port, for link-local destinations.
  Forwarding(uint64_t generation, std::vector<Route> routes, std::vector<OwnAddress> own, std::vector<RouteTarget> links);

  // Longest match, nullptr without one. Addresses in network byte order. Link-local IPv6 is routed by its port, not here. What
  // leads into a tunnel is for the policy to take (policy/apply.cc): no packet leaves by it as it is.
  const RouteTarget* Lookup(uint8_t family, const uint8_t* destination) const {
    uint32_t i = family == 4 ? v4_.Lookup(destination) : v6_.Lookup(destination);
    return i == PrefixTable::kMiss ? nullptr : &targets_[i];
  }

  // Whether TunnelTowards() has anything to say.
  bool has_tunnels() const { return has_tunnels_; }
  // The tunnel that packets to this address go into; 0: none.
  uint32_t TunnelTowards(const IpAddress& destination) const {
    if (!has_tunnels_ || (destination.family == Family::kV6 && destination.is_link_local())) return 0;
    const RouteTarget* r = Lookup(static_cast<uint8_t>(destination.family), destination.octets.data());
    return r == nullptr ? 0 : r->if_id;
  }

  const RouteTarget* Link(uint16_t port) const { return port < links_.size() ? &links_[port] : nullptr; }

  // Whether a packet to this address, arriving on `port`, is for the gateway itself. Any own address is, on any port, but a
  // link-local one only on its own port.
  bool IsOwn(uint8_t family, const uint8_t* address, uint16_t port) const {
    uint64_t bit = uint64_t{1} << Mix(family, address);
    return (own_filter_ & bit) != 0 && FindOwn(family, address, port) != nullptr;
  }
  // The IPv4 question in one load: false for nearly every address that is neither an own one nor a broadcast address of ours.
  // `address` as it lies in a packet.
  bool MaybeSpecial(uint32_t address) const {
    uint32_t h = address * 0x9e3779b1u;
    return (special_[h >> 26] >> (h >> 20 & 63) & 1) != 0;
  }
  bool IsOwnV4(uint32_t address) const {
    for (uint32_t own : own_v4_) {
      if (own == address) return true;
    }
    return false;
  }
  const OwnAddress* FindOwn(uint8_t family, const uint8_t* address, uint16_t port) const;
  // The directed broadcast of a subnet of ours, or 255.255.255.255: nothing here listens, and nothing is forwarded there.
  bool IsBroadcast(const uint8_t* v4) const;

  // The own address to speak from on `port` towards `destination` (RFC 6724's rules 1, 2 and 8 are the ones that matter on
  // a router): in the destination's subnet if there is one, else the port's first of that scope, else any of that family, a
  // tunnel's last.
  const OwnAddress* SourceFor(uint16_t port, uint8_t family, const uint8_t* destination) const;

  // Differs between any two snapshots of a process: a cached next hop is good while it is the same.
  uint64_t generation() const { return generation_; }
  const std::vector<OwnAddress>& own() const { return own_; }

 private:
  static unsigned Mix(uint8_t family, const uint8_t* a) { return (family == 4 ? a[3] ^ a[2] << 2 : a[15] ^ a[7] << 2) & 63; }

  void MarkSpecial(const IpAddress& v4);

  uint64_t generation_;
  bool has_tunnels_ = false;
  PrefixTable v4_, v6_;
  std::vector<RouteTarget> targets_, links_;
  std::vector<OwnAddress> own_;  // by address
  uint64_t own_filter_ = 0;
  std::vector<uint32_t> broadcasts_;  // host byte order
  std::vector<uint32_t> own_v4_;      // as in a packet
  uint64_t special_[64] = {};         // a filter of 4,096 bits: own_v4_ and broadcasts_
};

}  // namespace culvert::dp
