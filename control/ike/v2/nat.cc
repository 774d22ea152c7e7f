#include "control/ike/v2/nat.h"

#include "common/bytes/writer.h"
#include "control/ike/cat.h"
#include "control/ike/crypto/prf.h"
#include "control/ike/v2/child_install.h"
#include "control/ike/v2/mobike.h"
#include "control/ike/v2/traffic_use.h"

namespace culvert::ike {
namespace {

constexpr size_t kHashSize = 20;  // octets of SHA-1

enum class Seen : uint8_t { kNothing, kMatch, kMismatch };

// RFC 7296 2.23: several NAT_DETECTION_SOURCE_IP may come; one that matches is enough.
Seen Compare(std::span<const Payload> payloads, NotifyType type, ByteView expected) {
  Seen seen = Seen::kNothing;
  for (const auto& p : payloads) {
    auto* n = std::get_if<NotifyPayload>(&p);
    if (!n || n->type != type || n->data.size() != kHashSize) continue;
    if (Equal(n->data, expected)) return Seen::kMatch;
    seen = Seen::kMismatch;
  }
  return seen;
}

}  // namespace

Bytes NatHash(uint64_t spi_i, uint64_t spi_r, const Endpoint& e) {
  Writer w;
  w.U64(spi_i);
  w.U64(spi_r);
  w.Put(e.address.bytes());
  w.U16(e.port);
  return Sha1({w.view()});
}

void AddNatDetection(const NatDetection& d, PayloadList& list) {
  Endpoint source = d.path.local;
  if (d.fake_source) source = Endpoint{IpAddress::Any(source.address.family), 0, 0};
  list.AddNotify(NotifyType::kNatDetectionSourceIp, NatHash(d.spi_i, d.spi_r, source));
  list.AddNotify(NotifyType::kNatDetectionDestinationIp, NatHash(d.spi_i, d.spi_r, d.path.remote));
}

void DetectNat(const DatagramIn& datagram, const IkeHeader& header, std::span<const Payload> payloads, Path& path) {
  auto seen = [&](NotifyType type, const Endpoint& e) {
    return Compare(payloads, type, NatHash(header.spi_i, header.spi_r, e));
  };
  path.nat_remote = seen(NotifyType::kNatDetectionSourceIp, datagram.remote) == Seen::kMismatch;
  path.nat_local = seen(NotifyType::kNatDetectionDestinationIp, datagram.local) == Seen::kMismatch;
}

void FollowPeer(Context& cx, IkeSa& sa, const Endpoint& local, const Endpoint& remote) {
  // RFC 4555 3.8: with MOBIKE the peer says where it is.
  if (sa.mobike) return;
  if (!sa.path.shows_move(local, remote)) return;
  TakePeerTo(cx, sa, local, remote);
  cx.sas.IndexNames(sa);
  TellChildren(cx, sa);
}

void OnPeerMovedByEsp(Context& cx, const PeerMovedByEsp& moved) {
  IkeSa* sa = cx.sas.OwnerOf(moved.child);
  // Raw ESP has no ports, and says nothing of the way that UDP takes.
  if (!sa || !sa->secured() || moved.remote.port == 0) return;
  if (sa->mobike) return FollowEsp(cx, *sa, moved.local, moved.remote);
  FollowPeer(cx, *sa, moved.local, moved.remote);
}

void StartKeepalives(Context& cx, IkeSa& sa) {
  if (!sa.path.nat_local || cx.config.settings.keep_alive.count() == 0) return;
  cx.Arm(TimerKind::kKeepalive, sa.id, cx.now + cx.config.settings.keep_alive);
}

void OnKeepaliveTimer(Context& cx, IkeSa& sa) {
  Duration pace = cx.config.settings.keep_alive;
  if (!sa.secured() || !sa.path.nat_local || pace.count() == 0) return;
  Time idle_since = std::max(sa.last_out, sa.use.last_out);
  if (cx.now < idle_since + pace) {
    cx.Arm(TimerKind::kKeepalive, sa.id, idle_since + pace);
    return;
  }
  sa.use.for_keepalive = true;
  AskTrafficUse(cx, sa);
}

void SendKeepaliveIfIdle(Context& cx, IkeSa& sa) {
  Duration pace = cx.config.settings.keep_alive;
  if (cx.now >= std::max(sa.last_out, sa.use.last_out) + pace) {
    // RFC 3948 2.3: one octet 0xFF, without a non-ESP marker.
    if (!IsGone(cx, sa.path.local.address)) {
      cx.Emit(SendDatagram{sa.path.local, sa.path.remote, false, {0xff}, 0});
      cx.Bump(Count::kKeepaliveSent);
    }
    sa.last_out = cx.now;
  }
  cx.Arm(TimerKind::kKeepalive, sa.id, std::max(sa.last_out, sa.use.last_out) + pace);
}

}  // namespace culvert::ike
