#pragma once

#include "dataplane/worker/context.h"

namespace culvert::dp {

// First passes over frames from a port: Ethernet, IP, and whose the packet is. ESP for the gateway goes to `esp`, what is to
// be forwarded to `plain`, its TTL lowered; everything else is answered, given to main or dropped. Both bursts need room for
// n packets.
void Classify(WorkerContext& ctx, uint16_t port, rte_mbuf** frames, uint16_t n, Burst& esp, Burst& plain);

// The same for packets out of an SA: to an own address, or to `plain`. Empties `opened`.
void ClassifyOpened(WorkerContext& ctx, Burst& opened, Burst& plain);

}  // namespace culvert::dp
