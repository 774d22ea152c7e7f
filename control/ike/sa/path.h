#pragma once

#include "common/net/ip_address.h"
#include "config/model.h"

namespace culvert::ike {

// Where the peer is and what lies between.
struct Path {
  Endpoint local, remote;
  bool marker = false;                        // non-ESP marker: everything on port 4500
  bool nat_local = false, nat_remote = false; // who sits behind a NAT (RFC 7296 2.23)
  bool encapsulates() const { return nat_local || nat_remote; }
  bool between(const Endpoint& l, const Endpoint& r) const { return local == l && remote == r; }
};

// Octets of an IKE message that fit one datagram on that path, by the configured largest one.
size_t MessageRoom(const config::ControlSettings& settings, const Path& path);
// The least that any path carries (RFC 7383 2.5.1): what a request is cut to when nothing larger seems to arrive.
size_t SmallestRoom(const Path& path);

}  // namespace culvert::ike
