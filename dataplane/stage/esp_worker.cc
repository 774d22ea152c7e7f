#include "dataplane/stage/esp_worker.h"

#include <utility>

#include "dataplane/sa/install.h"

// Orders from main, limits of SAs, reports to main.
namespace culvert::dp {

using channel::Direction;

namespace {

uint32_t InFlight(const WorkerOrder& o) { return o.direction == Direction::kInbound ? o.in->in_flight : o.out->in_flight; }

}  // namespace

EspWorker::EspWorker(unsigned id, SaTables& tables, WorkerMail& mail, std::unique_ptr<crypto::MbEngine> engine,
                     offload::Engines* engines, Options options)
    : id_(id),
      tables_(tables),
      mail_(mail),
      engine_(std::move(engine)),
      devices_(engines != nullptr ? engines->QueuesOf(id) : std::vector<offload::LookasideQueue*>()),
      inline_ports_(engines != nullptr ? engines->inline_ports() : nullptr),
      options_(options) {}

void EspWorker::PollCommands(WorkerContext& ctx) {
  if (!releases_.empty()) [[unlikely]]
    FinishReleases(ctx);
  if (!leaving_.empty() || !asked_.empty()) [[unlikely]]
    GoOnMoving(ctx);
  if (mail_.orders.empty()) [[likely]]
    return;
  WorkerOrder o;
  // An order is taken only where its answer has room: none is ever lost.
  while (!mail_.reports.full() && mail_.orders.Take(o)) {
    WorkerReport done{};
    done.kind = WorkerReport::kDone;
    done.ticket = o.ticket;
    switch (o.kind) {
      case WorkerOrder::kAdopt: Adopt(o); break;
      case WorkerOrder::kRelease:
        Release(o);
        if (InFlight(o) == 0) break;
        releases_.push_back({o, ctx.now});
        continue;
      case WorkerOrder::kLimits: SetLimits(o); break;
      case WorkerOrder::kEndpoints: SetEndpoints(ctx, o); break;
      case WorkerOrder::kLeavePort:
        if (o.direction == Direction::kInbound)
          o.in->engine = offload::Engine::kCpu;
        else
          LeaveNumbers(*o.out);
        break;
      case WorkerOrder::kPathMtu:
        done.sa_index = o.out->sa_index;
        done.installation = o.out->installation;
        done.path_mtu = SetPathMtu(ctx, o);
        break;
      case WorkerOrder::kYield: Yield(*o.move); continue;
    }
    (void)Send(ctx, done);  // has room
  }
}

// From here on packets find it. The state page has its number first.
void EspWorker::Adopt(const WorkerOrder& o) {
  auto* page = tables_.page.load(std::memory_order_acquire);
  const uint32_t index = o.direction == Direction::kInbound ? o.in->sa_index : o.out->sa_index;
  if (index >= kSaIndexLimit) page = nullptr;
  if (o.direction == Direction::kInbound) {
    if (page != nullptr) page->inbound[o.in->sa_index].store(o.in->window.edge(), std::memory_order_relaxed);
    tables_.inbound.Set(o.in->sa_index, o.in);
    early_look_ = 0;  // what waits for it goes before what comes now
    return;
  }
  if (page != nullptr) page->outbound[o.out->sa_index].store(o.out->sequence.get(), std::memory_order_relaxed);
  tables_.outbound.Set(o.out->sa_index, o.out);
  StartDummies(*o.out);
}

void EspWorker::Release(const WorkerOrder& o) {
  if (o.direction == Direction::kInbound)
    tables_.inbound.Set(o.in->sa_index, nullptr);
  else {
    tables_.outbound.Set(o.out->sa_index, nullptr);
    StopDummies(*o.out);
  }
}

// Only when all that a device has of an SA is back is the SA nobody's.
void EspWorker::FinishReleases(WorkerContext& ctx) {
  std::erase_if(releases_, [&](const Releasing& r) {
    WorkerReport done{};
    done.kind = WorkerReport::kDone;
    done.ticket = r.order.ticket;
    return InFlight(r.order) == 0 && Send(ctx, done);
  });
}

InboundSa* EspWorker::FindManual(Spi spi) const {
  uint32_t index = tables_.manual.Find(spi);
  return index == SpiMap::kNone ? nullptr : tables_.inbound.Get(index);
}

void EspWorker::SetLimits(const WorkerOrder& o) {
  auto set = [&o](auto& sa) {
    sa.limits = o.life.limits;
    sa.alarm_at = o.life.alarm_at;
    sa.notices = 0;
    ArmAlarms(sa);
  };
  if (o.direction == Direction::kInbound)
    set(*o.in);
  else
    set(*o.out);
}

void EspWorker::SetEndpoints(WorkerContext& ctx, const WorkerOrder& o) {
  if (o.direction == Direction::kInbound) {
    const bool same = o.in->encap == o.peer.encap && o.in->peer_family == o.peer.family;
    if (o.in->engine == offload::Engine::kLookasideProtocol && !same) LeaveDevice(ctx, *o.in);
    std::memcpy(o.in->peer_address, o.peer.address, sizeof o.in->peer_address);
    o.in->peer_family = o.peer.family;
    o.in->peer_port = o.peer.port;
    o.in->encap = o.peer.encap;
    return;
  }
  OutboundSa& sa = *o.out;
  // The device was told what stands before the text: of another path it knows nothing until the next rekeying. But a crypto
  // device's header is written over, and where the text begins is all that matters.
  const bool same = sa.encap == o.outer.encap && sa.family == o.outer.family;
  const offload::Engine engine = sa.engine;
  const bool of_path = engine == offload::Engine::kInlineProtocol;
  const bool of_text = engine == offload::Engine::kInlineCrypto || engine == offload::Engine::kLookasideProtocol;
  if (of_path || (of_text && !same)) LeaveDevice(ctx, sa);
  std::memcpy(sa.header, o.outer.header, sizeof sa.header);
  sa.header_sum = o.outer.header_sum;
  sa.udp_sum = o.outer.udp_sum;
  sa.header_length = o.outer.header_length;
  sa.family = o.outer.family;
  sa.encap = o.outer.encap;
  sa.zone = o.outer.zone;
  sa.path_mtu = 0;
  sa.route_generation = 0;
}

bool EspWorker::CheckLimits(WorkerContext& ctx, InboundSa& sa) {
  bool hard = sa.packets.get() >= sa.limits.hard_packets || sa.bytes.get() >= sa.limits.hard_bytes || ctx.now >= sa.alarm_at;
  uint8_t notice = hard ? kHardReported : kSoftReported;
  if ((sa.notices & notice) == 0 && Report(ctx, hard ? WorkerReport::kHard : WorkerReport::kSoft, sa)) {
    sa.notices |= notice;
    ArmAlarms(sa);
  }
  return !hard;
}

bool EspWorker::CheckLimits(WorkerContext& ctx, OutboundSa& sa) {
  bool hard = sa.packets() >= sa.limits.hard_packets || sa.bytes.get() >= sa.limits.hard_bytes || ctx.now >= sa.alarm_at ||
              sa.sequence.get() >= sa.last_sequence;
  uint8_t notice = hard ? kHardReported : kSoftReported;
  if ((sa.notices & notice) == 0 && Report(ctx, hard ? WorkerReport::kHard : WorkerReport::kSoft, sa)) {
    sa.notices |= notice;
    ArmAlarms(sa);
  }
  return !hard;
}

bool EspWorker::Report(WorkerContext& ctx, WorkerReport::Kind kind, const InboundSa& sa) {
  WorkerReport r{};
  r.kind = kind;
  r.direction = Direction::kInbound;
  r.sa_index = sa.sa_index;
  r.installation = sa.generation;
  r.packets = sa.packets.get();
  r.bytes = sa.bytes.get();
  r.sequence = sa.window.edge();
  return Send(ctx, r);
}

bool EspWorker::Report(WorkerContext& ctx, WorkerReport::Kind kind, const OutboundSa& sa) {
  WorkerReport r{};
  r.kind = kind;
  r.direction = Direction::kOutbound;
  r.sa_index = sa.sa_index;
  r.installation = sa.installation;
  r.packets = sa.packets();
  r.bytes = sa.bytes.get();
  r.sequence = sa.sequence.get();
  return Send(ctx, r);
}

bool EspWorker::Send(WorkerContext& ctx, const WorkerReport& r) {
  const bool hint = r.kind == WorkerReport::kAcquire || r.kind == WorkerReport::kMoved || r.kind == WorkerReport::kTooBig;
  if ((hint && mail_.reports.room() <= WorkerMail::kReserved) || !mail_.reports.Put(r)) {
    if (hint) mail_.hints_dropped.Add(1);
    return false;
  }
  if (ctx.rings->main_bell != nullptr) ctx.rings->main_bell->Ring();
  return true;
}

}  // namespace culvert::dp
