#include "dataplane/main/sender.h"

#include <cstring>

namespace culvert::dp {

void Sender::Give(HandOverKind kind, Packet p) {
  PacketRing* ring = to_worker_[tx_owner_[p.out_port]];
  if (ring->Put({p, static_cast<uint8_t>(kind)})) {
    counters_.parked.Add(1);
  } else {
    counters_.Drop(Drop::kHandoverFull);
    rte_pktmbuf_free(p.m);
  }
}

rte_mbuf* Sender::MakePacket(ByteView data) {
  rte_mbuf* m = rte_pktmbuf_alloc(pool_);
  if (m == nullptr) return nullptr;
  char* room = data.size() > 0xffff ? nullptr : rte_pktmbuf_append(m, static_cast<uint16_t>(data.size()));
  if (room == nullptr) {
    rte_pktmbuf_free(m);
    return nullptr;
  }
  std::memcpy(room, data.data(), data.size());
  return m;
}

bool Sender::SendFrame(uint16_t port, ByteView frame) {
  Packet p;
  p.m = MakePacket(frame);
  if (p.m == nullptr) return false;
  p.out_port = port;
  p.framed = true;
  p.local_origin = true;
  counters_.injected.Add(1);
  Give(HandOverKind::kTransmit, p);
  return true;
}

}  // namespace culvert::dp
