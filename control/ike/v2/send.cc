#include "control/ike/v2/send.h"

#include <algorithm>

#include "control/ike/cat.h"
#include "control/ike/v2/closing.h"
#include "control/ike/v2/fragmentation.h"
#include "control/ike/v2/mobike.h"
#include "control/ike/v2/rivals.h"
#include "control/ike/v2/traffic_use.h"

namespace culvert::ike {
namespace {

constexpr unsigned kMaxInitTries = 5;  // of IKE_SA_INIT, the first one included (D08)

constexpr unsigned kSilentFor = 2;     // retransmissions
constexpr unsigned kMoreWhileHeard = 8;  // retransmissions to a peer that is heard, though not in answer
constexpr unsigned kSmallerAfter = 3;  // retransmissions of what a narrow path may be losing (RFC 7383 2.5.2)

IkeHeader HeaderOf(const IkeSa& sa, ExchangeType exchange, bool response, uint32_t id) {
  return {.spi_i = sa.spi_i, .spi_r = sa.spi_r, .exchange = exchange, .initiator = sa.initiator, .response = response,
          .message_id = id};
}

Datagrams SealRequest(Context& cx, IkeSa& sa, ExchangeType exchange, uint32_t id, const Chain& chain) {
  Datagrams sealed = SealMessage(sa, HeaderOf(sa, exchange, false, id), chain, MessageRoom(cx.config.settings, sa.path));
  if (sealed.size() > 1) cx.Bump(Count::kFragmented);
  return sealed;
}

// What some path may not carry, and smaller fragments would.
bool MayShrink(const IkeSa& sa, const Datagrams& datagrams) {
  return MayFragment(sa) && datagrams.front().size() > SmallestRoom(sa.path);
}

void Transmit(Context& cx, IkeSa& sa, const Path& path, const Datagrams& datagrams, uint64_t commit) {
  // What is found in place of an address sends again (MOBIKE); without that, the peer is as good as gone.
  if (IsGone(cx, path.local.address)) return;
  for (const Bytes& d : datagrams) cx.Emit(SendDatagram{path.local, path.remote, path.marker, d, commit});
  sa.last_out = cx.now;
}

void TransmitRequest(Context& cx, IkeSa& sa, uint64_t commit) {
  Transmit(cx, sa, sa.path, sa.window.outstanding()->datagrams, commit);
}

void ArmRetransmit(Context& cx, const IkeSa& sa) {
  const config::Retransmit& timetable = cx.config.settings.retransmit;
  const unsigned sent = std::min(sa.window.outstanding()->sent, timetable.tries);
  cx.Arm(TimerKind::kRetransmit, sa.id, cx.now + RetransmitInterval(timetable, sent, cx.random));
}

// RFC 7383 2.5.2: the path may carry less than we took it for. New fragments have IVs of their own and a larger total.
void CutSmaller(Context& cx, IkeSa& sa, const ExchangeWindow::Outstanding& o) {
  cx.Bump(Count::kRefragmented);
  cx.Log(Severity::kInfo, sa, Cat(Name(o.exchange), " goes unanswered: trying smaller fragments"));
  sa.window.Refragmented(SealMessage(sa, HeaderOf(sa, o.exchange, false, o.id), *o.unsealed, SmallestRoom(sa.path)));
}

unsigned MaxRetransmissions(const Context& cx, const ExchangeWindow::Outstanding& o) {
  unsigned tries = cx.config.settings.retransmit.tries;
  return o.exchange == ExchangeType::kIkeSaInit ? std::min(tries, kMaxInitTries - 1) : tries;
}

// RFC 7296 2.4: whoever is heard under the SA's protection lives, and a lossy path takes answers as it takes requests (F12).
// But the way of IKE alone may be dead, so it is not hoped for without end.
bool MayYetAnswer(const Context& cx, const IkeSa& sa, const ExchangeWindow::Outstanding& o) {
  if (sa.state != IkeState::kEstablished || o.sent >= MaxRetransmissions(cx, o) + kMoreWhileHeard) return false;
  return std::max(sa.last_in, sa.use.last_in) > o.since;
}

}  // namespace

void SendRequest(Context& cx, IkeSa& sa, ExchangeType exchange, const Chain& chain) {
  uint64_t commit = cx.Commit(sa);
  sa.window.Sent(exchange, SealRequest(cx, sa, exchange, sa.window.next_id(), chain), commit);
  auto* o = sa.window.outstanding();
  o->since = cx.now;
  if (MayShrink(sa, o->datagrams)) o->unsealed = chain;
  TransmitRequest(cx, sa, commit);
  ArmRetransmit(cx, sa);
}

void SendRequestAgain(Context& cx, IkeSa& sa, ExchangeType exchange, const Chain& chain) {
  const auto& o = *sa.window.outstanding();
  sa.window.Replaced(SealRequest(cx, sa, exchange, o.id, chain));
  TransmitRequest(cx, sa, cx.Commit(sa));
  ArmRetransmit(cx, sa);
}

void ResendRequest(Context& cx, IkeSa& sa, ExchangeType exchange, Datagrams datagrams) {
  uint64_t commit = cx.Commit(sa);
  sa.window.Sent(exchange, std::move(datagrams), commit);
  TransmitRequest(cx, sa, commit);
  ArmRetransmit(cx, sa);
}

void ResendByNewPath(Context& cx, IkeSa& sa) {
  auto* o = sa.window.outstanding();
  if (!o || !sa.mobike->resends.Take(cx.now)) return;
  o->sent = 0;
  TransmitRequest(cx, sa, o->commit);
  ArmRetransmit(cx, sa);
}

void SendReply(Context& cx, IkeSa& sa, const IkeHeader& request, const Chain& chain) {
  SendReply(cx, sa, request.message_id, request.exchange, chain);
}

void SendReply(Context& cx, IkeSa& sa, uint32_t message_id, ExchangeType exchange, const Chain& chain) {
  Datagrams sealed = SealMessage(sa, HeaderOf(sa, exchange, true, message_id), chain, ReplyRoom(cx.config.settings, sa));
  if (sealed.size() > 1) cx.Bump(Count::kFragmented);
  Path back = sa.reply_path;
  // From elsewhere, where the address that was asked is gone meanwhile: the peer knows the answer by its keys.
  if (IsGone(cx, back.local.address) && back.remote.address.family == sa.path.local.address.family) back.local = sa.path.local;
  Transmit(cx, sa, back, sealed, cx.Commit(sa));
  sa.window.Replied(std::move(sealed));
}

void RepeatReply(Context& cx, const IkeSa& sa, const DatagramIn& request) {
  cx.Bump(Count::kRepeatAnswered);
  for (const Bytes& d : sa.window.last_reply()) cx.Emit(SendDatagram{request.local, request.remote, request.marker, d, 0});
}

void SendInitRequest(Context& cx, IkeSa& sa, Bytes datagram, bool again) {
  if (again) {
    sa.window.Replaced({std::move(datagram)});
  } else {
    sa.window.Sent(ExchangeType::kIkeSaInit, {std::move(datagram)}, 0);
  }
  TransmitRequest(cx, sa, 0);
  ArmRetransmit(cx, sa);
}

void AnswerInClear(Context& cx, const DatagramIn& request, Bytes datagram) {
  cx.Emit(SendDatagram{request.local, request.remote, request.marker, std::move(datagram), 0});
}

void OnRetransmitTimer(Context& cx, IkeSa& sa) {
  auto* o = sa.window.outstanding();
  if (!o) return;
  // Additional key exchanges go through with one of several responders at a time: a silent one makes way while the others,
  // half-open, still wait.
  if (sa.initiating && sa.intermediate && o->sent >= kSilentFor && GoOnWithRival(cx, sa)) return;
  // RFC 7296 2.4: an unanswered request, sent often enough, is how a dead peer is known.
  if (o->sent >= MaxRetransmissions(cx, *o) && !MayYetAnswer(cx, sa, *o)) return GiveUp(cx, sa);
  ++o->sent;
  // What has come in by then is known when it is time to give up.
  if (o->sent >= MaxRetransmissions(cx, *o) && sa.state == IkeState::kEstablished) AskTrafficUse(cx, sa);
  if (sa.state != IkeState::kInitDeriving) {  // an answer is being judged: what it replies to need not go again
    cx.Bump(Count::kRetransmitted);
    // Several answers to IKE_SA_INIT have a request each, with one ID: those stay as they are.
    bool one_peer = !sa.initiating || sa.initiating->rivals.empty();
    if (o->sent == kSmallerAfter && o->unsealed && one_peer) CutSmaller(cx, sa, *o);
    TransmitRequest(cx, sa, o->commit);
    if (sa.mobike) {
      for (const Path& way : OtherWays(cx, sa, o->sent)) Transmit(cx, sa, way, o->datagrams, o->commit);
    }
    if (sa.state == IkeState::kAuthSent) RepeatToRivals(cx, sa);
  }
  ArmRetransmit(cx, sa);
}

}  // namespace culvert::ike
