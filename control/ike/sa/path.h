#pragma once

#include "common/net/ip_address.h"
#include "config/model.h"

namespace culvert::ike {

inline constexpr uint16_t kIkePort = 500, kNatPort = 4500;

// Where the peer is and what lies between.
struct Path {
  Endpoint local, remote;
  bool marker = false;                        // non-ESP marker: everything on port 4500
  bool nat_local = false, nat_remote = false; // who sits behind a NAT (RFC 7296 2.23)
  bool encapsulates() const { return nat_local || nat_remote; }
  bool between(const Endpoint& l, const Endpoint& r) const { return local == l && remote == r; }
  // Whether an authenticated message that came that way shows that the peer has moved. RFC 7296 2.23: only the side that is not
  // behind a NAT follows, and only a peer that is behind one.
  bool shows_move(const Endpoint& l, const Endpoint& r) const { return nat_remote && !nat_local && !between(l, r); }
};

// RFC 7296 2.23, RFC 3947 4: the initiator goes on from port 4500 where there is a NAT. Or there may be one some day: RFC 4555
// 3.3 has MOBIKE there at once (`anyway`).
void FloatToNatPort(Path& path, bool anyway = false);

// Octets of an IKE message that fit one datagram on that path, by the configured largest one.
size_t MessageRoom(const config::ControlSettings& settings, const Path& path);
// The least that any path carries (RFC 7383 2.5.1): what a request is cut to when nothing larger seems to arrive.
size_t SmallestRoom(const Path& path);

}  // namespace culvert::ike
