#include "dataplane/worker/context.h"

#include "dataplane/watch/watch.h"

namespace culvert::dp {
namespace {

// Whom a frame of ARP or neighbour discovery speaks of: the sender of ARP (RFC 826) and of a solicitation, the target of an
// advertisement (RFC 4861 4.3, 4.4).
bool SpeaksOfWanted(const NeighbourTable& neighbours, const Packet& p) {
  constexpr size_t kArpSender = 14, kV6Source = 8, kIcmpV6 = 40, kTarget = kIcmpV6 + 8;
  constexpr uint8_t kAdvertisement = 136;
  auto wanted = [&](NextHop hop) { return hop != 0 && neighbours.Wanted(hop); };
  const auto* frame = rte_pktmbuf_mtod(p.m, const uint8_t*);
  const size_t size = rte_pktmbuf_data_len(p.m);
  const uint8_t* payload = frame + sizeof(rte_ether_hdr);
  if (frame[12] == RTE_ETHER_TYPE_ARP >> 8 && frame[13] == (RTE_ETHER_TYPE_ARP & 255))
    return size >= sizeof(rte_ether_hdr) + kArpSender + 4 && wanted(neighbours.Find(p.port, 4, payload + kArpSender));
  if (size < sizeof(rte_ether_hdr) + kTarget + 16) return false;
  const size_t at = payload[kIcmpV6] == kAdvertisement ? kTarget : kV6Source;
  return wanted(neighbours.Find(p.port, 6, payload + at));
}

}  // namespace

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

Punt WorkerContext::PuntOf(MainKind what, const Packet& p) const {
  switch (what) {
    case MainKind::kIkeKnown: return Punt::kIkeKnown;
    case MainKind::kIkeNew: return Punt::kIkeNew;
    case MainKind::kResolve: return Punt::kResolve;
    case MainKind::kNeighbour: return SpeaksOfWanted(*neighbours, p) ? Punt::kNeighbour : Punt::kStranger;
    case MainKind::kFragment:
    case MainKind::kHostFragment:
    case MainKind::kHost: break;
  }
  return Punt::kFragment;
}

void WorkerContext::ToMain(MainKind what, Packet& p) {
  PacketRing* ring = rings->to_main_control;
  if (what == MainKind::kIkeKnown) ring = rings->to_main_ike_known;
  if (what == MainKind::kIkeNew) ring = rings->to_main_ike_new;
  if (!punts[static_cast<size_t>(PuntOf(what, p))].Take(now)) return Drop(p, culvert::Drop::kPuntFull);
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
