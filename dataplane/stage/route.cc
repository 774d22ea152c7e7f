#include "dataplane/stage/route.h"

namespace culvert::dp {

const RouteTarget* RouteTo(const WorkerContext& ctx, uint8_t family, const uint8_t* destination, Packet& p) {
  bool link_local = family == 6 && destination[0] == 0xfe && (destination[1] & 0xc0) == 0x80;
  const RouteTarget* r = link_local ? ctx.fib->Link(p.port) : ctx.fib->Lookup(family, destination);
  if (r == nullptr || r->blackhole || r->if_id != 0) return nullptr;
  p.out_port = r->port;
  p.next_hop = r->gateway != 0 ? r->gateway : ctx.neighbours->Find(r->port, family, destination);
  return r;
}

}  // namespace culvert::dp
