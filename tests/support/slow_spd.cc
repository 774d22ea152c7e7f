#include "tests/support/slow_spd.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace culvert::testing {
namespace {

struct End {
  IpAddress address;
  std::optional<uint16_t> port;
};

bool InRange(const IpRange& range, const IpAddress& a) {
  return range.first.family == a.family && !(a < range.first) && !(range.last < a);
}

// RFC 4301 4.4.1.1: ANY takes what can and what cannot be seen, OPAQUE what cannot, a range what can.
bool TakesPort(const TrafficSelector& ts, const std::optional<uint16_t>& port) {
  if (ts.port_first == 0 && ts.port_last == 65535) return true;
  if (ts.port_first == 65535 && ts.port_last == 0) return !port.has_value();
  return port.has_value() && *port >= ts.port_first && *port <= ts.port_last;
}

bool Takes(const TrafficSelector& ts, const End& end, uint8_t protocol) {
  return InRange(ts.addresses, end.address) && (ts.protocol == 0 || ts.protocol == protocol) && TakesPort(ts, end.port);
}

// The network of so many bits around `a` lies in the range as a whole.
bool HoldsNetwork(const IpRange& range, const IpAddress& a, unsigned length) {
  IpAddress low = a, high = a;
  for (unsigned i = 0; i < a.size(); ++i) {
    const unsigned of_network = std::min(8u, length - std::min(length, 8 * i));
    const unsigned host = 0xffu >> of_network;
    low.octets[i] &= static_cast<uint8_t>(~host);
    high.octets[i] |= static_cast<uint8_t>(host);
  }
  return InRange(range, low) && InRange(range, high);
}

// How long the widest prefix around `a` is that lies in the range as a whole.
int PrefixAround(const IpRange& range, const IpAddress& a) {
  unsigned length = 0;
  while (!HoldsNetwork(range, a, length)) ++length;
  return static_cast<int>(length);
}

// (remote, local) prefix lengths of the pair of selectors that takes the packet, the longest of several; nullopt: none does.
std::optional<std::pair<int, int>> PlaceOf(const SlowRule& rule, const End& remote, const End& local, uint8_t protocol) {
  std::optional<std::pair<int, int>> longest;
  for (const TrafficSelector& r : rule.remote) {
    for (const TrafficSelector& l : rule.local) {
      if (!Takes(r, remote, protocol) || !Takes(l, local, protocol)) continue;
      const std::pair place(PrefixAround(r.addresses, remote.address), PrefixAround(l.addresses, local.address));
      longest = longest ? std::max(*longest, place) : place;
    }
  }
  return longest;
}

// Rules over the same prefixes: those that ask for more of protocol and ports go first.
int Asks(const SlowRule& rule) {
  int asks = 0;
  for (const SelectorList* list : {&rule.local, &rule.remote}) {
    for (const TrafficSelector& ts : *list) asks += (ts.protocol != 0) + !(ts.port_first == 0 && ts.port_last == 65535);
  }
  return asks;
}

}  // namespace

const SlowRule* FindSlowly(const std::vector<SlowRule>& rules, const SlowPacket& packet, bool inbound, uint32_t if_id) {
  const End source{packet.source, packet.source_port}, destination{packet.destination, packet.destination_port};
  const End &local = inbound ? destination : source, &remote = inbound ? source : destination;
  const SlowRule* best = nullptr;
  std::tuple<uint64_t, int, int, int, uint64_t> best_order;
  for (const SlowRule& r : rules) {
    if ((inbound ? r.if_id_in : r.if_id_out) != if_id) continue;
    const auto place = PlaceOf(r, remote, local, packet.protocol);
    if (!place) continue;
    const std::tuple order(r.rank, -place->first, -place->second, -Asks(r), r.id);
    if (best != nullptr && best_order < order) continue;
    best = &r;
    best_order = order;
  }
  return best;
}

}  // namespace culvert::testing
