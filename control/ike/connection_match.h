#pragma once

#include <optional>
#include <span>
#include <vector>

#include "control/ike/sa/child_sa.h"

namespace culvert::ike {

// IKEv2 connections whose local_addrs and remote_addrs admit this pair, those that name the peer most closely first, then in
// order of loading. Entries are addresses, prefixes, ranges and %any; host names admit nobody.
std::vector<ConnectionRef> ConnectionsFor(std::span<const ConnectionRef> all, const IpAddress& local, const IpAddress& remote);

// The address an initiator calls: the first single address of remote_addrs.
std::optional<IpAddress> CallTo(const config::Connection& c);
// The address it calls from: the first single address of local_addrs of that family. nullopt: whichever reaches the peer.
std::optional<IpAddress> CallFrom(const config::Connection& c, const IpAddress& remote);

}  // namespace culvert::ike
