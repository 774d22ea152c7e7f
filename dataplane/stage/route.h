#pragma once

#include "dataplane/worker/context.h"

namespace culvert::dp {

// Fills out_port and next_hop (0 where the neighbour is not known yet: transmit then asks main) for a packet towards
// `destination`, network byte order. Returns the route, nullptr without one and where it leads into a tunnel: what goes there
// is the policy's to say, and what asks here is past it. `p.port` tells the link of a link-local one.
const RouteTarget* RouteTo(const WorkerContext& ctx, uint8_t family, const uint8_t* destination, Packet& p);

}  // namespace culvert::dp
