#include "control/ike/v1/nat.h"

#include "control/ike/cat.h"
#include "control/ike/v1/children.h"
#include "control/ike/v1/receive.h"

namespace culvert::ike::v1 {
namespace {

void MoveTo(Context& cx, IkeSa& sa, const Endpoint& local, const Endpoint& remote) {
  if (!sa.path.shows_move(local, remote)) return;
  ForgetFragments(cx, sa);   // they count for where they came from
  TakePeerTo(cx.shared, sa, local, remote);
  cx.sas.IndexNames(sa);
  TellChildren(cx, sa);
}

}  // namespace

void FollowPeer(Context& cx, IkeSa& sa, const DatagramIn& d) { MoveTo(cx, sa, d.local, d.remote); }

void OnPeerMovedByEsp(Context& cx, const PeerMovedByEsp& moved) {
  IkeSa* sa = cx.sas.OwnerOf(moved.child);
  // Raw ESP has no ports, and says nothing of the way that UDP takes.
  if (sa && moved.remote.port != 0) MoveTo(cx, *sa, moved.local, moved.remote);
}

void StartKeepalives(Context& cx, IkeSa& sa) {
  const Duration pace = cx.config().settings.keep_alive;
  if (sa.path.nat_local && pace.count() != 0) cx.Arm(TimerKind::kKeepalive, sa.id, cx.now() + pace);
}

void OnKeepaliveTimer(Context& cx, IkeSa& sa) {
  const Duration pace = cx.config().settings.keep_alive;
  if (!sa.path.nat_local || pace.count() == 0) return;
  if (cx.now() >= sa.last_out + pace) {
    // RFC 3948 2.3: one octet 0xFF, without a non-ESP marker. ESP may have kept the mapping alive meanwhile: that does no harm.
    cx.Emit(SendDatagram{sa.path.local, sa.path.remote, false, {0xff}, 0});
    cx.Bump(Count::kKeepaliveSent);
    sa.last_out = cx.now();
  }
  cx.Arm(TimerKind::kKeepalive, sa.id, sa.last_out + pace);
}

}  // namespace culvert::ike::v1
