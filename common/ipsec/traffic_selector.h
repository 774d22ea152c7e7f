#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/net/ip_address.h"

namespace culvert {

// RFC 7296 3.13.1: an address range, a protocol (0 = any) and a port range. Ports are host byte order.
// Any port is 0..65535; OPAQUE (ports exist but are hidden) is 65535..0. For ICMP the start port holds type << 8 | code.
struct TrafficSelector {
  IpRange addresses;
  uint8_t protocol = 0;
  uint16_t port_first = 0;
  uint16_t port_last = 65535;

  bool any_port() const { return port_first == 0 && port_last == 65535; }
  bool opaque() const { return port_first == 65535 && port_last == 0; }
  // True where every packet of `inner` is a packet of this one.
  bool Covers(const TrafficSelector& inner) const;
  std::optional<TrafficSelector> Intersect(const TrafficSelector& o) const;
  std::string ToString() const;  // "10.1.0.0/24", "10.1.0.0/24[tcp/80]" as swanctl prints
  friend auto operator<=>(const TrafficSelector&, const TrafficSelector&) = default;
};

using SelectorList = std::vector<TrafficSelector>;

std::string ToString(const SelectorList& list);  // separated by ' '

}  // namespace culvert
