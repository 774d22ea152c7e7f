#pragma once

#include "dataplane/worker/context.h"

namespace culvert::dp {

// Routes a packet by its destination unless its next hop is set already, and checks the link's MTU. False: it cannot go, is
// dropped, and its sender told; or it has to go in fragments, and is put aside.
[[nodiscard]] bool Forward(WorkerContext& ctx, Packet& p);

// The same for each of a burst; those dropped leave it.
void Forward(WorkerContext& ctx, Burst& burst);

}  // namespace culvert::dp
