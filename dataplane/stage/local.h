#pragma once

#include "dataplane/worker/context.h"

namespace culvert::dp {

// A parsed packet to an own address: ESP and AH join `esp` (null: the packet came out of an SA, and nothing is nested here),
// IKE and neighbour discovery go to main, echo requests are answered, the rest is the host's where the port has a TAP, else
// dropped.
void Local(WorkerContext& ctx, Packet& p, Burst* esp);

// A parsed packet to a multicast group: neighbour discovery goes to main, nothing else listens.
void LocalMulticast(WorkerContext& ctx, Packet& p);

}  // namespace culvert::dp
