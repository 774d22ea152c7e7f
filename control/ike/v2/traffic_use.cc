#include "control/ike/v2/traffic_use.h"

#include <algorithm>
#include <utility>

#include "control/ike/v2/child_install.h"
#include "control/ike/v2/liveness.h"
#include "control/ike/v2/nat.h"

namespace culvert::ike {
namespace {

void Decide(Context& cx, IkeSa& sa) {
  sa.use.awaiting = 0;
  cx.Cancel(TimerKind::kUseAnswer, sa.id);
  if (std::exchange(sa.use.for_keepalive, false)) SendKeepaliveIfIdle(cx, sa);
  if (std::exchange(sa.use.for_liveness, false)) ProbeUnlessAlive(cx, sa);
}

}  // namespace

void AskTrafficUse(Context& cx, IkeSa& sa) {
  if (sa.use.awaiting > 0) return;
  for (const auto& c : sa.children) {
    if (c->in != HalfState::kUp) continue;
    cx.Emit(QueryChildUse{c->id});
    ++sa.use.awaiting;
  }
  if (sa.use.awaiting == 0) return Decide(cx, sa);
  cx.Arm(TimerKind::kUseAnswer, sa.id, cx.now + kUseAnswerWait);
}

void OnChildUse(Context& cx, const ChildUse& use) {
  IkeSa* sa = cx.sas.OwnerOf(use.child);
  if (!sa) return;
  sa->use.last_in = std::max(sa->use.last_in, use.last_inbound);
  sa->use.last_out = std::max(sa->use.last_out, use.last_outbound);
  if (use.last_inbound != Time{}) OnPeerUsesChild(cx, *sa, use.child);
  if (sa->use.awaiting > 0 && --sa->use.awaiting == 0) Decide(cx, *sa);
}

void OnUseAnswerTimer(Context& cx, IkeSa& sa) {
  if (sa.use.awaiting > 0) Decide(cx, sa);
}

}  // namespace culvert::ike
