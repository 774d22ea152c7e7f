#pragma once

#include "dataplane/worker/context.h"

namespace culvert::dp {

// RFC 1812 5.3.1, RFC 8200 3: one hop less, before policy. Drops, and answers with an error, what has no hop left; drops
// link-local packets, which no router forwards (RFC 4291 2.5.6). Packets made here are passed by.
void LowerTtl(WorkerContext& ctx, Burst& burst);

// Routes every packet by its destination unless its next hop is set already, and checks the link's MTU. What cannot go is
// dropped, and its sender told.
void Forward(WorkerContext& ctx, Burst& burst);

}  // namespace culvert::dp
