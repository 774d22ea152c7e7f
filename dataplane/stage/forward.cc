#include "dataplane/stage/forward.h"

#include <rte_ip.h>

#include "dataplane/stage/fragment.h"
#include "dataplane/stage/icmp_error.h"
#include "dataplane/stage/route.h"

namespace culvert::dp {
namespace {

// False: dropped, or put aside.
bool Fits(WorkerContext& ctx, Packet& p, uint16_t mtu) {
  if (p.length <= mtu) return true;
  bool may_split = p.family == 4 &&
                   (rte_be_to_cpu_16(rte_pktmbuf_mtod(p.m, const rte_ipv4_hdr*)->fragment_offset) & RTE_IPV4_HDR_DF_FLAG) == 0;
  if (may_split) {
    SplitLater(ctx, p, mtu);  // RFC 1812 5.2.6
  } else {
    SendIcmpError(ctx, p, IcmpError::kTooBig, mtu);
    ctx.Drop(p, Drop::kTooBig);
  }
  return false;
}

}  // namespace

bool Forward(WorkerContext& ctx, Packet& p) {
  if (p.next_hop != 0) return true;
  const auto* data = rte_pktmbuf_mtod(p.m, const uint8_t*);
  const uint8_t* to = data + (p.family == 4 ? offsetof(rte_ipv4_hdr, dst_addr) : offsetof(rte_ipv6_hdr, dst_addr));
  const RouteTarget* target = RouteTo(ctx, p.family, to, p);
  if (target == nullptr) {
    SendIcmpError(ctx, p, IcmpError::kNoRoute);
    ctx.Drop(p, Drop::kNoRoute);
    return false;
  }
  return Fits(ctx, p, target->mtu);
}

void Forward(WorkerContext& ctx, Burst& burst) {
  uint16_t kept = 0;
  for (uint16_t i = 0; i < burst.n; ++i) {
    if (Forward(ctx, *burst.p[i])) burst.p[kept++] = burst.p[i];
  }
  burst.n = kept;
}

}  // namespace culvert::dp
