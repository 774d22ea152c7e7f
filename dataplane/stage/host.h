#pragma once

#include <optional>

#include "dataplane/worker/context.h"

namespace culvert::dp {

// The way to and from the host's own stack: the TAP of a port. With it, what is for an address of that port and nothing here
// consumes is the host's, wherever it came in; and the host speaks from those addresses, under the same policy as everybody.

// The port whose TAP is to get what is for p's destination, an own address; nothing where that port has none.
[[nodiscard]] std::optional<uint16_t> HostPortOf(const WorkerContext& ctx, const Packet& p);

// What keeps a parsed packet to such an address from the host; kCount: nothing does. A packet in clear must be one the policy
// lets pass in clear, and waits, like all that is forwarded, for the policy to be known. Source addresses are checked by the
// caller.
[[nodiscard]] Drop AdmitToHost(WorkerContext& ctx, const Packet& p);

// Gives it to main, which writes it to the TAP of `port`; drops it as host-full where main is behind.
void GiveToHost(WorkerContext& ctx, Packet& p, uint16_t port);

// A packet the host wrote to the TAP of p.port, from its IP header on: parses it. False: dropped. The host speaks from
// addresses of ports with a TAP alone, it does not forward; and not as IKE, which has the whole address to itself.
[[nodiscard]] bool AdmitFromHost(WorkerContext& ctx, Packet& p);

}  // namespace culvert::dp
