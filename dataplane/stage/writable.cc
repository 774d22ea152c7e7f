#include "dataplane/stage/writable.h"

namespace culvert::dp {

bool CopyToWritable(WorkerContext& ctx, Packet& p, uint32_t headroom, uint32_t tailroom) {
  ctx.counters.slow_path.Add(1);
  uint32_t length = rte_pktmbuf_pkt_len(p.m);
  rte_mbuf* copy = rte_pktmbuf_alloc(ctx.pool);
  if (copy == nullptr || copy->data_off < headroom || rte_pktmbuf_tailroom(copy) < length + tailroom) {
    rte_pktmbuf_free(copy);
    ctx.Drop(p, Drop::kNoMbuf);
    return false;
  }
  char* to = rte_pktmbuf_append(copy, static_cast<uint16_t>(length));
  const void* from = rte_pktmbuf_read(p.m, 0, length, to);
  if (from != to) std::memcpy(to, from, length);  // one segment: read gave a pointer into it and copied nothing
  copy->ol_flags |= p.m->ol_flags & (RTE_MBUF_F_RX_SEC_OFFLOAD | RTE_MBUF_F_RX_SEC_OFFLOAD_FAILED);
  rte_pktmbuf_free(p.m);
  p.m = copy;
  return true;
}

}  // namespace culvert::dp
