#include <algorithm>
#include <cstring>

#include "dataplane/stage/accept.h"
#include "dataplane/stage/esp_worker.h"
#include "dataplane/stage/esp_write.h"
#include "dataplane/watch/watch.h"

// Packets that a crypto device seals or opens: all that the processor would write is written when they go, and they come back,
// in a later pass, at the step behind the cryptography. Meanwhile they count as held.
namespace culvert::dp {
namespace {

using Result = offload::LookasideQueue::Result;

// What goes with one. The pointers outlive it: an SA's memory is its worker's until nothing of it is in flight.
struct Lent {
  Packet packet;
  void* sa;
  uint8_t* text;
  uint64_t sequence;
  uint32_t text_length;
  Spi spi;
  uint16_t esp;
  crypto::Suite suite;
  bool encap, seal;
};
static_assert(sizeof(Lent) <= offload::LookasideQueue::kContext && std::is_trivially_copyable_v<Lent>);

}  // namespace

bool EspWorker::Lend(WorkerContext& ctx, Packet& p, unsigned device, const void* session, bool seal, bool esn,
                     const OpenLane& lane, const crypto::CryptoOp& op) {
  Lent lent{.packet = p,
            .sa = seal ? p.sa : lane.sa,
            .text = op.text,
            .sequence = lane.sequence,
            .text_length = op.text_length,
            .spi = lane.spi,
            .esp = lane.esp,
            .suite = op.suite,
            .encap = lane.encap,
            .seal = seal};
  lent.packet.path = ctx.CarriedPath(p);
  if (!devices_[device]->Submit(session, op, seal, esn, p.m, &lent, sizeof lent)) {
    ctx.Drop(p, Drop::kCryptoFull);
    return false;
  }
  ctx.Hold(p);
  lent_ = true;
  return true;
}

void EspWorker::LendSealed(WorkerContext& ctx, Packet& p, OutboundSa& sa, const crypto::CryptoOp& op) {
  if (Lend(ctx, p, sa.device, sa.session, true, sa.esn, {}, op)) ++sa.in_flight;
}

void EspWorker::LendOpened(WorkerContext& ctx, const OpenLane& lane, const crypto::CryptoOp& op) {
  InboundSa& sa = *lane.sa;
  if (Lend(ctx, *lane.packet, sa.device, sa.session, false, sa.esn, lane, op)) ++sa.in_flight;
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

bool EspWorker::TakeSealed(WorkerContext& ctx, Packet& p, Result::Kind result) {
  auto& sa = *static_cast<OutboundSa*>(p.sa);
  --sa.in_flight;
  const bool here = tables_.outbound.Get(sa.sa_index) == &sa || MayReturn(ctx, &sa);
  if (!here || result != Result::kDone) {
    ctx.Drop(p, here ? Drop::kCryptoFailed : Drop::kRetired);
    return false;
  }
  FillChecksum(p, sa);
  return true;
}

bool EspWorker::TakeBack(WorkerContext& ctx, unsigned device, Burst& opened, Burst& sealed) {
  offload::LookasideQueue& queue = *devices_[device];
  if (queue.in_flight() == 0) [[likely]]
    return false;
  Result results[kBurstMax];
  uint16_t n = queue.Collect(results, kBurstMax), lanes = 0;
  ctx.counters.unparked.Add(n);
  if (ctx.watch != nullptr && n != 0) [[unlikely]]
    ctx.watch->Found(Stage::kTake, n);
  Burst unverified;
  for (uint16_t i = 0; i < n; ++i) {
    Lent lent;
    std::memcpy(&lent, results[i].context, sizeof lent);
    Packet& p = ctx.slots.New();
    p = lent.packet;
    p.sa = lent.sa;
    if (lent.seal) {
      if (TakeSealed(ctx, p, results[i].kind)) sealed.Add(p);
      continue;
    }
    auto& sa = *static_cast<InboundSa*>(lent.sa);
    --sa.in_flight;
    const bool here = tables_.inbound.Get(sa.sa_index) == &sa || MayReturn(ctx, &sa);
    if (!here || results[i].kind == Result::kFailed) {
      ctx.Drop(p, here ? Drop::kCryptoFailed : Drop::kRetired);
      continue;
    }
    OpenLane& lane = lanes_[lanes];
    crypto::CryptoOp& op = ops_[lanes++];
    lane = {&sa, lent.sequence, &p, lent.spi, lent.esp, lent.encap};
    op.text = lent.text;
    op.text_length = lent.text_length;
    op.suite = lent.suite;
    op.ok = results[i].kind == Result::kDone;
    unverified.Add(p);
  }
  if (lanes != 0) ctx.Enter(Stage::kAccept, unverified);
  Accept(ctx, lanes, opened);
  PublishEdges(lanes);
  return n != 0;
}

}  // namespace culvert::dp
