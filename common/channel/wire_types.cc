#include "common/channel/wire_types.h"

#include <algorithm>

namespace culvert::channel {
namespace {

bool AllZero(ByteView b) {
  return std::ranges::all_of(b, [](uint8_t x) { return x == 0; });
}

bool ToAddress(uint8_t family, const uint8_t (&octets)[16], IpAddress& out) {
  if (family != 4 && family != 6) return false;
  if (family == 4 && !AllZero(ByteView(octets).subspan(4))) return false;
  out.family = static_cast<Family>(family);
  std::ranges::copy(octets, out.octets.begin());
  return true;
}

}  // namespace

WireAddress ToWire(const IpAddress& a) {
  WireAddress w{};
  std::ranges::copy(a.bytes(), w.octets);
  w.family = static_cast<uint8_t>(a.family);
  return w;
}

WireEndpoint ToWire(const Endpoint& e) { return {.address = ToWire(e.address), .zone = e.zone, .port = e.port, .zero = 0}; }

WireSelector ToWire(const TrafficSelector& ts) {
  WireSelector w{};
  std::ranges::copy(ts.addresses.first.bytes(), w.first);
  std::ranges::copy(ts.addresses.last.bytes(), w.last);
  w.family = static_cast<uint8_t>(ts.addresses.first.family);
  w.protocol = ts.protocol;
  w.port_first = ts.port_first;
  w.port_last = ts.port_last;
  return w;
}

bool FromWire(const WireAddress& w, IpAddress& out) { return AllZero(w.zero) && ToAddress(w.family, w.octets, out); }

bool FromWire(const WireEndpoint& w, Endpoint& out) {
  if (w.zero != 0 || !FromWire(w.address, out.address)) return false;
  out.port = w.port;
  out.zone = w.zone;
  return true;
}

bool FromWire(const WireSelector& w, TrafficSelector& out) {
  if (w.zero != 0) return false;
  if (!ToAddress(w.family, w.first, out.addresses.first) || !ToAddress(w.family, w.last, out.addresses.last)) return false;
  if (out.addresses.last < out.addresses.first) return false;
  out.protocol = w.protocol;
  out.port_first = w.port_first;
  out.port_last = w.port_last;
  // RFC 7296 3.13.1: a start above the end is allowed only as OPAQUE, 65535..0.
  return out.port_first <= out.port_last || out.opaque();
}

}  // namespace culvert::channel
