#include "control/ike/v2/liveness.h"

#include <algorithm>

#include "control/ike/v2/tasks.h"
#include "control/ike/v2/traffic_use.h"

namespace culvert::ike {

void StartLiveness(Context& cx, IkeSa& sa) {
  if (sa.connection->dpd_delay.count() > 0) cx.Arm(TimerKind::kLiveness, sa.id, cx.now + sa.connection->dpd_delay);
}

void OnLivenessTimer(Context& cx, IkeSa& sa) {
  if (sa.state != IkeState::kEstablished) return;
  Duration delay = sa.connection->dpd_delay;
  Time heard = sa.path.encapsulates() ? std::max(sa.last_in, sa.use.last_in) : sa.last_in;
  if (cx.now < heard + delay) {
    cx.Arm(TimerKind::kLiveness, sa.id, heard + delay);
    return;
  }
  sa.use.for_liveness = true;
  AskTrafficUse(cx, sa);
}

void ProbeUnlessAlive(Context& cx, IkeSa& sa) {
  if (sa.state != IkeState::kEstablished) return;
  Duration delay = sa.connection->dpd_delay;
  Time esp_until = sa.use.last_in + delay;
  Time until = sa.path.encapsulates() ? esp_until : std::min(esp_until, sa.last_in + kSlowLiveness * delay);
  if (cx.now < until) {
    cx.Arm(TimerKind::kLiveness, sa.id, until);
    return;
  }
  cx.Arm(TimerKind::kLiveness, sa.id, cx.now + delay);
  if (!sa.window.busy()) Enqueue(cx, sa, {.kind = Task::Kind::kLiveness});
}

}  // namespace culvert::ike
