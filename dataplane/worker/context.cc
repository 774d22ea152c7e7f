#include "dataplane/worker/context.h"

#include "dataplane/watch/watch.h"

namespace culvert::dp {

void WorkerContext::HandOver(unsigned worker, HandOverKind what, Packet& p) {
  HandedOver h{p, static_cast<uint8_t>(what)};
  h.packet.sa = nullptr;
  h.packet.path = CarriedPath(p);
  if (!rings->to_worker[worker]->Put(h)) return Drop(p, culvert::Drop::kHandoverFull);
  counters.parked.Add(1);
  if (watch != nullptr) [[unlikely]]
    watch->HandedOver(p, worker, what);
  p.m = nullptr;
}

void WorkerContext::ToMain(MainKind what, Packet& p) {
  PacketRing* ring = rings->to_main_control;
  if (what == MainKind::kIkeKnown) ring = rings->to_main_ike_known;
  if (what == MainKind::kIkeNew) ring = rings->to_main_ike_new;
  HandedOver h{p, static_cast<uint8_t>(what)};
  h.packet.path = CarriedPath(p);
  if (!ring->Put(h)) return Drop(p, culvert::Drop::kPuntFull);
  counters.parked.Add(1);
  if (watch != nullptr) [[unlikely]]
    watch->ToMain(p, what);
  p.m = nullptr;
  rings->main_bell->Ring();
}

bool WorkerContext::ToHost(Packet& p) {
  if (rings->to_host == nullptr || !rings->to_host->Put({p, static_cast<uint8_t>(MainKind::kHost)})) {
    Drop(p, culvert::Drop::kHostFull);
    return false;
  }
  counters.parked.Add(1);
  if (watch != nullptr) [[unlikely]]
    watch->ToHost(p);
  p.m = nullptr;
  rings->main_bell->Ring();
  return true;
}

void WorkerContext::Hold(Packet& p) {
  counters.parked.Add(1);
  if (watch != nullptr) [[unlikely]]
    watch->Held(p);
}

void WorkerContext::TellPass(Stage s, uint16_t n) { watch->Enter(s, n); }

void WorkerContext::TellPass(Stage s, Burst& burst) { watch->Enter(s, burst); }

void WorkerContext::TellDropped(Packet& p, culvert::Drop why) { watch->Dropped(p, why); }

uint32_t WorkerContext::TellPath(Packet& p) { return watch->Id(p); }

void WorkerContext::TellConsumed(Packet& p) { watch->Consumed(p); }

}  // namespace culvert::dp
