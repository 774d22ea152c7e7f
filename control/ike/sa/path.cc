#include "control/ike/sa/path.h"

namespace culvert::ike {
namespace {

constexpr size_t kIpv4Header = 20, kIpv6Header = 40, kUdpHeader = 8, kNonEspMarker = 4;  // octets
constexpr size_t kLeastIpv4 = 576, kLeastIpv6 = 1280;                                    // octets, RFC 7383 2.5.1

size_t Overhead(const Path& path) {
  size_t ip = path.remote.address.family == Family::kV4 ? kIpv4Header : kIpv6Header;
  return ip + kUdpHeader + (path.marker ? kNonEspMarker : 0);
}

}  // namespace

void FloatToNatPort(Path& path, bool anyway) {
  if (!path.encapsulates() && !anyway) return;
  path.local.port = kNatPort;
  if (path.remote.port == kIkePort) path.remote.port = kNatPort;
  path.marker = true;
}

size_t MessageRoom(const config::ControlSettings& settings, const Path& path) {
  bool v4 = path.remote.address.family == Family::kV4;
  const size_t datagram = v4 ? settings.fragment_size_v4 : settings.fragment_size_v6, overhead = Overhead(path);
  return datagram > overhead ? datagram - overhead : 0;
}

size_t SmallestRoom(const Path& path) {
  return (path.remote.address.family == Family::kV4 ? kLeastIpv4 : kLeastIpv6) - Overhead(path);
}

}  // namespace culvert::ike
