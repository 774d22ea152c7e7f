#pragma once

#include <cstdint>

#include "dataplane/worker/context.h"

namespace culvert::dp {

// The slow path of MakeWritable: copies the packet into one fresh mbuf and counts it. False, and the packet is dropped, where
// there is no mbuf or it is too long for one.
[[nodiscard]] bool CopyToWritable(WorkerContext& ctx, Packet& p, uint32_t headroom, uint32_t tailroom);

// One segment, held by nobody else: one comparison of two fields that lie side by side.
[[nodiscard]] inline bool IsSole(const rte_mbuf* m) {
  return rte_mbuf_refcnt_read(m) == 1 && m->nb_segs == 1 && RTE_MBUF_DIRECT(m);
}

// Sees to it that p.m is one segment nobody else holds, with this much room (octets) before and after the data. Crypto works
// in place, and what is shared must never be written.
[[nodiscard]] inline bool MakeWritable(WorkerContext& ctx, Packet& p, uint32_t headroom, uint32_t tailroom) {
  const rte_mbuf* m = p.m;
  bool room = m->data_off >= headroom && uint32_t{m->buf_len} >= uint32_t{m->data_off} + m->data_len + tailroom;
  if (IsSole(m) && room) [[likely]]
    return true;
  return CopyToWritable(ctx, p, headroom, tailroom);
}

}  // namespace culvert::dp
