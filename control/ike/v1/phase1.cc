#include "control/ike/v1/phase1.h"

#include "control/auth/revocation/lookup_job.h"
#include "control/ike/cat.h"
#include "control/ike/v1/closing.h"
#include "control/ike/v1/phase1_choice.h"
#include "control/ike/v1/phase1_grammar.h"
#include "control/ike/v1/phase1_steps.h"
#include "control/ike/v1/send.h"
#include "control/ike/v1/user.h"

namespace culvert::ike::v1 {
namespace {

using enum Phase1Step;

enum class Sealed : uint8_t { kNo, kYes, kEither };

// What a step waits for and who takes it.
struct MessageRow {
  Phase1Step step;
  Sealed sealed;
  Phase1Form form;
  void (*handle)(Context&, IkeSa&, const Inbound&);
};
constexpr MessageRow kMessages[] = {
    {kAwaitsSa, Sealed::kNo, Phase1Form::kSa, OnMainSa},
    {kAwaitsKey, Sealed::kNo, Phase1Form::kKey, OnMainKey},
    {kAwaitsAuth, Sealed::kYes, Phase1Form::kAuth, OnMainAuth},
    {kAwaitsPeerKey, Sealed::kNo, Phase1Form::kKey, OnMainPeerKey},
    {kAwaitsPeerAuth, Sealed::kYes, Phase1Form::kAuth, OnMainPeerAuth},
    {kAwaitsAnswer, Sealed::kNo, Phase1Form::kAnswer, OnAggressiveAnswer},
    // RFC 2409 5: the last message of aggressive mode may go in clear.
    {kAwaitsProof, Sealed::kEither, Phase1Form::kProof, OnAggressiveProof},
};

// What a step's job comes back to.
struct JobRow {
  Phase1Step step;
  void (*exchanged)(Context&, IkeSa&, KeyExchangeJob&);
  void (*judged)(Context&, IkeSa&, auth::AuthJob&);
};
constexpr JobRow kJobs[] = {
    {kMakingKey, OnMainKeyMade, nullptr},
    {kDeriving, OnMainDerived, nullptr},
    {kSigning, nullptr, OnMainSigned},
    {kVerifying, nullptr, OnMainVerified},
    {kAnsweringKey, OnMainAnswerKey, nullptr},
    {kJudging, nullptr, OnMainJudged},
    {kMakingFirstKey, OnAggressiveKeyMade, nullptr},
    {kDerivingAnswer, OnAggressiveDerived, nullptr},
    {kJudgingAnswer, nullptr, OnAggressiveJudged},
    {kAnsweringFirstKey, OnAggressiveAnswerKey, nullptr},
    {kSigningAnswer, nullptr, OnAggressiveAnswerSigned},
    {kVerifyingProof, nullptr, OnAggressiveProven},
};

// Whether the grammar is that of a signature: of the method agreed on, or about to be.
bool PeerSigns(const IkeSa& sa, const Inbound& in, Phase1Form form) {
  if (form == Phase1Form::kSa || form == Phase1Form::kKey) return false;
  if (form != Phase1Form::kAnswer) return MethodOf(sa).signs(!sa.initiator);
  auto* answer = in.Get<SaPayload>();
  auto suite = answer ? AcceptPhase1(sa.phase1->sa_i, *answer) : std::nullopt;
  const MethodInfo* method = suite ? Find(suite->method) : nullptr;
  return method && method->responder_signs;
}

// D02: IKEv1 has no cookie to ask a stranger for. What it keeps of them is small and costs no computing before they have shown
// their address, but in aggressive mode; and they have the part of the table that IKEv2's may fill before it asks for cookies.
bool Admitted(Context& cx, const DatagramIn& d, bool aggressive) {
  using Verdict = HalfOpenTable::Verdict;
  const config::Dos& dos = cx.config().settings.dos;
  if (cx.shared.ShortOfMemory()) return false;
  const Verdict verdict = cx.shared.half_open.Admit(d.remote.address, dos);
  if (verdict == Verdict::kSourceBlocked) {
    cx.Bump(Count::kSourceBlocked);
    return false;
  }
  if (verdict == Verdict::kFull || cx.shared.half_open.UnderLoad(dos)) {
    cx.Bump(Count::kHalfOpenFull);
    return false;
  }
  if (aggressive && verdict == Verdict::kCookie) {
    cx.Bump(Count::kSourceBlocked);
    return false;
  }
  return !aggressive || MayWork(cx, d.remote.address);
}

IkeSa& CreateHalfOpen(Context& cx, const Inbound& in, ChosenConnection chosen) {
  IkeSa& sa = cx.sas.Create();
  sa.state = IkeState::kPhase1;
  sa.begun = cx.now();
  sa.aggressive = in.header.exchange == ExchangeType::kAggressive;
  sa.spi_i = in.header.cookie_i;
  sa.spi_r = cx.DrawCookie();
  sa.path = {in.datagram.local, in.datagram.remote, in.datagram.marker};
  sa.connection = std::move(chosen.connection);
  sa.suite = chosen.phase1.suite.suite;
  sa.method = chosen.phase1.suite.method;
  sa.life = std::chrono::seconds(chosen.phase1.suite.life_seconds);
  sa.peer = AgreedAbilities(AnnouncedBy(cx, *sa.connection), in.chain);
  sa.first.type = in.header.exchange;
  sa.first.heard = in.digest;
  sa.phase1 = std::make_unique<Phase1>();
  Phase1& p = *sa.phase1;
  p.key = {in.datagram.remote.address, sa.spi_i, {}};
  p.sa_i = ToBytes(in.Opaque(PayloadType::kSa));
  p.answer = std::move(chosen.phase1.answer);
  p.group = sa.suite.group;
  cx.sas.Index(sa);
  cx.shared.half_open.Add(p.key, sa.id);
  cx.Arm(TimerKind::kHandshake, sa.id, cx.now() + cx.shared.half_open.Life(cx.config().settings.dos));
  return sa;
}

}  // namespace

void BeginPhase1(Context& cx, IkeSa& sa) {
  const config::Connection& c = *sa.connection;
  sa.begun = cx.now();
  sa.aggressive = c.aggressive;
  if (sa.aggressive && !MayBeAggressive(cx, c)) {
    return FailCall(cx, sa, "aggressive mode with a pre-shared key, and the switch that names the risk is off");
  }
  std::vector<AuthMethod> methods = MethodsFor(c, true, *cx.shared.credentials);
  if (methods.empty()) return FailCall(cx, sa, "no key to sign with that IKEv1 has a method for");
  // Our first message of aggressive mode says already who we are and has a KE: for one group, and one key of ours.
  if (sa.aggressive) methods.resize(1);
  sa.first = Exchange{};
  sa.first.type = sa.aggressive ? ExchangeType::kAggressive : ExchangeType::kMain;
  sa.first.ours = true;
  sa.phase1 = std::make_unique<Phase1>();
  Phase1& p = *sa.phase1;
  Phase1Wish wish = WishOf(c, methods);
  if (sa.aggressive) p.group = wish.only = FirstGroup(c.proposals_v1);
  p.sa_i = OfferPhase1(wish);
  if (p.sa_i.empty()) return FailCall(cx, sa, "no proposal that IKEv1 can say");
  sa.method = methods.front();
  if (sa.aggressive) BeginAggressiveMode(cx, sa);
  else BeginMainMode(cx, sa);
}

void OnPhase1Request(Context& cx, const DatagramIn& d, const Header& header, const Chain& chain) {
  const bool aggressive = header.exchange == ExchangeType::kAggressive;
  if (!Admitted(cx, d, aggressive)) return;
  const std::string wrong = CheckPhase1(aggressive ? Phase1Form::kFirst : Phase1Form::kSa, false, chain);
  auto* offer = chain.Get<SaPayload>();
  if (!wrong.empty() || offer->proposals.empty()) return cx.Bump(Count::kBadGrammar);
  const Inbound in{d, header, chain, ByteView(d.data).subspan(kHeaderSize), {}, Sha1({d.data})};
  std::optional<Identity> id;
  if (aggressive) {
    auto read = IdentityIn(*chain.Get<IdPayload>());
    if (!read) return cx.Bump(Count::kBadGrammar);
    id = *std::move(read);
  }
  auto chosen = ChooseConnection(cx, {d, *offer, aggressive, id ? &*id : nullptr});
  if (!chosen) {
    cx.Bump(Count::kNoProposalChosen);
    cx.shared.LogStranger(d.remote, Cat(Name(header.exchange), " refused, NO-PROPOSAL-CHOSEN: ", id ? id->ToString() : "it",
                                        " offered ", DescribePhase1(*offer), "; ", chosen.error()));
    return RefuseInClear(cx, d, header, NotifyType::kNoProposalChosen);
  }
  if (aggressive && !KeysFit(cx, in, chosen->phase1.suite.suite.group)) return;
  IkeSa& sa = CreateHalfOpen(cx, in, *std::move(chosen));
  sa.phase1->vendors = DescribeVendors(chain);
  if (!aggressive) return AnswerMainMode(cx, sa, in);
  sa.remote_id = *std::move(id);
  AnswerAggressiveMode(cx, sa, in);
}

void OnPhase1Message(Context& cx, IkeSa& sa, const Inbound& in) {
  Phase1& p = *sa.phase1;
  auto row = std::ranges::find(kMessages, p.step, &MessageRow::step);
  if (row == std::end(kMessages)) return cx.Bump(Count::kUnexpected);
  if (in.digest == p.refused) return cx.Bump(Count::kRepeatIgnored);
  if (row->sealed != Sealed::kEither && in.header.encrypted != (row->sealed == Sealed::kYes)) {
    return cx.Bump(row->sealed == Sealed::kYes ? Count::kUnprotected : Count::kUnexpected);
  }
  const std::string wrong = CheckPhase1(row->form, PeerSigns(sa, in, row->form), in.chain);
  if (!wrong.empty()) {
    cx.Bump(Count::kBadGrammar);
    return cx.shared.LogStranger(in.datagram.remote, Cat(Name(in.header.exchange), ": a message is not valid: ", wrong));
  }
  row->handle(cx, sa, in);
}

void OnPhase1Job(Context& cx, IkeSa& sa, JobDone& done) {
  sa.first.job = 0;
  if (!sa.phase1) return cx.Bump(Count::kLateJob);
  auto row = std::ranges::find(kJobs, sa.phase1->step, &JobRow::step);
  if (row == std::end(kJobs)) return cx.Bump(Count::kLateJob);
  if (auto* lookup = dynamic_cast<auth::LookupJob*>(done.job.get())) {
    for (const auto& [well, line] : lookup->learnt()) cx.Log(well ? Severity::kInfo : Severity::kWarning, sa, line);
    return RunJob(cx, sa, row->step, lookup->TakeWaiting());
  }
  if (auto* exchange = dynamic_cast<KeyExchangeJob*>(done.job.get()); exchange && row->exchanged) {
    return row->exchanged(cx, sa, *exchange);
  }
  auto* job = dynamic_cast<auth::AuthJob*>(done.job.get());
  if (!job || !row->judged) return cx.Bump(Count::kLateJob);
  if (job->open().empty()) return row->judged(cx, sa, *job);
  // What a judgement wants to know is asked, and then it is tried again.
  (void)done.job.release();
  RunJob(cx, sa, row->step, std::make_unique<auth::LookupJob>(std::unique_ptr<auth::AuthJob>(job)));
}

void HoldForPhase2(Context& cx, IkeSa& sa, const DatagramIn& d) {
  Phase1& p = *sa.phase1;
  constexpr Phase1Step kLast[] = {kVerifying, kVerifyingProof};
  size_t octets = d.data.size();
  for (const DatagramIn& e : p.early) octets += e.data.size();
  const bool waits = sa.first.job != 0 && std::ranges::find(kLast, p.step) != std::end(kLast);
  if (!waits || p.early.size() >= kMaxEarly || octets > kMaxEarlyOctets) return cx.Bump(Count::kUnexpected);
  p.early.push_back(d);
}

void OnPhase1Error(Context& cx, IkeSa& sa, const Inbound& in) {
  const NotifyPayload* error = in.Error();
  if (!error) return cx.Bump(Count::kUnexpected);
  if (sa.initiator) {
    return cx.Log(Severity::kWarning, sa, Cat(Name(sa.first.type), ": somebody answers ", Name(error->type), " to ",
                                              Name(sa.method), ", and may not be the peer"));
  }
  cx.shared.LogStranger(in.datagram.remote, Cat(Name(sa.first.type), " ends with ", Name(error->type)));
}

void OnPhase1Refused(Context& cx, IkeSa& sa, const Inbound& in) {
  const NotifyPayload* error = in.Error();
  if (!sa.initiator || (!error && !in.Get<DeletePayload>())) return cx.Bump(Count::kUnexpected);
  cx.Bump(Count::kAuthenticationFailed);
  FailCall(cx, sa, Cat(Name(sa.first.type), ": the peer answers ", error ? Name(error->type) : "with a Delete", " to ",
                       sa.local_id.ToString()));
}

void OnHandshakeTimer(Context& cx, IkeSa& sa) {
  if (sa.state == IkeState::kUser) return OnUserTimer(cx, sa);
  if (!sa.phase1 || sa.initiator) return;
  cx.Bump(Count::kHalfOpenExpired);
  CloseIke(cx, sa, Why::kAuthFailed);
}

}  // namespace culvert::ike::v1
