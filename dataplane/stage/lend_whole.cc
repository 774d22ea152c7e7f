#include <rte_ip.h>
#include <rte_udp.h>

#include <cstring>

#include "dataplane/stage/accept.h"
#include "dataplane/stage/esp_worker.h"
#include "dataplane/stage/esp_write.h"
#include "dataplane/stage/inner_header.h"
#include "dataplane/stage/lent.h"

// SAs that a crypto device has as a whole (rte_security lookaside protocol): a packet goes to it in clear and comes back
// sealed, or the other way round. The numbers of what goes out are the device's, and counted here. All else that is promised of
// SAs stays here: the window, limits, selectors, and the headers of a tunnel, which are written over the device's on the way
// out, and read before it on the way in.
namespace culvert::dp {
namespace {

constexpr uint32_t kUdpHeader = sizeof(rte_udp_hdr), kEspHeader = 8;  // octets

}  // namespace

// What the device does not do as the processor does takes the SA from it, for the numbers are the device's. False: it is the
// processor's, or dropped.
bool EspWorker::LendWhole(WorkerContext& ctx, Packet& p, OutboundSa& sa, const SealPlan& plan) {
  if (!IsPlainFront(p, sa, plan.at.length)) {
    LeaveDeviceAt(ctx, p, sa);
    return false;
  }
  const bool transport = IsTransport(sa.form);
  const auto* inner = rte_pktmbuf_mtod(p.m, const uint8_t*);
  const auto header = static_cast<uint16_t>(transport ? plan.at.length : p.l4);
  Lent lent{.sa = &sa,
            .suite = sa.suite,
            .encap = sa.encap,
            .seal = true,
            .whole = true,
            .cut = plan.total > sa.route_mtu,
            .tos = static_cast<uint8_t>(GetTos(inner, p.family) & sa.tos_mask),
            .df = static_cast<uint8_t>(GetDf(inner, p.family) & sa.df_mask)};
  PutWirePort(p, sa);
  p.l4 = static_cast<uint16_t>(transport ? header : IpHeader(sa.family));
  p.family = sa.family;
  p.protocol = sa.encap ? IPPROTO_UDP : IPPROTO_ESP;
  BecomeSealed(p);
  lent.packet = p;
  lent.packet.path = ctx.CarriedPath(p);
  uint8_t iv[16];
  if (crypto::IsCbc(sa.suite)) {
    std::memcpy(iv, engine_->NextIv(), sizeof iv);  // RFC 3602 3
  } else {
    const uint64_t counted = rte_cpu_to_be_64(sa.iv_prefix | (sa.sequence.get() + 1));
    std::memcpy(iv, &counted, sizeof counted);
  }
  const bool taken = devices_[sa.device]->SubmitWhole(sa.session, iv, sa.iv_length, header, p.m, &lent, sizeof lent);
  if (!HoldLent(ctx, p, taken)) return true;
  (void)TakeNumber(ctx, sa, plan.text);
  ++sa.in_flight;
  return true;
}

// A device that has put something else before ESP than was agreed would have it sent as anything. False: it has.
bool EspWorker::FinishWhole(Packet& p, const OutboundSa& sa, const Lent& lent) {
  rte_mbuf* m = p.m;
  auto* outer = rte_pktmbuf_mtod(m, uint8_t*);
  const uint32_t spi_at = p.l4 + (lent.encap ? kUdpHeader : 0);
  if (m->nb_segs != 1 || m->data_len < spi_at + kEspHeader || *outer >> 4 != p.family) return false;
  if (!SameOctets(outer + spi_at, sa.header + sa.header_length - sizeof(Spi), sizeof(Spi))) return false;
  p.length = m->data_len;
  const bool moved = lent.encap != sa.encap || p.family != sa.family;  // the peer, meanwhile
  if (IsTransport(sa.form) || moved) return true;
  uint8_t behind[kOuterReach];
  std::memcpy(behind, outer + sa.header_length, sizeof behind);
  WriteOuter(outer, sa, lent.tos, lent.df, p.length, LoadBe32(behind));
  std::memcpy(outer + sa.header_length, behind, sizeof behind);
  return true;
}

// Not what the device would see otherwise than the processor, nor what comes from elsewhere: the peer may have moved.
bool EspWorker::MayOpenWhole(const OpenLane& lane) {
  const InboundSa& sa = *lane.sa;
  const Packet& p = *lane.packet;
  return p.l4 == IpHeader(p.family) && lane.encap == sa.encap && IsKnownPeer(sa, lane, rte_pktmbuf_mtod(p.m, const uint8_t*));
}

void EspWorker::TakeWhole(WorkerContext& ctx, Packet& p, const offload::LookasideQueue::Result& result, Burst& opened) {
  const Lent& lent = LentOf(result);
  auto& sa = *static_cast<InboundSa*>(p.sa);
  if (result.kind != offload::LookasideQueue::Result::kDone) return ctx.Drop(p, Drop::kBadIcv);
  if (p.m->nb_segs != 1) return ctx.Drop(p, Drop::kCryptoFailed);
  OpenLane& lane = lanes_[0];
  lane = {&sa, lent.sequence, &p, lent.spi, lent.esp, lent.encap};
  p.length = p.m->data_len;
  if (AcceptUncovered(ctx, lane, lent.text_length, lent.tos)) {
    opened.Add(p);
    if (options_.mss != 0) ClampIn(ctx, sa, p);
  }
  PublishEdges(1);
}

}  // namespace culvert::dp
