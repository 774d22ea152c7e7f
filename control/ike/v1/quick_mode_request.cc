#include <algorithm>

#include "control/ike/cat.h"
#include "control/ike/job.h"
#include "control/ike/negotiate/ts_narrow.h"
#include "control/ike/v1/children.h"
#include "control/ike/v1/client_ids.h"
#include "control/ike/v1/informational.h"
#include "control/ike/v1/quick_message.h"
#include "control/ike/v1/quick_mode_impl.h"
#include "control/ike/v1/quick_policy.h"
#include "control/ike/v1/send.h"
#include "control/ike/v1/user_state.h"

namespace culvert::ike::v1 {
namespace {

using Step = QuickMode::Step;

constexpr size_t kMaxPairs = 32;   // of one child's selectors: quick modes that are begun at once

// One quick mode to be begun.
struct Wish {
  const config::Child* child = nullptr;
  ChildSa* rekeyed = nullptr;
  Selectors pair;
};

void Refuse(Context& cx, IkeSa& sa, const Wish& wish, RequestId request, std::string_view why) {
  cx.Log(Severity::kError, sa, Cat(wish.rekeyed ? "rekeying of " : "", "Child SA ", wish.child->name, ": ", why), request);
  if (wish.rekeyed) cx.Arm(TimerKind::kRekeyChild, wish.rekeyed->id, cx.now() + kAgainAfterRefusal);
  cx.Answer(request, why);
}

// Error: why there can be none.
std::expected<std::unique_ptr<QuickMode>, std::string> MakeOffer(Context& cx, IkeSa& sa, const Wish& wish) {
  auto q = std::make_unique<QuickMode>();
  const auto own = ClientIdOf(wish.pair.local.front()), peers = ClientIdOf(wish.pair.remote.front());
  if (!own || !peers) return std::unexpected(Cat("IKEv1 has no port ranges: ", ToString(wish.pair)));
  q->spi = SpiLease(cx.shared.spis, IkeSpiBucket(sa.local_spi()));
  q->our_spi = q->spi.spi();
  if (q->our_spi == 0) return std::unexpected("no SPI is free");
  auto offer = OfferPhase2(PolicyFor(sa, *wish.child, wish.rekeyed), q->our_spi);
  if (!offer) {
    const bool nat = wish.child->esp_proposals_v1.empty() && sa.path.encapsulates();
    return std::unexpected(nat ? "AH goes through no NAT, and there is one" : "none of its proposals can be used");
  }
  q->connection = wish.rekeyed ? wish.rekeyed->connection : sa.connection;
  q->config = wish.child;
  q->requester = true;
  q->sa = std::move(offer->body);
  q->protocol = offer->protocol;
  q->group = offer->group;
  q->local_ts = wish.pair.local;
  q->remote_ts = wish.pair.remote;
  q->id_i = *own;
  q->id_r = *peers;
  return q;
}

void SendFirst(Context& cx, IkeSa& sa, Exchange& e) {
  e.nonce_i = cx.random().Take(kQuickNonceSize);
  e.expects = HashForm::kTwo;
  e.quick->step = Step::kAsked;
  const QuickMessage message(sa, e);
  SendInExchange(cx, sa, e, {.payloads = message.payloads()});
}

void Begin(Context& cx, IkeSa& sa, const Task& task, const Wish& wish) {
  if (sa.ExchangesUnderWay() >= kMaxExchanges) return Refuse(cx, sa, wish, task.request, "too many exchanges are under way");
  auto offer = MakeOffer(cx, sa, wish);
  if (!offer) return Refuse(cx, sa, wish, task.request, offer.error());
  if (wish.rekeyed) {
    wish.rekeyed->state = ChildState::kRekeying;
    (*offer)->rekeyed = wish.rekeyed->id;
    ChildSa* newest = NewestOf(sa, wish.child->name, wish.rekeyed->local_ts, wish.rekeyed->remote_ts);
    (*offer)->replaces = std::max(newest ? newest->id : 0, wish.rekeyed->id);
  }
  Exchange& e = BeginExchange(cx, sa, ExchangeType::kQuick);
  e.task = task;
  e.quick = *std::move(offer);
  if (e.quick->group == KeGroup::kNone) return SendFirst(cx, sa, e);
  e.job = cx.Run(sa, std::make_unique<KeyExchangeJob>(e.quick->group, Bytes{}));
}

// Something protects it already, as far as the peer would have it, or is about to.
bool IsUpOrComing(const IkeSa& sa, const config::Child& c, const Selectors& pair) {
  const bool coming = std::ranges::any_of(sa.exchanges, [&](const Exchange& e) {
    return e.quick && !e.done() && e.quick->requester && e.quick->config->name == c.name && e.quick->local_ts == pair.local &&
           e.quick->remote_ts == pair.remote;
  });
  return coming || std::ranges::any_of(sa.children, [&](const auto& child) {
    return child->live() && child->name() == c.name && IsSubset(child->local_ts, pair.local) &&
           IsSubset(child->remote_ts, pair.remote);
  });
}

bool Covers(const Selectors& pair, const TriggeringPacket& packet) {
  return pair.local.front().Covers(packet.local) && pair.remote.front().Covers(packet.remote);
}

void BeginNew(Context& cx, IkeSa& sa, Task task) {
  const config::Child* config = FindChild(*sa.connection, task.child_name);
  if (!config) return cx.Answer(task.request, Cat("no child ", task.child_name));
  std::vector<Selectors> pairs = PairsOf(ConfiguredFor(sa, *config));
  if (task.packet) std::erase_if(pairs, [&](const Selectors& p) { return !Covers(p, *task.packet); });
  if (pairs.empty()) {
    const Wish none{.child = config, .rekeyed = nullptr, .pair = {}};
    return Refuse(cx, sa, none, task.request, Cat("its selectors leave out ", sa.path.local.address.ToString(), " === ",
                                                  sa.path.remote.address.ToString()));
  }
  std::erase_if(pairs, [&](const Selectors& p) { return IsUpOrComing(sa, *config, p); });
  if (pairs.empty()) return cx.Answer(task.request);
  // A packet is done with by one of them.
  pairs.resize(std::min(pairs.size(), task.packet ? 1 : kMaxPairs));
  if (task.request && pairs.size() > 1) cx.shared.Expect(task.request, static_cast<unsigned>(pairs.size()));
  for (Selectors& pair : pairs) {
    // Should the task be given to another ISAKMP SA, it is about that pair.
    task.packet = TriggeringPacket{pair.local.front(), pair.remote.front()};
    Begin(cx, sa, task, {.child = config, .rekeyed = nullptr, .pair = std::move(pair)});
  }
}

// With the IDs it was made with.
Selectors IdsOf(const IkeSa& sa, const ChildSa& old) {
  const Selectors own{old.local_ts, old.remote_ts};
  if (own.local.size() == 1 && own.remote.size() == 1) return own;
  // More than one a side is what we have made of a pair that said more (JudgeAnswer, and quick_mode_reply.cc).
  for (const Selectors& pair : PairsOf(ConfiguredFor(sa, *old.config))) {
    if (IsSubset(own.local, pair.local) && IsSubset(own.remote, pair.remote)) return pair;
  }
  return {{own.local.front()}, {own.remote.front()}};
}

void BeginRekeying(Context& cx, IkeSa& sa, const Task& task) {
  ChildSa* old = sa.Find(task.child);
  if (!old) return cx.Answer(task.request, "the Child SA is gone");
  // Another exchange is at it, or has been.
  if (old->state != ChildState::kInstalled) return cx.Answer(task.request);
  Begin(cx, sa, task, {.child = old->config, .rekeyed = old, .pair = IdsOf(sa, *old)});
}

// draft-unity: behind the peer are the networks it has named, whatever the quick mode is for.
void NarrowToSplit(const IkeSa& sa, QuickMode& q) {
  if (!sa.user || sa.user->split_include.empty()) return;
  SelectorList named;
  for (const IpPrefix& prefix : sa.user->split_include) named.push_back({.addresses = IpRange::Of(prefix)});
  if (auto narrowed = Narrow(q.local_ts, named, q.local_ts, q.remote_ts)) q.remote_ts = std::move(narrowed->remote);
}

// What the peer has made of our offer; error: what of it we do not take.
std::expected<void, std::string> JudgeAnswer(IkeSa& sa, const QuickPayloads& m, QuickMode& q) {
  Phase2Policy policy = PolicyFor(sa, *q.config, nullptr);
  auto chosen = AcceptPhase2(policy, q.group, *m.sa);
  if (!chosen) return std::unexpected(Cat("answered ", DescribePhase2(*m.sa), chosen.error()));
  if (sa.FindByPeerSpi(chosen->protocol, chosen->peer_spi)) return std::unexpected("answered with an SPI that is in use");
  const GroupInfo* group = Find(q.group);
  if (m.ke.size() != (group ? group->responder_public : 0u)) return std::unexpected("answered a KE payload of a wrong size");
  const Selectors proposed{q.local_ts, q.remote_ts};
  auto ts = SelectorsIn(m, sa.path, true);
  if (policy.transport) {
    AtEnds at_ends = TransportSelectorsIn(m, sa.path, true);
    ts = std::move(at_ends.ts);
    q.original = at_ends.original;
  }
  if (!m.id_i) ts = proposed;
  if (!ts) return std::unexpected("answered with IDs that name no addresses");
  if (!IsSubset(ts->local, proposed.local) || !IsSubset(ts->remote, proposed.remote)) {
    return std::unexpected(Cat("answered ", ToString(*ts), ", more than was proposed"));
  }
  q.protocol = chosen->protocol;
  q.suite = chosen->suite;
  q.peer_spi = chosen->peer_spi;
  q.life = Shorter(policy.life, chosen->life);
  q.local_ts = std::move(ts->local);
  q.remote_ts = std::move(ts->remote);
  NarrowToSplit(sa, q);
  return {};
}

// RFC 2407 4.6.3.1: a responder whose lifetimes are shorter says so, and they hold.
void ObeyLife(const Inbound& in, QuickMode& q) {
  const NotifyPayload* n = in.Notify(NotifyType::kResponderLifetime);
  const auto life = n ? DecodeLife(n->data) : std::nullopt;
  if (life) q.life = Shorter(q.life, *life);
}

}  // namespace

void BeginQuickMode(Context& cx, IkeSa& sa, Task task) {
  if (task.kind == Task::Kind::kRekeyChild) return BeginRekeying(cx, sa, task);
  BeginNew(cx, sa, std::move(task));
}

void OnQuickAnswer(Context& cx, IkeSa& sa, Exchange& e, const Inbound& in) {
  QuickMode& q = *e.quick;
  const auto m = ReadQuick(in);
  if (!m) return RefuseQuick(cx, sa, e, {NotifyType::kPayloadMalformed, m.error()});
  if (auto judged = JudgeAnswer(sa, *m, q); !judged) {
    return RefuseQuick(cx, sa, e, {NotifyType::kNoProposalChosen, judged.error()});
  }
  ObeyLife(in, q);
  q.commit = in.header.commit;
  e.nonce_r = ToBytes(m->nonce);
  TakeNotifies(cx, sa, e, in);
  if (q.group == KeGroup::kNone) return InstallQuick(cx, sa, e);
  q.step = Step::kDeriving;
  e.job = cx.Run(sa, std::make_unique<KeyExchangeJob>(std::move(q.key), ToBytes(m->ke)));
}

void SendThird(Context& cx, IkeSa& sa, Exchange& e) {
  QuickMode& q = *e.quick;
  e.expects = HashForm::kOne;   // of CONNECTED, where that comes as a fourth message
  SendInExchange(cx, sa, e, {.payloads = {}, .form = HashForm::kThree, .next = q.commit ? Next::kAnswerable : Next::kDone});
  IkeSa* keeper = cx.sas.OwnerOf(q.child);
  ChildSa& child = *keeper->Find(q.child);
  if (RequestId request = e.task ? e.task->request : 0) child.requests.push_back(request);
  e.task.reset();
  q.step = Step::kReady;
  const ChildSa* old = keeper->Find(q.replaces);
  // A peer that puts its halves into place when it has the third message loses what is sent any sooner; meanwhile there is the
  // old SA. ESP on the new one says that it is done.
  if (q.commit || (old && old->out == HalfState::kUp)) return cx.Arm(TimerKind::kChildUse, child.id, cx.now() + kChildUsePoll);
  FinishQuick(cx, sa, e);
}

void OnRequesterJob(Context& cx, IkeSa& sa, Exchange& e, KeyExchangeJob& job) {
  QuickMode& q = *e.quick;
  if (q.step == Step::kKey) {
    q.key = job.TakeKey();
    if (!q.key) return AbandonQuickMode(cx, sa, e, Cat("no key exchange ", Name(q.group), " in this build"));
    return SendFirst(cx, sa, e);
  }
  if (!job.secret()) {
    cx.Bump(Count::kPublicValueRefused);
    return RefuseQuick(cx, sa, e, {NotifyType::kInvalidKeyInformation, "the peer's public value is not valid"});
  }
  q.shared_secret = *std::move(job.secret());
  InstallQuick(cx, sa, e);
}

}  // namespace culvert::ike::v1
