#include "dataplane/stage/forward.h"

#include <rte_ip.h>

#include "dataplane/stage/icmp_error.h"
#include "dataplane/stage/route.h"

namespace culvert::dp {
namespace {

bool LinkLocal(const uint8_t* v6) { return v6[0] == 0xfe && (v6[1] & 0xc0) == 0x80; }

// False: dropped.
bool Lower(WorkerContext& ctx, Packet& p) {
  auto* data = rte_pktmbuf_mtod(p.m, uint8_t*);
  uint8_t* ttl = data + (p.family == 4 ? offsetof(rte_ipv4_hdr, time_to_live) : offsetof(rte_ipv6_hdr, hop_limits));
  if (p.family == 6 &&
      (LinkLocal(data + offsetof(rte_ipv6_hdr, src_addr)) || LinkLocal(data + offsetof(rte_ipv6_hdr, dst_addr)))) {
    ctx.Drop(p, Drop::kMartian);
    return false;
  }
  if (*ttl <= 1) {
    SendIcmpError(ctx, p, IcmpError::kTimeExceeded);
    ctx.Drop(p, Drop::kTtlExpired);
    return false;
  }
  --*ttl;
  if (p.family == 4) {
    // RFC 1141: the checksum rises by what the TTL's word fell, with end-around carry.
    auto* ip = reinterpret_cast<rte_ipv4_hdr*>(data);
    uint32_t sum = ip->hdr_checksum + uint32_t{rte_cpu_to_be_16(0x0100)};
    ip->hdr_checksum = static_cast<uint16_t>(sum + (sum >= 0xffff));
  }
  return true;
}

// False: dropped.
bool Fits(WorkerContext& ctx, Packet& p, uint16_t mtu) {
  if (p.length <= mtu) return true;
  bool may_split = p.family == 4 &&
                   (rte_be_to_cpu_16(rte_pktmbuf_mtod(p.m, const rte_ipv4_hdr*)->fragment_offset) & RTE_IPV4_HDR_DF_FLAG) == 0;
  if (may_split) {
    ctx.Drop(p, Drop::kFragmentNeeded);
  } else {
    SendIcmpError(ctx, p, IcmpError::kTooBig, mtu);
    ctx.Drop(p, Drop::kTooBig);
  }
  return false;
}

bool Route(WorkerContext& ctx, Packet& p) {
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

}  // namespace

void LowerTtl(WorkerContext& ctx, Burst& burst) {
  uint16_t kept = 0;
  for (uint16_t i = 0; i < burst.n; ++i) {
    if (burst.p[i]->local_origin || burst.p[i]->ttl_lowered || Lower(ctx, *burst.p[i])) { burst.p[kept++] = burst.p[i]; }
  }
  burst.n = kept;
}

void Forward(WorkerContext& ctx, Burst& burst) {
  uint16_t kept = 0;
  for (uint16_t i = 0; i < burst.n; ++i) {
    if (burst.p[i]->next_hop != 0 || Route(ctx, *burst.p[i])) { burst.p[kept++] = burst.p[i]; }
  }
  burst.n = kept;
}

}  // namespace culvert::dp
