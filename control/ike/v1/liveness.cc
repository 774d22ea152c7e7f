#include "control/ike/v1/liveness.h"

#include <algorithm>

#include "control/ike/cat.h"
#include "control/ike/sa/traffic_use.h"
#include "control/ike/v1/closing.h"
#include "control/ike/v1/send.h"

namespace culvert::ike::v1 {
namespace {

constexpr uint32_t kMaxProbes = 1024;   // more than go out in any dpd_timeout without an answer

// RFC 3706 5.3: the cookies, and a sequence number of 32 bits.
void Say(Context& cx, IkeSa& sa, NotifyType type, uint32_t sequence) {
  const Bytes cookies = sa.Cookies();
  Writer number;
  number.U32(sequence);
  const Payload notify = NotifyPayload{.protocol = ProtocolId::kIsakmp, .type = type, .spi = cookies, .data = number.view()};
  SendInformational(cx, sa, {&notify, 1});
}

bool Wants(const IkeSa& sa) {
  return sa.state == IkeState::kEstablished && sa.peer.dpd && sa.connection->dpd_delay.count() > 0;
}

// The last that was heard of the peer on the way that IKE takes.
Time Heard(const IkeSa& sa) { return sa.path.encapsulates() ? std::max(sa.last_in, sa.use.last_in) : sa.last_in; }

Time QuietUntil(const IkeSa& sa) {
  const Duration delay = sa.connection->dpd_delay;
  if (sa.path.encapsulates()) return Heard(sa) + delay;
  // As long as ESP proves the peer, its IKE is asked about less often.
  return std::max(sa.last_in + delay, std::min(sa.use.last_in + delay, sa.last_in + kSlowLiveness * delay));
}

void Probe(Context& cx, IkeSa& sa) {
  if (sa.dpd_since == Time{}) sa.dpd_since = cx.now();
  // RFC 3706 6.2: the first number is anything, the next is one more.
  sa.dpd_sequence = sa.dpd_sequence == 0 ? static_cast<uint32_t>(cx.random().U64() >> 33) : sa.dpd_sequence + 1;
  cx.Bump(Count::kLivenessSent);
  Say(cx, sa, NotifyType::kDpdRequest, sa.dpd_sequence);
}

void ProbeUnlessAlive(Context& cx, IkeSa& sa) {
  if (!Wants(sa)) return;
  if (sa.dpd_since != Time{} && std::max(sa.last_in, sa.use.last_in) > sa.dpd_since) sa.dpd_since = {};
  if (const Time until = QuietUntil(sa); cx.now() < until) return cx.Arm(TimerKind::kLiveness, sa.id, until);
  const Duration timeout = sa.connection->dpd_timeout;
  if (sa.dpd_since != Time{} && cx.now() >= sa.dpd_since + timeout) {
    cx.Bump(Count::kPeerDead);
    cx.Log(Severity::kWarning, sa, Cat("no answer to R-U-THERE for ", sa.connection->dpd_timeout.count(), " s"));
    return CloseIke(cx, sa, Why::kPeerDead);
  }
  Probe(cx, sa);
  cx.Arm(TimerKind::kLiveness, sa.id, std::min(cx.now() + sa.connection->dpd_delay, sa.dpd_since + timeout));
}

void Decide(Context& cx, IkeSa& sa) {
  EndQuery(cx.shared, sa);
  if (std::exchange(sa.use.for_liveness, false)) ProbeUnlessAlive(cx, sa);
}

}  // namespace

void StartLiveness(Context& cx, IkeSa& sa) {
  if (Wants(sa)) cx.Arm(TimerKind::kLiveness, sa.id, cx.now() + sa.connection->dpd_delay);
}

void OnLivenessTimer(Context& cx, IkeSa& sa) {
  if (!Wants(sa)) return;
  const Time until = Heard(sa) + sa.connection->dpd_delay;
  if (sa.dpd_since == Time{} && cx.now() < until) return cx.Arm(TimerKind::kLiveness, sa.id, until);
  sa.use.for_liveness = true;
  if (!QueryUse(cx.shared, sa)) Decide(cx, sa);
}

void NoteUse(Context& cx, IkeSa& sa, const ChildUse& use) {
  if (ike::NoteUse(sa, use)) Decide(cx, sa);
}

void OnUseAnswerTimer(Context& cx, IkeSa& sa) {
  if (sa.use.awaiting > 0) Decide(cx, sa);
}

void OnLivenessNotify(Context& cx, IkeSa& sa, const NotifyPayload& n) {
  // RFC 3706 5.3: a number of 32 bits. Some senders leave out the cookies.
  const bool whole = n.data.size() == 4 && (n.spi.empty() || Equal(n.spi, sa.Cookies()));
  if (!whole) return cx.Bump(Count::kMalformed);
  const uint32_t number = Reader(n.data).U32();
  // A repeat too: its answer may have been lost (RFC 3706 5.4 has each with a number of its own, but not each sender).
  if (n.type == NotifyType::kDpdRequest) return Say(cx, sa, NotifyType::kDpdAck, number);
  // Of any R-U-THERE since the last that was answered: what is older may be a recording.
  if (sa.dpd_since != Time{} && sa.dpd_sequence - number < kMaxProbes) sa.dpd_since = {};
}

}  // namespace culvert::ike::v1
