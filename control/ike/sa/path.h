#pragma once

#include "common/net/ip_address.h"

namespace culvert::ike {

// Where the peer is and what lies between.
struct Path {
  Endpoint local, remote;
  bool marker = false;                        // non-ESP marker: everything on port 4500
  bool nat_local = false, nat_remote = false; // who sits behind a NAT (RFC 7296 2.23)
  bool encapsulates() const { return nat_local || nat_remote; }
  bool between(const Endpoint& l, const Endpoint& r) const { return local == l && remote == r; }
};

}  // namespace culvert::ike
