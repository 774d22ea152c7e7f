#include "control/ike/v2/receive.h"

#include "common/bytes/writer.h"
#include "control/ike/cat.h"
#include "control/ike/v1/engine.h"
#include "control/ike/v2/closing.h"
#include "control/ike/v2/fragmentation.h"
#include "control/ike/v2/mobike.h"
#include "control/ike/v2/nat.h"
#include "control/ike/v2/reply.h"
#include "control/ike/v2/rivals.h"
#include "control/ike/v2/sa_init.h"
#include "control/ike/v2/send.h"
#include "control/ike/v2/table.h"

namespace culvert::ike {
namespace {

// RFC 7296 2.23: the non-ESP marker stands in front of IKE on port 4500 and nowhere else (B03).
bool MarkerFits(const DatagramIn& d) {
  if (d.local.port == kIkePort) return !d.marker;
  return d.local.port != kNatPort || d.marker;
}

// RFC 7296 2.5: a higher major version is answered with the one we speak.
void AnswerVersion(Context& cx, const DatagramIn& d, const IkeHeader& header) {
  if (header.response) return;
  if (!cx.errors.Allow(d.remote.address, cx.now)) return cx.Bump(Count::kErrorsLimited);
  PayloadList list;
  list.AddNotify(NotifyType::kInvalidMajorVersion, {2});
  AnswerInClear(cx, d, EncodeMessage({.spi_i = header.spi_i, .spi_r = header.spi_r, .exchange = header.exchange,
                                      .initiator = !header.initiator, .response = true, .message_id = header.message_id},
                                     list.view()));
}

// RFC 7296 3.1: I says whether the sender is the SA's original initiator, so it says which of the SPIs is ours.
IkeSa* FindSa(Context& cx, const IkeHeader& header) {
  uint64_t ours = header.initiator ? header.spi_r : header.spi_i;
  uint64_t peers = header.initiator ? header.spi_i : header.spi_r;
  IkeSa* sa = cx.sas.FindBySpi(ours, peers);
  bool first_answer = header.exchange == ExchangeType::kIkeSaInit && header.response;
  if (!sa && first_answer && !header.initiator) sa = cx.sas.FindBySpi(ours, 0);
  if (sa && sa->initiator == header.initiator) {
    cx.Bump(Count::kWrongFlags);
    return nullptr;
  }
  if (!sa) cx.Bump(Count::kUnknownSpi);
  return sa;
}

void ReceiveInitResponse(Context& cx, IkeSa& sa, const DatagramIn& d, const IkeHeader& header) {
  Handler handler = HandlerFor(sa.state, Arrival::kSaInitResponse);
  if (!handler) return cx.Bump(Count::kUnexpected);
  // RFC 7296 2.2: every message of the initial exchange has message ID 0.
  if (header.message_id != 0) return cx.Bump(Count::kBadMessageId);
  auto message = DecodeMessage(d.data);
  if (!message) return cx.Bump(Count::kMalformed);
  GrammarResult grammar = CheckGrammar(header.exchange, true, message->payloads);
  if (grammar.verdict != GrammarVerdict::kOk) return cx.Bump(Count::kBadGrammar);
  handler(cx, sa, Inbound{d, header, message->payloads, grammar.form, {}, {}});
}

// Authenticated, in order, and not what the exchange allows. RFC 7296 2.21.3: INVALID_SYNTAX ends the IKE SA on both sides;
// 2.5: an unknown critical payload only fails the exchange.
void RefuseSyntax(Context& cx, IkeSa& sa, const IkeHeader& header, std::string_view what) {
  cx.Log(Severity::kWarning, sa, Cat(Name(header.exchange), ": the peer's message is not valid: ", what));
  if (!header.response) return ReplyNotify(cx, sa, header, NotifyType::kInvalidSyntax);
  if (sa.initiating && GoOnWithRival(cx, sa)) return;
  CloseIke(cx, sa, Why::kProtocolError);
}

void RefuseCritical(Context& cx, IkeSa& sa, const IkeHeader& header, PayloadType type) {
  cx.Bump(Count::kCriticalPayload);
  if (header.response) return RefuseSyntax(cx, sa, header, "an unknown critical payload");
  cx.Log(Severity::kWarning, sa, Cat(Name(header.exchange), ": unsupported critical payload ", Name(type)));
  SendReply(cx, sa, header, NotifyChain(NotifyType::kUnsupportedCriticalPayload, {static_cast<uint8_t>(type)}));
  if (!sa.secured()) CloseIke(cx, sa, Why::kAuthFailed);
}

std::string Describe(const GrammarResult& g) {
  switch (g.verdict) {
    case GrammarVerdict::kMissing: return Cat("no ", Name(g.payload), " payload");
    case GrammarVerdict::kTooMany: return Cat("too many ", Name(g.payload), " payloads");
    default: return Cat("a ", Name(g.payload), " payload has no place in it");
  }
}

// The SK or SKF payload of a datagram that may be opened.
std::optional<Sealed> FindSealed(Context& cx, const IkeSa& sa, const DatagramIn& d) {
  auto message = DecodeMessage(d.data);
  if (!message) {
    cx.Bump(Count::kMalformed);
    return std::nullopt;
  }
  auto sealed = SealedPart(*message);
  if (!sealed) cx.Bump(Count::kUnprotected);
  // RFC 7383 2.3: only between peers that have both announced it.
  const bool uncalled_for = sealed && sealed->place && !sa.fragments;
  if (uncalled_for) cx.Bump(Count::kFragment);
  return uncalled_for ? std::nullopt : sealed;
}

std::optional<Plain> Open(Context& cx, IkeSa& sa, const DatagramIn& d, const Sealed& sealed) {
  const ByteView before = UpToBody(d.data, sealed.body);
  auto plain = sa.keying->open->Open(before, sealed.body);
  // RFC 9370 2.2.2: an IKE_INTERMEDIATE whose answer was lost comes again with the keys before it.
  const bool lagging = sealed.repeat && sa.intermediate && sa.intermediate->last_open;
  if (!plain && lagging) plain = sa.intermediate->last_open->Open(before, sealed.body);
  if (!plain && sa.initiating) plain = OpenAsRival(sa, DecodeHeader(d.data)->spi_r, d.data, sealed.body);
  if (!plain) {
    cx.Bump(Count::kBadIcv);
    return std::nullopt;
  }
  return Plain{sealed.first, *std::move(plain)};
}

void Dispatch(Context& cx, IkeSa& sa, const DatagramIn& d, const IkeHeader& header, const Plain& opened) {
  Handler handler = HandlerFor(sa.state, ArrivalOf(header));
  if (!handler) return cx.Bump(Count::kUnexpected);
  if (header.response) {
    sa.window.Answered();
    cx.Cancel(TimerKind::kRetransmit, sa.id);
    if (sa.mobike && sa.secured()) OnAnsweredBy(cx, sa, d);
  } else {
    sa.window.Accepted(header.message_id);
    // RFC 7296 2.3: with a window of 1, the peer has the answers to all its earlier requests.
    for (auto& child : sa.children) child->confirmed = true;
    sa.reply_path = {d.local, d.remote, d.marker};
  }
  auto payloads = DecodeChain(opened.first, opened.body);
  if (!payloads) {
    cx.Bump(Count::kMalformed);
    return RefuseSyntax(cx, sa, header, Name(payloads.error().what));
  }
  GrammarResult grammar = CheckGrammar(header.exchange, header.response, *payloads);
  if (grammar.verdict == GrammarVerdict::kUnknownCritical) return RefuseCritical(cx, sa, header, grammar.payload);
  if (grammar.verdict != GrammarVerdict::kOk && ArrivalOf(header) != Arrival::kOther) {
    cx.Bump(Count::kBadGrammar);
    return RefuseSyntax(cx, sa, header, Describe(grammar));
  }
  if (header.response && sa.secured() && FindNotify(*payloads, NotifyType::kInvalidSyntax)) {
    // RFC 7296 2.21.3: the peer has ended the SA.
    cx.Log(Severity::kError, sa, Cat(Name(header.exchange), ": the peer answers INVALID_SYNTAX"));
    return CloseIke(cx, sa, Why::kProtocolError);
  }
  handler(cx, sa, Inbound{d, header, *payloads, grammar.form, opened.first, opened.body});
}

// Whether the message ID lets the datagram through to its ICV.
bool InWindow(Context& cx, IkeSa& sa, const IkeHeader& header) {
  bool outside = header.response ? !sa.window.Awaits(header.message_id, header.exchange)
                                 : sa.window.Classify(header.message_id) == ExchangeWindow::Request::kOutside;
  if (outside) cx.Bump(Count::kBadMessageId);
  return !outside;
}

}  // namespace

HeldMessage Hold(const Inbound& in) { return {in.datagram, in.header, in.first, ToBytes(in.plain), in.form}; }

const NotifyPayload* Inbound::Error() const {
  for (const auto& p : payloads) {
    if (auto* n = std::get_if<NotifyPayload>(&p); n && IsError(n->type)) return n;
  }
  return nullptr;
}

void ReceiveProtected(Context& cx, IkeSa& sa, const DatagramIn& d, const IkeHeader& header) {
  if (!InWindow(cx, sa, header)) return;
  if (!sa.keying) return HoldUntilKeyed(cx, sa, d, header);
  // D03: until the peer is authenticated.
  if (sa.answering && !sa.answering->tries.Take(cx.now)) return cx.Bump(Count::kTriesLimited);
  auto sealed = FindSealed(cx, sa, d);
  if (!sealed) return;
  const bool fragment = sealed->place.has_value();
  const auto kind = header.response ? ExchangeWindow::Request::kNew : sa.window.Classify(header.message_id);
  // RFC 7383 2.6.1: of a repeated request in fragments, the first one alone asks for the answer.
  if (kind != ExchangeWindow::Request::kNew && fragment && sealed->place->number != 1) return cx.Bump(Count::kRepeatIgnored);
  sealed->repeat = kind == ExchangeWindow::Request::kRepeat;
  const bool judged = kind == ExchangeWindow::Request::kNew && fragment && !sa.initiating;
  if (judged && !WantsFragment(cx, sa, header, *sealed->place)) return;
  auto opened = Open(cx, sa, d, *sealed);
  if (!opened) return;
  // RFC 7296 2.1: a repeated request is answered with the same octets and not looked into.
  if (kind == ExchangeWindow::Request::kRepeat) return RepeatReply(cx, sa, d);
  if (kind == ExchangeWindow::Request::kInProgress) return cx.Bump(Count::kRepeatIgnored);
  if (fragment) {
    opened = TakeFragment(cx, sa, header, *sealed->place, *std::move(opened));
    if (!opened) return;
  } else {
    ForgetFragments(sa, header.response);
  }
  if (!header.response && !sa.allowance.exchanges.Take(cx.now)) return cx.Bump(Count::kExchangesLimited);
  sa.last_in = cx.now;
  if (sa.secured()) FollowPeer(cx, sa, d.local, d.remote);
  Dispatch(cx, sa, d, header, *opened);
}

void OnDatagram(Context& cx, const DatagramIn& d) {
  if (d.data.size() == 1 && d.data[0] == 0xff) return cx.Bump(Count::kKeepalive);
  if (!MarkerFits(d)) return cx.Bump(Count::kBadMarker);
  auto header = DecodeHeader(d.data);
  if (!header) return cx.Bump(Count::kMalformed);
  if (header->major == 1 && cx.version1) return cx.version1->OnDatagram(d);
  if (header->major < 2) return cx.Bump(Count::kOldVersion);
  if (header->major > 2) {
    cx.Bump(Count::kNewVersion);
    return AnswerVersion(cx, d, *header);
  }
  if (header->spi_i == 0) return cx.Bump(Count::kBadSpi);
  if (header->exchange == ExchangeType::kIkeSaInit && !header->response) return OnSaInitRequest(cx, d, *header);
  IkeSa* sa = FindSa(cx, *header);
  if (!sa) return;
  if (header->exchange == ExchangeType::kIkeSaInit) return ReceiveInitResponse(cx, *sa, d, *header);
  ReceiveProtected(cx, *sa, d, *header);
}

}  // namespace culvert::ike
