#pragma once

#include "dataplane/worker/context.h"

namespace culvert::dp {

enum class IcmpError : uint8_t { kTimeExceeded, kNoRoute, kHostUnreachable, kProhibited, kTooBig, kPortUnreachable };

// Tells the sender of `p`, an IP packet as parsed and not yet changed, why it will not arrive; `mtu` (octets of IP packet)
// counts with kTooBig only. The error joins ctx.originated and goes out through the policy like all the gateway's own; about
// a packet of the host's it goes to the host. Sends nothing about packets that must not be answered (errors, fragments but
// the first, multicast, no unique source: RFC 1122 3.2.2, RFC 4443 2.4 (e)), beyond the rate, or without room. Never takes or
// changes `p`: the caller still drops it.
void SendIcmpError(WorkerContext& ctx, const Packet& p, IcmpError what, uint32_t mtu = 0);

}  // namespace culvert::dp
