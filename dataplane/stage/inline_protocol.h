#pragma once

#include "dataplane/worker/context.h"

namespace culvert::dp {

// A frame that came with RTE_MBUF_F_RX_SEC_OFFLOAD. True: inline protocol had it, and it is in `esp`, from the packet inside
// on, for IpsecWorker::Open, or it is dropped. False, with nothing done: it is to be classified as any other.
[[nodiscard]] bool ClassifyOpenedByPort(WorkerContext& ctx, Packet& p, Burst& esp);

}  // namespace culvert::dp
