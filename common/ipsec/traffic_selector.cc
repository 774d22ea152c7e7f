#include "common/ipsec/traffic_selector.h"

#include <algorithm>

namespace culvert {
namespace {

std::string ProtocolName(uint8_t p) {
  switch (p) {
    case 0: return "any";
    case 1: return "icmp";
    case 6: return "tcp";
    case 17: return "udp";
    case 47: return "gre";
    case 58: return "ipv6-icmp";
    case 132: return "sctp";
  }
  return std::to_string(p);
}

constexpr bool IsIcmp(uint8_t protocol) { return protocol == 1 || protocol == 58; }

// Types where every code of them counts, else each end with its code.
std::string IcmpName(uint16_t first, uint16_t last) {
  const int low = first >> 8, high = last >> 8;
  if ((first & 0xff) == 0 && (last & 0xff) == 0xff) {
    return std::to_string(low) + (low == high ? "" : "-" + std::to_string(high));
  }
  auto one = [](uint16_t port) { return std::to_string(port >> 8) + "(" + std::to_string(port & 0xff) + ")"; };
  return one(first) + (first == last ? "" : "-" + one(last));
}

}  // namespace

bool TrafficSelector::Covers(const TrafficSelector& inner) const { return Intersect(inner) == inner; }

std::optional<TrafficSelector> TrafficSelector::Intersect(const TrafficSelector& o) const {
  TrafficSelector out;
  auto a = addresses.Intersect(o.addresses);
  if (!a || (protocol && o.protocol && protocol != o.protocol)) return std::nullopt;
  out.addresses = *a;
  out.protocol = protocol ? protocol : o.protocol;
  if (any_port() || o.any_port()) {
    const auto& narrow = any_port() ? o : *this;
    out.port_first = narrow.port_first;
    out.port_last = narrow.port_last;
  } else if (opaque() || o.opaque()) {
    if (opaque() != o.opaque()) return std::nullopt;
    out.port_first = 65535;
    out.port_last = 0;
  } else {
    out.port_first = std::max(port_first, o.port_first);
    out.port_last = std::min(port_last, o.port_last);
    if (out.port_first > out.port_last) return std::nullopt;
  }
  return out;
}

std::string TrafficSelector::ToString() const {
  std::string s = addresses.ToString();
  if (protocol == 0 && any_port()) return s;
  s += "[" + ProtocolName(protocol);
  if (opaque()) {
    s += "/OPAQUE";
  } else if (IsIcmp(protocol) && !any_port()) {
    s += "/" + IcmpName(port_first, port_last);
  } else if (!any_port()) {
    s += "/" + std::to_string(port_first);
    if (port_last != port_first) s += "-" + std::to_string(port_last);
  }
  return s + "]";
}

std::string ToString(const SelectorList& list) {
  std::string out;
  for (const auto& ts : list) out += (out.empty() ? "" : " ") + ts.ToString();
  return out;
}

}  // namespace culvert
