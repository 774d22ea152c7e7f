#include <algorithm>

#include "control/ike/cat.h"
#include "control/ike/connection_table.h"
#include "control/ike/negotiate/floor.h"
#include "control/ike/v2/auth.h"
#include "control/ike/v2/closing.h"
#include "control/ike/v2/fragmentation.h"
#include "control/ike/v2/intermediate.h"
#include "control/ike/v2/nat.h"
#include "control/ike/v2/sa_init.h"
#include "control/ike/v2/send.h"
#include "control/ike/wire/chain.h"

namespace culvert::ike {
namespace {

// What decides whether a stranger's request is looked into: read without allocating anything (D01).
struct Glance {
  ByteView cookie, nonce;
  bool has_cookie = false, cookie_first = false;
};

std::optional<Glance> GlanceAt(const DatagramIn& d, const IkeHeader& header) {
  Reader chain(d.data);
  chain.Skip(kIkeHeaderSize);
  ChainWalker walker(header.next_payload, chain, ChainPlace::kClear);
  Glance g;
  for (bool first = true;; first = false) {
    auto raw = walker.Next();
    if (!raw) return std::nullopt;
    if (!*raw) break;
    if ((*raw)->type == PayloadType::kNonce) g.nonce = (*raw)->body.Rest();
    if ((*raw)->type != PayloadType::kNotify || g.has_cookie) continue;
    auto notify = DecodeNotify((*raw)->body);
    if (!notify || notify->type != NotifyType::kCookie) continue;
    g.has_cookie = true;
    g.cookie_first = first;
    g.cookie = notify->data;
  }
  if (g.nonce.size() < kMinNonce || g.nonce.size() > kMaxNonce) return std::nullopt;
  return g;
}

IkeHeader AnswerHeader(const IkeHeader& request, uint64_t spi_r = 0) {
  return {.spi_i = request.spi_i, .spi_r = spi_r, .exchange = ExchangeType::kIkeSaInit, .response = true};
}

void AnswerNotify(Context& cx, const DatagramIn& d, const IkeHeader& header, NotifyType type, Bytes data) {
  PayloadList list;
  list.AddNotify(type, std::move(data));
  AnswerInClear(cx, d, EncodeMessage(AnswerHeader(header), list.view()));
}

// Error notifies in clear are rationed, lest we be anybody's amplifier or noise (D07).
void AnswerError(Context& cx, const DatagramIn& d, const IkeHeader& header, NotifyType type, Bytes data = {}) {
  if (!cx.errors.Allow(d.remote.address, cx.now)) return cx.Bump(Count::kErrorsLimited);
  AnswerNotify(cx, d, header, type, std::move(data));
}

// RFC 7296 2.6. True where the request may go on.
bool CookieSatisfied(Context& cx, const DatagramIn& d, const IkeHeader& header, const Glance& g, bool required) {
  if (!required && !g.has_cookie) return true;
  CookieJar::Bound bound{g.nonce, d.remote.address, header.spi_i};
  if (g.has_cookie && g.cookie_first && cx.cookies.Verify(g.cookie, bound, cx.now)) {
    cx.Bump(Count::kCookieAccepted);
    return true;
  }
  if (g.has_cookie) cx.Bump(Count::kCookieRefused);
  cx.Bump(Count::kCookieSent);
  AnswerNotify(cx, d, header, NotifyType::kCookie, cx.cookies.Make(bound, cx.now));
  return false;
}

HalfOpenKey KeyOf(const DatagramIn& d, const IkeHeader& header, const Glance& g) {
  HalfOpenKey key{d.remote.address, header.spi_i, {}};
  std::copy_n(g.nonce.begin(), key.nonce.size(), key.nonce.begin());
  return key;
}

// The same SPI and nonce from the same address, already half-open. True where the request is dealt with.
bool IsKnown(Context& cx, const DatagramIn& d, const IkeHeader& header, const Glance& g) {
  IkeSa* sa = cx.sas.Find(cx.half_open.Find(KeyOf(d, header, g)));
  if (!sa) return false;
  if (Equal(sa->answering->request, d.data)) {
    if (sa->answering->response.empty()) {
      cx.Bump(Count::kRepeatIgnored);
    } else {
      cx.Bump(Count::kRepeatAnswered);
      AnswerInClear(cx, d, sa->answering->response);
    }
    return true;
  }
  // The cookie went on and off between two copies of one request (D23): the initiator authenticates the one with the cookie.
  CookieJar::Bound bound{g.nonce, d.remote.address, header.spi_i};
  if (g.cookie_first && cx.cookies.Verify(g.cookie, bound, cx.now)) {
    CloseIke(cx, *sa, Why::kReplaced);
    return false;
  }
  cx.Bump(Count::kHalfOpenTwin);
  return true;
}

bool Admitted(Context& cx, const DatagramIn& d, const IkeHeader& header, const Glance& g) {
  using Verdict = HalfOpenTable::Verdict;
  // F24. It asks again, and there may be memory then.
  if (cx.ShortOfMemory()) return false;
  Verdict verdict = cx.half_open.Admit(d.remote.address, cx.config.settings.dos);
  if (verdict == Verdict::kFull) cx.Bump(Count::kHalfOpenFull);
  if (verdict == Verdict::kSourceBlocked) cx.Bump(Count::kSourceBlocked);
  if (verdict == Verdict::kFull || verdict == Verdict::kSourceBlocked) return false;
  return CookieSatisfied(cx, d, header, g, verdict == Verdict::kCookie);
}

bool MayWork(Context& cx, const DatagramIn& d) {
  using Verdict = HalfOpenTable::JobVerdict;
  Verdict verdict = cx.half_open.AdmitJob(d.remote.address);
  if (verdict == Verdict::kFull) cx.Bump(Count::kJobsFull);
  if (verdict == Verdict::kSourceFull) cx.Bump(Count::kSourceJobsFull);
  return verdict == Verdict::kRun;
}

struct Chosen {
  ConnectionRef connection;
  ChosenIke ike;
};

// RFC 7296 2.7: by the first connection for these addresses that takes one of the proposals. Who the peer is, and so which
// connection it will be, is known only in IKE_AUTH.
std::optional<Chosen> Choose(Context& cx, const Inbound& in) {
  const DatagramIn& d = in.datagram;
  const SaPayload& offer = *in.Get<SaPayload>();
  // RFC 9370 2.2.1: additional key exchanges need the exchange that carries them.
  const bool rounds = in.Notify(NotifyType::kIntermediateExchangeSupported);
  std::optional<Chosen> found;
  std::vector<std::string> wanted;
  cx.connections.Visit({d.local.address, d.remote.address}, [&](const ConnectionRef& c) {
    auto chosen = AboveFloor(c->profile, ChooseIke(c->proposals, offer, {}));
    if (chosen && (rounds || !Any(chosen->suite.additional))) {
      found = Chosen{c, *std::move(chosen)};
    } else if (wanted.size() < kMaxNamed) {
      wanted.push_back(Cat(c->name, " wants ", Describe(OfferIke(c->proposals, {})),
                           chosen ? ", without IKE_INTERMEDIATE" : chosen.error().ToString(offer)));
    }
    return found.has_value();
  });
  if (found) return found;
  const size_t all = cx.connections.CountFor(d.local.address, d.remote.address);
  if (all > wanted.size()) wanted.push_back(Cat(all - wanted.size(), " more connections"));
  cx.Bump(Count::kNoProposalChosen);
  cx.LogStranger(d.remote, Cat("IKE_SA_INIT refused, NO_PROPOSAL_CHOSEN: offered ", Describe(offer), "; ",
                                        wanted.empty() ? "no connection for this address" : Join(wanted, "; ")));
  return std::nullopt;
}

// The answer of a KEM is made of the initiator's value, and the shared secret with it.
// ML-KEM-1024's two public values are of one length, so that tells nothing.
bool IsKem(KeGroup g) { return g == KeGroup::kMlKem512 || g == KeGroup::kMlKem768 || g == KeGroup::kMlKem1024; }

Bytes GroupOctets(KeGroup g) {
  auto v = static_cast<uint16_t>(g);
  return {static_cast<uint8_t>(v >> 8), static_cast<uint8_t>(v)};
}

void Accept(Context& cx, const Inbound& in, const HalfOpenKey& key, Chosen chosen) {
  IkeSa& sa = cx.sas.Create();
  sa.state = IkeState::kAnswerKeying;
  sa.spi_i = in.header.spi_i;
  sa.spi_r = DrawIkeSpi(cx);
  sa.suite = chosen.ike.suite;
  sa.path = {in.datagram.local, in.datagram.remote, in.datagram.marker};
  DetectNat(in.datagram, in.header, in.payloads, sa.path);
  sa.peer_hashes = SignatureHashes(in);
  // RFC 7383 2.3: announced in both directions, or not used.
  sa.fragments = in.Notify(NotifyType::kFragmentationSupported) && AnnouncesFragments(*chosen.connection);
  if (Any(sa.suite.additional)) {
    sa.intermediate = std::make_unique<Intermediate>();
    sa.intermediate->left = sa.suite.additional;
  }
  sa.answering = std::make_unique<ResponderHandshake>();
  ResponderHandshake& h = *sa.answering;
  h.key = key;
  h.nonce_i = ToBytes(in.Get<NoncePayload>()->data);
  h.request = in.datagram.data;
  h.group = sa.suite.group;
  h.peer_public = ToBytes(in.Get<KePayload>()->data);
  h.answer.proposals = {std::move(chosen.ike.answer)};
  h.fake_nat = chosen.connection->encap;
  h.takes_sha1 = TakesSha1(*chosen.connection);
  h.takes_childless = chosen.connection->childless != config::Childless::kNever;
  // RFC 8784 3: without any key to choose from, the notify is one of those nobody knows.
  h.ppk = in.Notify(NotifyType::kUsePpk) && !cx.ppks.empty();
  cx.sas.Index(sa);
  cx.half_open.Add(key, sa.id);
  cx.Arm(TimerKind::kHandshake, sa.id, cx.now + cx.half_open.Life(cx.config.settings.dos));
  // RFC 7296 3.1: IKE_SA_INIT has message ID 0 on both sides.
  sa.window.Accepted(0);
  h.job = cx.Run(sa, std::make_unique<KeyExchangeJob>(h.group, IsKem(h.group) ? std::move(h.peer_public) : Bytes{}));
  cx.half_open.JobStarted(h.job, key.address);
}

void Answer(Context& cx, IkeSa& sa) {
  ResponderHandshake& h = *sa.answering;
  h.nonce_r = cx.random.Take(kNonceSize);
  PayloadList list;
  list.Add(h.answer);
  list.Add(KePayload{h.group, h.exchange->public_value()});
  list.Add(NoncePayload{h.nonce_r});
  AddNatDetection({sa.spi_i, sa.spi_r, sa.path, h.fake_nat}, list);
  if (sa.fragments) list.AddNotify(NotifyType::kFragmentationSupported);
  if (sa.intermediate) list.AddNotify(NotifyType::kIntermediateExchangeSupported);
  AddSignatureHashes(h.takes_sha1, list);
  if (h.ppk) list.AddNotify(NotifyType::kUsePpk);
  if (h.takes_childless) list.AddNotify(NotifyType::kChildlessIkev2Supported);
  AddCertRequestForAny(cx, sa, list);
  IkeHeader header{.spi_i = sa.spi_i, .spi_r = sa.spi_r, .exchange = ExchangeType::kIkeSaInit, .response = true};
  h.response = EncodeMessage(header, list.view());
  if (h.fake_nat) sa.path.nat_local = true;
  sa.state = IkeState::kHalfOpen;
  sa.window.Replied({});  // repeats are told by their octets and answered from the handshake
  cx.Emit(SendDatagram{sa.path.local, sa.path.remote, sa.path.marker, h.response, 0});
}

// Keys are there, and what waited for them is looked at.
void BecomeKeyed(Context& cx, IkeSa& sa, const SecretBytes& shared_secret) {
  ResponderHandshake& h = *sa.answering;
  SecretBytes seed = SkeySeed(sa.suite.prf, h.nonce_i, h.nonce_r, shared_secret.view());
  SetKeys(cx, sa, seed, h.nonce_i, h.nonce_r);
  sa.state = IkeState::kKeyed;
  auto waiting = std::exchange(h.waiting, {});
  for (const auto& d : waiting) {
    auto header = DecodeHeader(d.data);
    if (header && sa.state == IkeState::kKeyed) ReceiveProtected(cx, sa, d, *header);
  }
}

}  // namespace

void OnSaInitRequest(Context& cx, const DatagramIn& d, const IkeHeader& header) {
  if (header.spi_r != 0) return cx.Bump(Count::kBadSpi);
  if (!header.initiator) return cx.Bump(Count::kWrongFlags);
  if (header.message_id != 0) return cx.Bump(Count::kBadMessageId);
  if (d.data.size() > kMaxInitOctets) return cx.Bump(Count::kOversized);
  auto glance = GlanceAt(d, header);
  if (!glance) return cx.Bump(Count::kMalformed);
  if (IsKnown(cx, d, header, *glance) || !Admitted(cx, d, header, *glance) || !MayWork(cx, d)) return;

  auto message = DecodeMessage(d.data);
  if (!message) return cx.Bump(Count::kMalformed);
  GrammarResult grammar = CheckGrammar(header.exchange, false, message->payloads);
  if (grammar.verdict == GrammarVerdict::kUnknownCritical) {
    cx.Bump(Count::kCriticalPayload);
    return AnswerError(cx, d, header, NotifyType::kUnsupportedCriticalPayload, {static_cast<uint8_t>(grammar.payload)});
  }
  if (grammar.verdict != GrammarVerdict::kOk) return cx.Bump(Count::kBadGrammar);
  Inbound in{d, header, message->payloads, grammar.form, {}, {}};
  auto chosen = Choose(cx, in);
  if (!chosen) return AnswerError(cx, d, header, NotifyType::kNoProposalChosen);
  auto& ke = *in.Get<KePayload>();
  if (ke.group != chosen->ike.suite.group) {
    // RFC 7296 1.2: nothing is kept; the initiator comes again with the group we chose.
    cx.Bump(Count::kInvalidKeSent);
    return AnswerNotify(cx, d, header, NotifyType::kInvalidKePayload, GroupOctets(chosen->ike.suite.group));
  }
  if (ke.data.size() != Find(ke.group)->initiator_public) return cx.Bump(Count::kPublicValueRefused);
  Accept(cx, in, KeyOf(d, header, *glance), *std::move(chosen));
}

void HoldUntilKeyed(Context& cx, IkeSa& sa, const DatagramIn& d, const IkeHeader& header) {
  ExchangeType first = sa.intermediate ? ExchangeType::kIkeIntermediate : ExchangeType::kIkeAuth;
  bool may = (sa.state == IkeState::kHalfOpen || sa.state == IkeState::kAnswerDeriving) && header.exchange == first;
  if (!may || header.response) return cx.Bump(Count::kUnexpected);
  ResponderHandshake& h = *sa.answering;
  size_t octets = d.data.size();
  for (const auto& waiting : h.waiting) octets += waiting.data.size();
  if (octets > kMaxWaitingOctets) return cx.Bump(Count::kOversized);
  if (h.waiting.size() >= kMaxWaitingDatagrams) return cx.Bump(Count::kTriesLimited);
  h.waiting.push_back(d);
  if (sa.state == IkeState::kAnswerDeriving) return;
  if (h.shared_secret) return BecomeKeyed(cx, sa, *std::exchange(h.shared_secret, std::nullopt));
  // D03: the shared secret is owed now and no sooner, and is derived once.
  sa.state = IkeState::kAnswerDeriving;
  h.job = cx.Run(sa, std::make_unique<KeyExchangeJob>(std::move(h.exchange), std::move(h.peer_public)));
  cx.half_open.JobStarted(h.job, h.key.address);
}

void OnResponderJob(Context& cx, IkeSa& sa, KeyExchangeJob& job) {
  ResponderHandshake& h = *sa.answering;
  if (sa.state == IkeState::kRoundAnswering) return OnRoundReplyJob(cx, sa, job);
  if (sa.state == IkeState::kAnswerKeying) {
    h.exchange = job.TakeKey();
    const bool refused = job.wanted_secret() && !job.secret();
    if (refused) cx.Bump(Count::kPublicValueRefused);
    h.shared_secret = std::move(job.secret());
    if (h.exchange && !refused) return Answer(cx, sa);
    if (refused) return CloseIke(cx, sa, Why::kAuthFailed);
    cx.Log(Severity::kError, sa, Cat("no key exchange ", Name(h.group), " in this build"));
    return CloseIke(cx, sa, Why::kAuthFailed);
  }
  if (!job.secret()) {
    // RFC 6989: the peer's public value is not one; there is no IKE SA to be had with it.
    cx.Bump(Count::kPublicValueRefused);
    return CloseIke(cx, sa, Why::kAuthFailed);
  }
  BecomeKeyed(cx, sa, *job.secret());
}

void OnHandshakeTimer(Context& cx, IkeSa& sa) {
  if (!sa.answering) return;
  cx.Bump(Count::kHalfOpenExpired);
  CloseIke(cx, sa, Why::kAuthFailed);
}

}  // namespace culvert::ike
