#include "dataplane/stage/inline_protocol.h"

#include <rte_ether.h>
#include <rte_ip.h>

#include <cstring>

#include "common/base/limits.h"
#include "dataplane/sa/sa_tag.h"
#include "dataplane/stage/accept.h"
#include "dataplane/stage/esp_worker.h"
#include "dataplane/stage/esp_write.h"
#include "dataplane/stage/writable.h"
#include "dataplane/watch/watch.h"

// SAs that a port has as a whole (rte_security inline protocol). What goes out is in clear until the port has it, what comes in
// is so from the port on. Limits, selectors, counters and the window stay here; the numbers are the port's, and counted here.
namespace culvert::dp {
namespace {

constexpr uint32_t kGranule = 4;  // octets: RFC 4303 2.4 aligns to no less

// What was enciphered of a packet of which only the inside is left: without padding that nobody needs.
uint32_t TextOf(uint32_t length) { return (length + kEspTrailer + kGranule - 1) & ~(kGranule - 1); }

// A packet in clear waits for nobody: what main asks for the neighbour with is its outer IP header alone, and ends there.
void AskForNeighbour(WorkerContext& ctx, Packet& p, const OutboundSa& sa) {
  p.length = static_cast<uint16_t>(IpHeader(sa.family));
  p.m->data_len = p.length;
  p.m->pkt_len = p.length;
  std::memcpy(rte_pktmbuf_mtod(p.m, void*), sa.header, p.length);
  p.family = sa.family;
  p.by_port = true;
  ctx.ToMain(MainKind::kResolve, p);
}

}  // namespace

bool ClassifyOpenedByPort(WorkerContext& ctx, Packet& p, Burst& esp) {
  Port& port = *ctx.ports[p.port].port;
  Port::OpenedPacket opened;
  if (!port.OpenedByProtocol(p.m, opened)) return false;
  if (ctx.watch != nullptr) ctx.watch->Uncovered(p);
  auto drop = [&](Drop why) {
    ctx.Drop(p, why);
    return true;
  };
  // The device does not say what was wrong with it.
  if ((p.m->ol_flags & RTE_MBUF_F_RX_SEC_OFFLOAD_FAILED) != 0) return drop(Drop::kBadIcv);
  if (!IsSole(p.m) && !CopyToWritable(ctx, p, 0, 0)) return true;
  p.m->ol_flags &= ~RTE_MBUF_F_RX_SEC_OFFLOAD;
  if (p.m->data_len < RTE_ETHER_HDR_LEN) return drop(Drop::kRunt);
  const auto* eth = rte_pktmbuf_mtod(p.m, const rte_ether_hdr*);
  if (!rte_is_same_ether_addr(&eth->dst_addr, &port.mac)) {
    if (!rte_is_multicast_ether_addr(&eth->dst_addr)) return drop(Drop::kNotForUs);
    p.link_broadcast = true;
  }
  rte_pktmbuf_adj(p.m, RTE_ETHER_HDR_LEN);
  p.by_port = true;
  p.protocol = kOpenedByPort;
  p.tag = opened.userdata;
  p.sequence = opened.sequence;
  p.length = p.m->data_len;
  p.family = p.length != 0 && *rte_pktmbuf_mtod(p.m, const uint8_t*) >> 4 == 4 ? 4 : 6;
  esp.Add(p);
  return true;
}

// Of what the port has opened: its SA, if that is still there and this worker's. Null: dropped, or handed over.
InboundSa* EspWorker::FindOpened(WorkerContext& ctx, Packet& p) {
  InboundSa* sa = FindInbound(tables_, SaTag::Of(p.tag));
  if (sa == nullptr) {
    ctx.Drop(p, Drop::kRetired);
    return nullptr;
  }
  if (IsMine(*sa)) return sa;
  OpenAtOwner(ctx, *sa, p);
  return nullptr;
}

bool EspWorker::AcceptFromPort(WorkerContext& ctx, OpenLane& lane) {
  Packet& p = *lane.packet;
  auto drop = [&](Drop why) {
    ctx.Drop(p, why);
    return false;
  };
  InboundSa& sa = *lane.sa;
  if (sa.packets.get() >= sa.alarm_packets || sa.bytes.get() >= sa.alarm_bytes || ctx.now >= sa.alarm_at) {
    if (!CheckLimits(ctx, sa)) return drop(Drop::kExpired);
  }
  // The ICV was right, so the number is the peer's.
  lane.sequence = sa.esn ? sa.window.Infer(p.sequence) : p.sequence;
  p.by_port = false;
  return AcceptUncovered(ctx, lane, TextOf(p.length), std::nullopt);
}

void EspWorker::TakeFromPort(WorkerContext& ctx, Burst& opened) {
  ctx.Enter(Stage::kAccept, by_port_);
  uint16_t n = 0;
  for (uint16_t i = 0; i < by_port_.n; ++i) {
    Packet& p = *by_port_.p[i];
    InboundSa* sa = FindOpened(ctx, p);
    if (sa == nullptr) continue;
    OpenLane& lane = lanes_[n++];
    lane = {.sa = sa, .sequence = 0, .packet = &p, .spi = sa->spi, .esp = 0, .encap = false};
    if (!AcceptFromPort(ctx, lane)) continue;
    opened.Add(p);
    if (options_.mss != 0) ClampIn(ctx, *sa, p);
  }
  by_port_.n = 0;
  PublishEdges(n);
}

// What takes another way, waits for its neighbour or is to be cut would be seen in clear on its way to the port, and a number
// of the processor's among the port's would come twice: the SA stays the processor's from there on. A manual one has no rekey
// that would take it back, so for a neighbour alone it stays, and its first packets are lost.
bool EspWorker::GiveToPort(WorkerContext& ctx, Packet& p, OutboundSa& sa, const SealPlan& plan) {
  const bool known = ctx.neighbours->Usable(p.next_hop);
  if (!known && p.out_port == sa.device && sa.sa_index >= kSaIndexLimit) {
    AskForNeighbour(ctx, p, sa);
    return false;
  }
  const bool may = p.out_port == sa.device && known && plan.total <= sa.route_mtu &&
                   IsPlainFront(p, sa, plan.at.length);
  const uint16_t l3 = IsTransport(sa.form) ? plan.at.length : p.l4;
  if (!may || !inline_ports_->Mark(sa.device, sa.session, p.m, RTE_ETHER_HDR_LEN, l3)) {
    LeaveDeviceAt(ctx, p, sa);
    return false;
  }
  PutWirePort(p, sa);
  (void)TakeNumber(ctx, sa, plan.text);
  p.by_port = true;
  p.tag = SaTag{sa.sa_index, sa.installation}.word();
  p.family = sa.family;
  p.protocol = IPPROTO_ESP;
  BecomeSealed(p);
  return true;
}

}  // namespace culvert::dp
