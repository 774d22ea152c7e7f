#include "control/ike/v1/send.h"

#include <algorithm>

#include "control/ike/v1/closing.h"
#include "control/ike/v1/phase1_state.h"

namespace culvert::ike::v1 {
namespace {

// Of the first message, which nobody may be there to hear (D08); the first one included.
constexpr unsigned kMaxFirstTries = 5;
// An exchange that is over answers repeats of the peer's last message for as long as a peer goes on repeating it.
constexpr std::chrono::seconds kRepeatsLife{60};

bool MayFragment(const IkeSa& sa) {
  if (!sa.connection || sa.connection->fragmentation == config::Fragmentation::kAccept) return false;
  return sa.peer.fragments || sa.connection->fragmentation == config::Fragmentation::kForce;
}

void Transmit(Context& cx, IkeSa& sa, const Exchange& e) {
  for (const Bytes& d : e.said) cx.Emit(SendDatagram{sa.path.local, sa.path.remote, sa.path.marker, d, e.commit});
  sa.last_out = cx.now();
}

// The next time anything of the SA's exchanges is due.
void ArmRetransmit(Context& cx, const IkeSa& sa) {
  Time at = sa.first.waits ? sa.first.resend_at : Time::max();
  for (const Exchange& e : sa.exchanges) {
    if (e.waits) at = std::min(at, e.resend_at);
    if (e.done()) at = std::min(at, e.forget_at);
  }
  if (at != Time::max()) cx.Arm(TimerKind::kRetransmit, sa.id, at);
}

void Schedule(Context& cx, Exchange& e) {
  const config::Retransmit& timetable = cx.config().settings.retransmit;
  e.resend_at = cx.now() + RetransmitInterval(timetable, std::min(e.sent - 1, timetable.tries), cx.random());
}

unsigned MaxRetransmissions(const Context& cx, const IkeSa& sa, const Exchange& e) {
  const unsigned tries = cx.config().settings.retransmit.tries;
  return &e == &sa.first && sa.spi_r == 0 ? std::min(tries, kMaxFirstTries - 1) : tries;
}

Header HeaderOf(const IkeSa& sa, const Exchange& e) {
  return {.cookie_i = sa.spi_i, .cookie_r = sa.spi_r, .exchange = e.type, .message_id = e.message_id};
}

Bytes Seal(const IkeSa& sa, Header header, Bytes& iv, ByteView plain) {
  header.encrypted = true;
  const Bytes sealed = Encrypt(*sa.protection, iv, plain);
  iv = ToBytes(ByteView(sealed).last(iv.size()));
  Bytes message = EncodeHeader(header, sealed.size());
  Append(message, sealed);
  return message;
}

void Say(Context& cx, IkeSa& sa, Exchange& e, Bytes message, Next next) {
  const size_t room = MessageRoom(cx.config().settings, sa.path);
  if (MayFragment(sa) && message.size() > room) {
    e.said = CutMessage(std::move(message), static_cast<uint16_t>(cx.random().U64() % 0xffff + 1), room);
    cx.Bump(Count::kFragmented);
  } else {
    e.said = {std::move(message)};
  }
  e.commit = cx.shared.Commit(sa);
  e.waits = next == Next::kAwait;
  e.sent = 1;
  e.since = cx.now();
  if (e.waits) Schedule(cx, e);
  if (next == Next::kDone && e.message_id != 0) e.forget_at = cx.now() + kRepeatsLife;
  Transmit(cx, sa, e);
  ArmRetransmit(cx, sa);
}

// HASH, and what it stands before.
Bytes WithHash(const IkeSa& sa, const Exchange& e, HashForm form, std::span<const Payload> payloads) {
  const Bytes rest = EncodeChain(payloads);
  Bytes hash;
  switch (form) {
    case HashForm::kOne: hash = HashOne(*sa.protection, e.message_id, rest); break;
    case HashForm::kTwo: hash = HashTwo(*sa.protection, e.message_id, e.nonce_i, rest); break;
    case HashForm::kThree: hash = HashThree(*sa.protection, e.message_id, e.nonce_i, e.nonce_r); break;
  }
  std::vector<Payload> all{OpaquePayload{PayloadType::kHash, hash}};
  all.insert(all.end(), payloads.begin(), payloads.end());
  return EncodeChain(all);
}

// Some may have waited for there being fewer exchanges.
void LetTasksGoOn(Context& cx, const IkeSa& sa) {
  if (!sa.tasks.empty()) cx.Arm(TimerKind::kTask, sa.id, cx.now());
}

uint32_t NewMessageId(Context& cx, const IkeSa& sa) {
  for (;;) {
    const auto id = static_cast<uint32_t>(cx.random().U64());
    const bool taken = std::ranges::any_of(sa.exchanges, [id](const Exchange& e) { return e.message_id == id; });
    if (id != 0 && !taken && !sa.heard_ids.contains(id)) return id;
  }
}

}  // namespace

void SendPhase1(Context& cx, IkeSa& sa, const Phase1Message& m) {
  Header header = HeaderOf(sa, sa.first);
  if (!m.sealed) return Say(cx, sa, sa.first, EncodeMessage(header, m.payloads), m.next);
  header.next_payload = m.payloads.empty() ? PayloadType::kNone : TypeOf(m.payloads[0]);
  Bytes message = Seal(sa, header, sa.first.iv, EncodeChain(m.payloads));
  Say(cx, sa, sa.first, std::move(message), m.next);
}

void SendInExchange(Context& cx, IkeSa& sa, Exchange& e, const Phase2Message& m) {
  if (e.iv.empty()) e.iv = Phase2Iv(*sa.protection, e.message_id);
  Header header = HeaderOf(sa, e);
  header.next_payload = PayloadType::kHash;
  Bytes message = Seal(sa, header, e.iv, WithHash(sa, e, m.form, m.payloads));
  Say(cx, sa, e, std::move(message), m.next);
}

Exchange& BeginExchange(Context& cx, IkeSa& sa, ExchangeType type) {
  sa.MakeRoomForExchange();
  Exchange& e = sa.exchanges.emplace_back();
  e.message_id = NewMessageId(cx, sa);
  e.type = type;
  e.ours = true;
  return e;
}

void FinishExchange(Context& cx, IkeSa& sa, Exchange& e) {
  e.waits = false;
  LetTasksGoOn(cx, sa);
  if (!e.done()) e.forget_at = cx.now() + kRepeatsLife;
  ArmRetransmit(cx, sa);
}

void EndExchange(Context& cx, IkeSa& sa, Exchange& exchange) {
  LetTasksGoOn(cx, sa);
  std::erase_if(sa.exchanges, [&](const Exchange& e) { return &e == &exchange; });
  ArmRetransmit(cx, sa);
}

Datagrams SendInformational(Context& cx, IkeSa& sa, std::span<const Payload> payloads) {
  if (!sa.protection || sa.protection->last_block.empty()) return {};
  Exchange e;
  e.type = ExchangeType::kInformational;
  e.message_id = NewMessageId(cx, sa);
  SendInExchange(cx, sa, e, {.payloads = payloads, .next = Next::kDone});
  return std::move(e.said);
}

void RefuseInClear(Context& cx, const DatagramIn& d, const Header& request, NotifyType type) {
  if (!cx.shared.errors.Allow(d.remote.address, cx.now())) return cx.Bump(Count::kErrorsLimited);
  const Payload notify = NotifyPayload{.protocol = ProtocolId::kIsakmp, .type = type, .spi = {}, .data = {}};
  Header header{.cookie_i = request.cookie_i, .cookie_r = request.cookie_r, .exchange = ExchangeType::kInformational,
                .message_id = static_cast<uint32_t>(cx.random().U64() | 1)};
  cx.Emit(SendDatagram{d.local, d.remote, d.marker, EncodeMessage(header, {&notify, 1}), 0});
}

void Repeat(Context& cx, IkeSa& sa, Exchange& e) { Transmit(cx, sa, e); }

void OnRetransmitTimer(Context& cx, IkeSa& sa) {
  std::erase_if(sa.exchanges, [&](const Exchange& e) { return e.done() && e.forget_at <= cx.now(); });
  std::vector<uint32_t> due;
  if (sa.first.waits && sa.first.resend_at <= cx.now()) due.push_back(0);
  for (const Exchange& e : sa.exchanges) {
    if (e.waits && e.resend_at <= cx.now()) due.push_back(e.message_id);
  }
  const IkeId id = sa.id;
  for (uint32_t message_id : due) {
    // One that is given up may take the SA with it.
    if (cx.sas.Find(id) != &sa) return;
    Exchange* e = message_id == 0 ? &sa.first : sa.FindExchange(message_id);
    if (!e || !e->waits) continue;
    if (e->sent > MaxRetransmissions(cx, sa, *e)) {
      e->waits = false;
      OnUnanswered(cx, sa, *e);
      continue;
    }
    ++e->sent;
    cx.Bump(Count::kRetransmitted);
    Transmit(cx, sa, *e);
    Schedule(cx, *e);
  }
  if (cx.sas.Find(id) == &sa) ArmRetransmit(cx, sa);
}

}  // namespace culvert::ike::v1
