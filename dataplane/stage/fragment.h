#pragma once

#include "dataplane/worker/context.h"

namespace culvert::dp {

// Puts a packet aside that is to go on in fragments of at most `size` octets, once the burst in hand is through: sealed by
// p.sa, or to the next hop it has where that is null. Takes p, or drops it.
void SplitLater(WorkerContext& ctx, Packet& p, uint32_t size);

// Cuts a packet that was put aside (RFC 791 3.2, RFC 8200 4.5): makes the fragments in ctx.pieces and adds them to `out`, an
// empty burst. They have what p had: port, next hop, SA, origin. DF is cleared, and an IPv4 ID is the packet's own. An IPv6
// packet is one of the gateway's own, cut behind the headers before p.l4. Takes p; false: it was dropped, and `out` is empty.
[[nodiscard]] bool Fragment(WorkerContext& ctx, Packet& p, Burst& out);

}  // namespace culvert::dp
