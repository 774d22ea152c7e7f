#include "control/ike/v2/established.h"

#include "control/ike/v2/liveness.h"
#include "control/ike/v2/nat.h"
#include "control/ike/v2/reauth.h"
#include "control/ike/v2/tasks.h"

namespace culvert::ike {

void Establish(Context& cx, IkeSa& sa) {
  using std::chrono::milliseconds;
  const config::Connection& c = *sa.connection;
  sa.state = IkeState::kEstablished;
  cx.sas.IndexNames(sa);
  sa.established = cx.now;
  sa.last_in = cx.now;
  auto in_ms = [](std::chrono::seconds s) { return static_cast<uint64_t>(milliseconds(s).count()); };
  if (uint64_t ms = Jittered(in_ms(c.rekey_time), in_ms(c.rand_time), cx.random)) {
    sa.rekey_at = cx.now + milliseconds(ms);
    sa.expires_at = cx.now + c.rekey_time + c.over_time;
    cx.Arm(TimerKind::kRekeyIke, sa.id, sa.rekey_at);
    cx.Arm(TimerKind::kExpireIke, sa.id, sa.expires_at);
  }
  ScheduleReauth(cx, sa);
  StartLiveness(cx, sa);
  StartKeepalives(cx, sa);
}

void OnRekeyIkeTimer(Context& cx, IkeSa& sa) {
  if (sa.state == IkeState::kEstablished) Enqueue(cx, sa, {.kind = Task::Kind::kRekeyIke});
}

}  // namespace culvert::ike
