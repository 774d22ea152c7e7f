#pragma once

#include "common/net/ip_address.h"
#include "common/ipsec/traffic_selector.h"

namespace culvert::dp {

// The selectors an SA in transport mode goes by on one side: those of `list` that hold its own end, narrowed to that address.
// RFC 4301 4.1: such an SA is between two hosts, so nothing between other addresses is ever sealed by it or let out of it.
// Empty: the list leaves out the SA's own end.
SelectorList AtEndpoint(const SelectorList& list, const IpAddress& endpoint);

}  // namespace culvert::dp
