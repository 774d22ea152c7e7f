#pragma once

#include <cstdint>

#include "common/ipsec/traffic_selector.h"

namespace culvert::channel {

// Fixed-size, pointer-free forms of common types for the shared-memory rings. All integers are host byte order (both ends
// run on one machine), all padding is explicit and zero.
struct WireAddress {
  uint8_t octets[16];      // network byte order, a v4 address in the first four
  uint8_t family;          // 4 or 6; anything else is refused by the receiver
  uint8_t zero[3];
};
static_assert(sizeof(WireAddress) == 20);

struct WireEndpoint {
  WireAddress address;
  uint32_t zone;           // port index for link-local addresses
  uint16_t port;           // host byte order
  uint16_t zero;
};
static_assert(sizeof(WireEndpoint) == 28);

struct WireSelector {
  uint8_t first[16], last[16];
  uint8_t family;
  uint8_t protocol;
  uint16_t port_first, port_last;
  uint16_t zero;
};
static_assert(sizeof(WireSelector) == 40);

WireAddress ToWire(const IpAddress& a);
WireEndpoint ToWire(const Endpoint& e);
WireSelector ToWire(const TrafficSelector& ts);
// False where the bytes are not a value of the type (family, order of a range, non-zero padding): the ring is a trust boundary.
[[nodiscard]] bool FromWire(const WireAddress& w, IpAddress& out);
[[nodiscard]] bool FromWire(const WireEndpoint& w, Endpoint& out);
[[nodiscard]] bool FromWire(const WireSelector& w, TrafficSelector& out);

}  // namespace culvert::channel
