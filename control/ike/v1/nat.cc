#include "control/ike/v1/nat.h"

#include "control/ike/cat.h"
#include "control/ike/v1/children.h"
#include "control/ike/v1/receive.h"

namespace culvert::ike::v1 {
namespace {

constexpr uint16_t kIkePort = 500;

void MoveTo(Context& cx, IkeSa& sa, const Endpoint& local, const Endpoint& remote) {
  // Only the side that is not behind a NAT follows, and only a peer that is behind one.
  if (!sa.path.nat_remote || sa.path.nat_local || (sa.path.remote == remote && sa.path.local == local)) return;
  cx.Bump(Count::kPeerMoved);
  ForgetFragments(cx, sa);   // they count for where they came from
  cx.Log(Severity::kInfo, sa, Cat("the peer is now at ", remote.ToString()));
  sa.path.local = local;
  sa.path.remote = remote;
  sa.path.marker = local.port != kIkePort;
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
