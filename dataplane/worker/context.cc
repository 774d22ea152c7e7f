#include "dataplane/worker/context.h"

namespace culvert::dp {

void WorkerContext::HandOver(unsigned worker, HandOverKind what, Packet& p) {
  HandedOver h{p, static_cast<uint8_t>(what)};
  h.packet.sa = nullptr;
  if (!rings->to_worker[worker]->Put(h)) return Drop(p, culvert::Drop::kHandoverFull);
  counters.parked.Add(1);
  p.m = nullptr;
}

void WorkerContext::ToMain(MainKind what, Packet& p) {
  PacketRing* ring = rings->to_main_control;
  if (what == MainKind::kIkeKnown) ring = rings->to_main_ike_known;
  if (what == MainKind::kIkeNew) ring = rings->to_main_ike_new;
  if (!ring->Put({p, static_cast<uint8_t>(what)})) return Drop(p, culvert::Drop::kPuntFull);
  counters.parked.Add(1);
  p.m = nullptr;
  rings->main_bell->Ring();
}

bool WorkerContext::ToHost(Packet& p) {
  if (rings->to_host == nullptr || !rings->to_host->Put({p, static_cast<uint8_t>(MainKind::kHost)})) {
    Drop(p, culvert::Drop::kHostFull);
    return false;
  }
  counters.parked.Add(1);
  p.m = nullptr;
  rings->main_bell->Ring();
  return true;
}

}  // namespace culvert::dp
