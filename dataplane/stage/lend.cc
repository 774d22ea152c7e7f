#include "dataplane/stage/lent.h"

#include <algorithm>

#include "dataplane/stage/accept.h"
#include "dataplane/stage/esp_worker.h"
#include "dataplane/stage/esp_write.h"
#include "dataplane/watch/watch.h"

// Packets that a crypto device seals or opens: all that the processor would write is written when they go, and they come back,
// in a later pass, at the step behind the cryptography. Meanwhile they count as held. What is a device's as a whole differs in
// lend_whole.cc.
namespace culvert::dp {

using Result = offload::LookasideQueue::Result;

// `taken`: the device did.
bool EspWorker::HoldLent(WorkerContext& ctx, Packet& p, bool taken) {
  if (!taken) {
    ctx.Drop(p, Drop::kCryptoFull);
    return false;
  }
  ctx.Hold(p);
  lent_ = true;
  return true;
}

void EspWorker::LendSealed(WorkerContext& ctx, Packet& p, OutboundSa& sa, const crypto::CryptoOp& op) {
  Lent lent{.packet = p, .sa = &sa, .suite = op.suite, .seal = true, .cut = p.length > sa.route_mtu};
  lent.packet.path = ctx.CarriedPath(p);
  const bool taken = devices_[sa.device]->Submit(sa.session, op, true, sa.esn, p.m, &lent, sizeof lent);
  if (HoldLent(ctx, p, taken)) ++sa.in_flight;
}

bool EspWorker::LendOpened(WorkerContext& ctx, const OpenLane& lane, const crypto::CryptoOp& op) {
  InboundSa& sa = *lane.sa;
  Packet& p = *lane.packet;
  const bool whole = sa.engine == offload::Engine::kLookasideProtocol;
  if (whole && !MayOpenWhole(lane)) return false;
  Lent lent{.packet = p,
            .sa = &sa,
            .text = op.text,
            .sequence = lane.sequence,
            .text_length = op.text_length,
            .spi = lane.spi,
            .esp = lane.esp,
            .suite = op.suite,
            .encap = lane.encap,
            .whole = whole,
            .tos = GetTos(rte_pktmbuf_mtod(p.m, const uint8_t*), p.family)};
  lent.packet.path = ctx.CarriedPath(p);
  offload::LookasideQueue& device = *devices_[sa.device];
  const bool taken = whole ? device.SubmitWhole(sa.session, nullptr, 0, p.l4, p.m, &lent, sizeof lent)
                           : device.Submit(sa.session, op, false, sa.esn, p.m, &lent, sizeof lent);
  if (HoldLent(ctx, p, taken)) ++sa.in_flight;
  return true;
}

void EspWorker::FlushDevices() {
  lent_ = false;
  for (offload::LookasideQueue* d : devices_) d->Flush();
}

// Of an SA that is gone: what was under way when it went still passes, what a device brings long after does not.
bool EspWorker::MayReturn(const WorkerContext& ctx, const void* sa) const {
  constexpr uint64_t kReturnsPerSecond = 100;
  return std::ranges::any_of(releases_, [&](const Releasing& r) {
    return (r.order.in == sa || r.order.out == sa) && ctx.now - r.at < ctx.tsc_hz / kReturnsPerSecond;
  });
}

// Back from its device. False: dropped.
bool EspWorker::Regain(WorkerContext& ctx, Packet& p, auto& sa, bool listed, Result::Kind result) {
  // It has left the device while this was there: LeaveDevice.
  if (--sa.in_flight == 0 && sa.engine == offload::Engine::kCpu) (void)Report(ctx, WorkerReport::kLeftDevice, sa);
  const bool here = listed || MayReturn(ctx, &sa);
  if (here && result != Result::kFailed) return true;
  ctx.Drop(p, here ? Drop::kCryptoFailed : Drop::kRetired);
  return false;
}

bool EspWorker::TakeSealed(WorkerContext& ctx, Packet& p, const Lent& lent, Result::Kind result) {
  auto& sa = *static_cast<OutboundSa*>(p.sa);
  if (result != Result::kDone) result = Result::kFailed;
  if (!Regain(ctx, p, sa, tables_.outbound.Get(sa.sa_index) == &sa, result)) return false;
  if (lent.whole && !FinishWhole(p, sa, lent)) {
    ctx.Drop(p, Drop::kCryptoFailed);
    return false;
  }
  // The SA's peer may have moved meanwhile, and what it is sent in with him.
  if (p.family == sa.family && (p.protocol == IPPROTO_UDP) == sa.encap) FillChecksum(p, sa);
  cut_sealed_ |= lent.cut;
  return true;
}

bool EspWorker::TakeBack(WorkerContext& ctx, unsigned device, Burst& opened, Burst& sealed) {
  offload::LookasideQueue& queue = *devices_[device];
  if (queue.in_flight() == 0) [[likely]]
    return false;
  Result results[kBurstMax];
  const uint16_t n = queue.Collect(results, kBurstMax), first = sealed.n;
  uint16_t lanes = 0, wholes = 0, whole[kBurstMax];
  Packet* uncovered[kBurstMax];
  ctx.counters.unparked.Add(n);
  if (ctx.watch != nullptr && n != 0) [[unlikely]]
    ctx.watch->Found(Stage::kTake, n);
  Burst unverified;
  for (uint16_t i = 0; i < n; ++i) {
    const Lent& lent = LentOf(results[i]);
    Packet& p = ctx.slots.New();
    p = lent.packet;
    p.sa = lent.sa;
    if (lent.seal) {
      if (TakeSealed(ctx, p, lent, results[i].kind)) sealed.Add(p);
      continue;
    }
    auto& sa = *static_cast<InboundSa*>(lent.sa);
    if (!Regain(ctx, p, sa, tables_.inbound.Get(sa.sa_index) == &sa, results[i].kind)) continue;
    unverified.Add(p);
    if (lent.whole) {
      uncovered[wholes] = &p;
      whole[wholes++] = i;
      continue;
    }
    OpenLane& lane = lanes_[lanes];
    crypto::CryptoOp& op = ops_[lanes++];
    lane = {&sa, lent.sequence, &p, lent.spi, lent.esp, lent.encap};
    op.text = lent.text;
    op.text_length = lent.text_length;
    op.suite = lent.suite;
    op.ok = results[i].kind == Result::kDone;
  }
  if (unverified.n != 0) ctx.Enter(Stage::kAccept, unverified);
  Accept(ctx, lanes, opened);
  PublishEdges(lanes);
  for (uint16_t i = 0; i < wholes; ++i) TakeWhole(ctx, *uncovered[i], results[whole[i]], opened);
  if (cut_sealed_) CutSealed(ctx, sealed, first);
  return n != 0;
}

}  // namespace culvert::dp
