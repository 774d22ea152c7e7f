#include "control/ike/v2/traffic_use.h"

#include <utility>

#include "control/ike/sa/traffic_use.h"
#include "control/ike/v2/child_install.h"
#include "control/ike/v2/liveness.h"
#include "control/ike/v2/nat.h"

namespace culvert::ike {
namespace {

void Decide(Context& cx, IkeSa& sa) {
  EndQuery(cx, sa);
  if (std::exchange(sa.use.for_keepalive, false)) SendKeepaliveIfIdle(cx, sa);
  if (std::exchange(sa.use.for_liveness, false)) ProbeUnlessAlive(cx, sa);
}

}  // namespace

void AskTrafficUse(Context& cx, IkeSa& sa) {
  if (!QueryUse(cx, sa)) Decide(cx, sa);
}

void OnChildUse(Context& cx, const ChildUse& use) {
  IkeSa* sa = cx.sas.OwnerOf(use.child);
  if (!sa) return;
  const bool all = NoteUse(*sa, use);
  if (use.last_inbound != Time{}) OnPeerUsesChild(cx, *sa, use.child);
  if (all) Decide(cx, *sa);
}

void OnUseAnswerTimer(Context& cx, IkeSa& sa) {
  if (sa.use.awaiting > 0) Decide(cx, sa);
}

}  // namespace culvert::ike
