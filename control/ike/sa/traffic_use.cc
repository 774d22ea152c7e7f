#include "control/ike/sa/traffic_use.h"

#include <algorithm>

namespace culvert::ike {

bool QueryUse(Context& cx, SaBase& sa) {
  if (sa.use.awaiting > 0) return true;
  for (const auto& c : sa.children) {
    if (c->in != HalfState::kUp) continue;
    cx.Emit(QueryChildUse{c->id});
    ++sa.use.awaiting;
  }
  if (sa.use.awaiting > 0) cx.Arm(TimerKind::kUseAnswer, sa.id, cx.now + kUseAnswerWait);
  return sa.use.awaiting > 0;
}

bool NoteUse(SaBase& sa, const ChildUse& use) {
  sa.use.last_in = std::max(sa.use.last_in, use.last_inbound);
  sa.use.last_out = std::max(sa.use.last_out, use.last_outbound);
  return sa.use.awaiting > 0 && --sa.use.awaiting == 0;
}

void EndQuery(Context& cx, SaBase& sa) {
  sa.use.awaiting = 0;
  cx.Cancel(TimerKind::kUseAnswer, sa.id);
}

}  // namespace culvert::ike
