#include "dataplane/stage/ttl.h"

#include "dataplane/stage/icmp_error.h"

namespace culvert::dp {
namespace {

bool LinkLocal(const uint8_t* v6) { return v6[0] == 0xfe && (v6[1] & 0xc0) == 0x80; }

}  // namespace

bool LowerTtl(WorkerContext& ctx, Packet& p) {
  auto* data = rte_pktmbuf_mtod(p.m, uint8_t*);
  bool lowered = false;
  if (p.family == 4) {
    lowered = LowerUsualTtl(data);
  } else {
    if (LinkLocal(data + offsetof(rte_ipv6_hdr, src_addr)) || LinkLocal(data + offsetof(rte_ipv6_hdr, dst_addr))) {
      ctx.Drop(p, Drop::kMartian);
      return false;
    }
    uint8_t& limit = data[offsetof(rte_ipv6_hdr, hop_limits)];
    lowered = limit > 1;
    if (lowered) --limit;
  }
  if (lowered) return true;
  SendIcmpError(ctx, p, IcmpError::kTimeExceeded);
  ctx.Drop(p, Drop::kTtlExpired);
  return false;
}

}  // namespace culvert::dp
