#include <utility>

#include "dataplane/sa/sa_move.h"
#include "dataplane/sa/sa_tag.h"
#include "dataplane/stage/esp_worker.h"

// SAs that change their worker under traffic; sa/sa_move.h has the steps.
namespace culvert::dp {
namespace {

template <typename Sa>
unsigned OwnerOf(const Sa& sa, bool& on_its_way) {
  const uint8_t owner = sa.owner.load(std::memory_order_acquire);  // and with it `move`
  on_its_way = (owner & kOnItsWay) != 0;
  return owner & ~kOnItsWay;
}

bool PutMark(WorkerContext& ctx, unsigned worker, SaMove& move, SaMove::Mark mark) {
  HandedOver h{};
  h.kind = static_cast<uint8_t>(HandOverKind::kMove);
  h.packet.sa = &move;
  h.packet.tag = mark;
  return ctx.rings->to_worker[worker]->Put(h);
}

}  // namespace

void EspWorker::KeepMoved(WorkerContext& ctx, SaMove& move, Packet& p) {
  if (move.kept.size() == SaMove::kMostKept) return ctx.Drop(p, Drop::kHandoverFull);
  ctx.Hold(p);
  move.kept.push_back({p, ctx.taking_from});
  p.m = nullptr;
}

void EspWorker::OpenAtOwner(WorkerContext& ctx, InboundSa& sa, Packet& p) {
  bool on_its_way;
  const unsigned owner = OwnerOf(sa, on_its_way);
  if (owner != id_) return ctx.HandOver(owner, HandOverKind::kOpen, p);
  KeepMoved(ctx, *sa.move, p);
}

void EspWorker::SealAtOwner(WorkerContext& ctx, OutboundSa& sa, Packet& p) {
  bool on_its_way;
  const unsigned owner = OwnerOf(sa, on_its_way);
  p.tag = SaTag{sa.sa_index, sa.installation}.word();
  if (owner != id_) return ctx.HandOver(owner, HandOverKind::kSeal, p);
  KeepMoved(ctx, *sa.move, p);
}

void EspWorker::Yield(SaMove& move) {
  const auto owner = static_cast<uint8_t>(move.to | kOnItsWay);
  auto set = [&](auto& sa) {
    sa.move = &move;
    sa.owner.store(owner, std::memory_order_release);
  };
  if (move.in != nullptr) {
    set(*move.in);
  } else {
    StopDummies(*move.out);
    set(*move.out);
  }
  leaving_.push_back(&move);
}

void EspWorker::TakeMark(const Packet& mark) {
  auto* move = static_cast<SaMove*>(mark.sa);
  switch (static_cast<SaMove::Mark>(mark.tag)) {
    case SaMove::kAsk: asked_.push_back(move); break;
    case SaMove::kAnswer: ++move->answers; break;
    case SaMove::kLast: arrived_.push_back(move); break;
  }
}

// Before anything else of a pass: what was taken from the rings in the pass before is done. A full ring is tried again.
void EspWorker::GoOnMoving(WorkerContext& ctx) {
  std::erase_if(asked_, [&](SaMove* m) { return PutMark(ctx, m->from, *m, SaMove::kAnswer); });
  const auto workers = static_cast<unsigned>(ctx.rings->to_worker.size());
  std::erase_if(leaving_, [&](SaMove* m) {
    if (m->in_flight() != 0) return false;  // its window and its counters are in use here
    for (; m->asked < workers; ++m->asked) {
      if (m->asked != id_ && !PutMark(ctx, m->asked, *m, SaMove::kAsk)) return false;
    }
    return m->answers + 1 == workers && PutMark(ctx, m->to, *m, SaMove::kLast);
  });
}

// A burst of what was kept for an SA that has arrived. Nothing more of an SA is kept once the first of it is taken: the caller
// comes back until there is none.
void EspWorker::TakeArrived(WorkerContext& ctx, Burst& esp, Burst& seal) {
  while (!arrived_.empty()) {
    SaMove& m = *arrived_.front();
    Burst& to = m.in != nullptr ? esp : seal;
    if (!m.owned) Own(m);
    for (const size_t n = m.kept.size(); m.taken < 2 * n && !to.full(); ++m.taken) {
      SaMove::Kept& k = m.kept[m.taken % n];
      if ((k.by == m.from) != (m.taken < n)) continue;
      ctx.counters.unparked.Add(1);
      Packet& p = ctx.slots.New();
      p = std::exchange(k.packet, {});
      p.sa = m.out;
      to.Add(p);
    }
    if (to.n != 0) return;
    WorkerReport done{};
    done.kind = WorkerReport::kDone;
    done.ticket = m.ticket;
    if (!Send(ctx, done)) return;  // and again in the next pass
    arrived_.erase(arrived_.begin());
  }
}

void EspWorker::Own(SaMove& m) {
  m.owned = true;
  auto own = [this](auto& sa) {
    sa.move = nullptr;
    sa.owner.store(static_cast<uint8_t>(id_), std::memory_order_release);
  };
  if (m.in != nullptr) return own(*m.in);
  own(*m.out);
  StartDummies(*m.out);
}

}  // namespace culvert::dp
