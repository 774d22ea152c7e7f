#include <algorithm>

#include "control/ike/cat.h"
#include "control/ike/job.h"
#include "control/ike/negotiate/ts_narrow.h"
#include "control/ike/v1/children.h"
#include "control/ike/v1/client_ids.h"
#include "control/ike/v1/quick_message.h"
#include "control/ike/v1/quick_mode_impl.h"
#include "control/ike/v1/quick_policy.h"
#include "control/ike/v1/send.h"

namespace culvert::ike::v1 {
namespace {

using Step = QuickMode::Step;

// What a child and the peer both want.
struct Match {
  const config::Child* child = nullptr;
  Narrowed ts;
  ChosenPhase2 esp;
};

// Which of the connection's children the peer asks for.
class Matcher {
 public:
  Matcher(const IkeSa& sa, const QuickPayloads& m, uint32_t spi)
      : sa_(sa), offer_(*m.sa), spi_(spi), tunnel_(SelectorsIn(m, sa.path, false)),
        at_ends_(TransportSelectorsIn(m, sa.path, false)) {}

  void Try(const config::Child& c) {
    const bool transport = c.mode == config::ChildMode::kTransport;
    if (!transport && c.mode != config::ChildMode::kTunnel) return;
    if (!transport && !tunnel_) return Pass(c, "is for addresses, which the peer's IDs do not name");
    const Selectors ours = ConfiguredFor(sa_, c);
    const Selectors& theirs = transport ? at_ends_.ts : *tunnel_;
    auto ts = Narrow(ours.local, ours.remote, theirs.local, theirs.remote);
    if (!ts) return Pass(c, Cat("is for ", ToString(ours)));
    selectors_met_ = true;
    auto esp = ChoosePhase2(PolicyFor(sa_, c, nullptr), offer_, spi_);
    if (!esp) return Pass(c, Cat("wants another proposal", transport ? " in transport mode" : "", esp.error()));
    matches_.push_back({&c, *std::move(ts), *std::move(esp)});
  }

  // The first that has all of what is asked for; otherwise the first.
  std::expected<Match, QuickRefusal> Result() {
    if (matches_.empty()) {
      const std::string asked = tunnel_ ? ToString(*tunnel_) : "IDs without addresses";
      const std::string passed = passed_over_.empty() ? "the connection has no children" : Join(passed_over_, "; ");
      std::string why = Cat("offered ", asked, " with ", DescribePhase2(offer_), "; ", passed);
      const NotifyType type = selectors_met_ ? NotifyType::kNoProposalChosen : NotifyType::kInvalidIdInformation;
      return std::unexpected(QuickRefusal{type, std::move(why)});
    }
    auto best = std::ranges::find_if(matches_, [](const Match& m) { return m.ts.covers_first; });
    return std::move(best == matches_.end() ? matches_.front() : *best);
  }

  const std::optional<Selectors>& asked() const { return tunnel_; }
  const std::optional<OriginalAddresses>& original() const { return at_ends_.original; }

 private:
  void Pass(const config::Child& c, std::string why) { passed_over_.push_back(Cat(c.name, " ", why)); }

  const IkeSa& sa_;
  const SaPayload& offer_;
  const uint32_t spi_;
  const std::optional<Selectors> tunnel_;
  const AtEnds at_ends_;
  std::vector<Match> matches_;            // in the connection's order
  bool selectors_met_ = false;
  std::vector<std::string> passed_over_;
};

bool IsEverything(const SelectorList& list) {
  const TrafficSelector& ts = list.front();
  return ts.addresses == IpRange::All(ts.addresses.first.family) && ts.protocol == 0;
}

// The IDs to answer with. IKEv1 has no narrowing: what is not said back as it came is what the peer may refuse.
std::optional<QuickRefusal> SettleSelectors(const IkeSa& sa, const QuickPayloads& m, const Matcher& matcher, QuickMode& q) {
  const bool transport = q.config->mode == config::ChildMode::kTransport;
  const std::optional<Selectors>& asked = matcher.asked();
  // Cisco's clients ask for everything, and send what they have been told to (mode config's split networks).
  const bool as_unity = sa.peer.unity && asked && IsEverything(asked->local);
  if (!transport && !as_unity) {
    q.local_ts.resize(1);
    q.remote_ts.resize(1);
  }
  if (!m.id_i) return std::nullopt;
  q.id_i = ToBytes(m.id_i_body);
  q.id_r = ToBytes(m.id_r_body);
  const bool whole = asked && q.local_ts == asked->local && q.remote_ts == asked->remote;
  if (transport || as_unity || whole) return std::nullopt;
  auto own = ClientIdOf(q.local_ts.front()), peers = ClientIdOf(q.remote_ts.front());
  if (!own || !peers) {
    const Selectors ours{q.local_ts, q.remote_ts};
    return QuickRefusal{NotifyType::kInvalidIdInformation,
                        Cat("offered ", asked ? ToString(*asked) : "other IDs", "; ", q.config->name, " is for ",
                            ToString(ours), ", which IKEv1 cannot say")};
  }
  q.id_i = *std::move(peers);
  q.id_r = *std::move(own);
  return std::nullopt;
}

std::optional<QuickRefusal> CheckKe(const QuickPayloads& m, KeGroup group) {
  const GroupInfo* info = Find(group);
  // RFC 2409 5.5: a KE payload goes with a group, and a group with a KE payload.
  if (m.ke.size() == (info ? info->initiator_public : 0u)) return std::nullopt;
  return QuickRefusal{NotifyType::kInvalidKeyInformation,
                      info ? "a KE payload of a wrong size, or none" : "a KE payload, and no group"};
}

// RFC 2407 4.5.4: of two lifetimes the shorter holds; where that is ours, the peer is told.
void SettleLife(const SaLife& ours, const SaLife& theirs, QuickMode& q) {
  q.life = Shorter(ours, theirs);
  const bool less_traffic = q.life.kilobytes != theirs.kilobytes;
  q.tell_life = q.life.seconds < theirs.seconds || less_traffic;
}

// Everything of the answer but nonce and keys.
std::expected<std::unique_ptr<QuickMode>, QuickRefusal> MakeAnswer(Context& cx, IkeSa& sa, const QuickPayloads& m) {
  auto q = std::make_unique<QuickMode>();
  q->spi = SpiLease(cx.shared.spis, IkeSpiBucket(sa.local_spi()));
  q->our_spi = q->spi.spi();
  if (q->our_spi == 0) return std::unexpected(QuickRefusal{NotifyType::kNoProposalChosen, "no SPI is free"});
  Matcher matcher(sa, m, q->our_spi);
  for (const config::Child& c : sa.connection->children) matcher.Try(c);
  auto match = matcher.Result();
  if (!match) return std::unexpected(std::move(match.error()));
  q->connection = sa.connection;
  q->config = match->child;
  q->local_ts = std::move(match->ts.local);
  q->remote_ts = std::move(match->ts.remote);
  if (auto refusal = SettleSelectors(sa, m, matcher, *q)) return std::unexpected(*std::move(refusal));
  if (auto refusal = CheckKe(m, match->esp.group)) return std::unexpected(*std::move(refusal));
  if (sa.FindByPeerSpi(match->esp.protocol, match->esp.peer_spi)) {
    return std::unexpected(QuickRefusal{NotifyType::kInvalidSpi, "the peer's SPI is in use"});
  }
  if (q->config->mode == config::ChildMode::kTransport) q->original = matcher.original();
  q->peer_spi = match->esp.peer_spi;
  q->protocol = match->esp.protocol;
  q->suite = match->esp.suite;
  q->group = match->esp.group;
  q->sa = std::move(match->esp.answer);
  SettleLife(PolicyFor(sa, *q->config, nullptr).life, match->esp.life, *q);
  if (ChildSa* old = NewestOf(sa, q->config->name, q->local_ts, q->remote_ts)) q->replaces = old->id;
  if (q->replaces == 0 && sa.LiveChildren() >= kMaxChildren) {
    return std::unexpected(QuickRefusal{NotifyType::kNoProposalChosen, "the peer has as many Child SAs as it may"});
  }
  return q;
}

// hostile.md D12: what an authenticated peer may ask for. Replaced children are there for a while beside their successors.
bool IsOverLimit(Context& cx, IkeSa& sa) {
  return !sa.allowance.children.Take(cx.now()) || sa.children.size() >= 2 * kMaxChildren;
}

}  // namespace

void OnQuickRequest(Context& cx, IkeSa& sa, Exchange& e, const Inbound& in) {
  if (IsOverLimit(cx, sa)) {
    cx.Bump(Count::kExchangesLimited);
    return FinishExchange(cx, sa, e);
  }
  const auto m = ReadQuick(in);
  if (!m) return RefuseQuick(cx, sa, e, {NotifyType::kPayloadMalformed, m.error()});
  auto q = MakeAnswer(cx, sa, *m);
  if (!q) return RefuseQuick(cx, sa, e, q.error());
  e.quick = *std::move(q);
  e.quick->commit = in.header.commit;
  e.nonce_i = ToBytes(m->nonce);
  e.nonce_r = cx.random().Take(kQuickNonceSize);
  TakeNotifies(cx, sa, e, in);
  if (e.quick->group == KeGroup::kNone) return InstallQuick(cx, sa, e);
  e.job = cx.Run(sa, std::make_unique<KeyExchangeJob>(e.quick->group, ToBytes(m->ke)));
}

void OnReplierJob(Context& cx, IkeSa& sa, Exchange& e, KeyExchangeJob& job) {
  QuickMode& q = *e.quick;
  if (!job.secret()) {
    cx.Bump(Count::kPublicValueRefused);
    return RefuseQuick(cx, sa, e, {NotifyType::kInvalidKeyInformation, "the peer's public value is not valid"});
  }
  q.shared_secret = *std::move(job.secret());
  q.key = job.TakeKey();
  InstallQuick(cx, sa, e);
}

void SendSecond(Context& cx, IkeSa& sa, Exchange& e) {
  e.expects = HashForm::kThree;
  e.quick->step = Step::kAnswered;
  const QuickMessage message(sa, e);
  SendInExchange(cx, sa, e, {.payloads = message.payloads(), .form = HashForm::kTwo});
  e.quick->key.reset();
  cx.Arm(TimerKind::kChildUse, e.quick->child, cx.now() + kChildUsePoll);
}

void OnThird(Context& cx, IkeSa& sa, Exchange& e) {
  e.expects = HashForm::kOne;
  e.quick->step = Step::kReady;
  if (!e.quick->commit) FinishQuick(cx, sa, e);
}

}  // namespace culvert::ike::v1
