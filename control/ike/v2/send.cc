#include "control/ike/v2/send.h"

#include "control/ike/v2/closing.h"
#include "control/ike/v2/rivals.h"

namespace culvert::ike {
namespace {

constexpr unsigned kMaxInitTries = 5;  // of IKE_SA_INIT, the first one included (D08)

Bytes SealMessage(IkeSa& sa, ExchangeType exchange, bool response, uint32_t id, const Chain& chain) {
  IkeHeader header{.spi_i = sa.spi_i, .spi_r = sa.spi_r, .exchange = exchange, .initiator = sa.initiator, .response = response,
                   .message_id = id};
  SkCipher& cipher = *sa.keying->seal;
  Bytes message = EncodeUpToBody(header, SkPayload{chain.first, {}}, cipher.SealedSize(chain.body.size()));
  Bytes body = cipher.Seal(message, chain.body);
  Append(message, body);
  return message;
}

void Transmit(Context& cx, IkeSa& sa, const Path& path, const Bytes& datagram, uint64_t commit) {
  cx.Emit(SendDatagram{path.local, path.remote, path.marker, datagram, commit});
  sa.last_out = cx.now;
}

void ArmRetransmit(Context& cx, const IkeSa& sa) {
  unsigned sent = sa.window.outstanding()->sent;
  cx.Arm(TimerKind::kRetransmit, sa.id, cx.now + RetransmitInterval(cx.config.settings.retransmit, sent, cx.random));
}

unsigned MaxRetransmissions(const Context& cx, const ExchangeWindow::Outstanding& o) {
  unsigned tries = cx.config.settings.retransmit.tries;
  return o.exchange == ExchangeType::kIkeSaInit ? std::min(tries, kMaxInitTries - 1) : tries;
}

}  // namespace

void SendRequest(Context& cx, IkeSa& sa, ExchangeType exchange, const Chain& chain) {
  uint64_t commit = cx.Commit(sa);
  sa.window.Sent(exchange, SealMessage(sa, exchange, false, sa.window.next_id(), chain), commit);
  Transmit(cx, sa, sa.path, sa.window.outstanding()->datagram, commit);
  ArmRetransmit(cx, sa);
}

void SendRequestAgain(Context& cx, IkeSa& sa, ExchangeType exchange, const Chain& chain) {
  const auto& o = *sa.window.outstanding();
  sa.window.Replaced(SealMessage(sa, exchange, false, o.id, chain));
  Transmit(cx, sa, sa.path, sa.window.outstanding()->datagram, cx.Commit(sa));
  ArmRetransmit(cx, sa);
}

void ResendRequest(Context& cx, IkeSa& sa, ExchangeType exchange, Bytes datagram) {
  uint64_t commit = cx.Commit(sa);
  sa.window.Sent(exchange, std::move(datagram), commit);
  Transmit(cx, sa, sa.path, sa.window.outstanding()->datagram, commit);
  ArmRetransmit(cx, sa);
}

void SendReply(Context& cx, IkeSa& sa, const IkeHeader& request, const Chain& chain) {
  SendReply(cx, sa, request.message_id, request.exchange, chain);
}

void SendReply(Context& cx, IkeSa& sa, uint32_t message_id, ExchangeType exchange, const Chain& chain) {
  Bytes datagram = SealMessage(sa, exchange, true, message_id, chain);
  Transmit(cx, sa, sa.reply_path, datagram, cx.Commit(sa));
  sa.window.Replied(std::move(datagram));
}

void RepeatReply(Context& cx, const IkeSa& sa, const DatagramIn& request) {
  cx.Bump(Count::kRepeatAnswered);
  cx.Emit(SendDatagram{request.local, request.remote, request.marker, ToBytes(sa.window.last_reply()), 0});
}

void SendInitRequest(Context& cx, IkeSa& sa, Bytes datagram, bool again) {
  if (again) {
    sa.window.Replaced(std::move(datagram));
  } else {
    sa.window.Sent(ExchangeType::kIkeSaInit, std::move(datagram), 0);
  }
  Transmit(cx, sa, sa.path, sa.window.outstanding()->datagram, 0);
  ArmRetransmit(cx, sa);
}

void AnswerInClear(Context& cx, const DatagramIn& request, Bytes datagram) {
  cx.Emit(SendDatagram{request.local, request.remote, request.marker, std::move(datagram), 0});
}

void OnRetransmitTimer(Context& cx, IkeSa& sa) {
  auto* o = sa.window.outstanding();
  if (!o) return;
  // RFC 7296 2.4: an unanswered request, sent often enough, is how a dead peer is known.
  if (o->sent >= MaxRetransmissions(cx, *o)) return GiveUp(cx, sa);
  ++o->sent;
  if (sa.state != IkeState::kInitDeriving) {  // an answer is being judged: what it replies to need not go again
    cx.Bump(Count::kRetransmitted);
    Transmit(cx, sa, sa.path, o->datagram, o->commit);
    if (sa.state == IkeState::kAuthSent) RepeatToRivals(cx, sa);
  }
  ArmRetransmit(cx, sa);
}

}  // namespace culvert::ike
