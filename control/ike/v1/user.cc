#include "control/ike/v1/user.h"

#include <algorithm>

#include "common/bytes/hex.h"
#include "control/ike/cat.h"
#include "control/ike/v1/closing.h"
#include "control/ike/v1/established.h"
#include "control/ike/v1/mode_config.h"
#include "control/ike/v1/send.h"
#include "control/ike/v1/transaction_state.h"
#include "control/ike/v1/user_state.h"
#include "control/ike/v1/xauth.h"

namespace culvert::ike::v1 {
namespace {

using Step = UserPhase::Step;

// For all of XAUTH and mode config: somebody may have to type a password, and RADIUS servers may have to be asked in turn.
constexpr std::chrono::seconds kUserPatience{120};

bool WantsUserPhase(const IkeSa& sa) {
  const config::Connection& c = *sa.connection;
  return IsXauthServer(sa) || IsXauthClient(sa) || !c.vips.empty() || !c.pools.empty();
}

const char* Waiting(Step step) {
  switch (step) {
    case Step::kAsking: return "the peer has not told its user name and password";
    case Step::kJudging: return "nobody has said whether user name and password are right";
    case Step::kGranted:
    case Step::kRefused: return "the peer has not acknowledged how XAUTH ended";
    case Step::kPushing: return "the peer has not acknowledged its address";
    case Step::kAwaitsXauth: return "the peer has not asked for the user name and password, or not said whether they are right";
    case Step::kPulling:
    case Step::kAwaitsPush: return "the peer has leased no address to us";
    case Step::kDone: break;
  }
  return "it took too long";
}

const IpAddress* OfFamily(const std::vector<IpAddress>& list, Family family) {
  auto it = std::ranges::find(list, family, &IpAddress::family);
  return it == list.end() ? nullptr : &*it;
}

}  // namespace

void Ask(Context& cx, IkeSa& sa, TransactionType type, const AttributeList& attributes) {
  Exchange& e = BeginExchange(cx, sa, ExchangeType::kTransaction);
  const auto id = static_cast<uint16_t>(cx.random().U64());
  e.transaction = std::make_unique<Transaction>(Transaction{.id = id, .type = type, .user = {}});
  sa.user->pending = e.message_id;
  const Payload payload = attributes.Payload(type, id);
  SendInExchange(cx, sa, e, {.payloads = {&payload, 1}, .next = Next::kAwait});
}

void EndPending(Context& cx, IkeSa& sa) {
  const uint32_t id = std::exchange(sa.user->pending, 0);
  if (Exchange* e = id == 0 ? nullptr : sa.FindExchange(id)) EndExchange(cx, sa, *e);
}

void Respond(Context& cx, IkeSa& sa, Exchange& e, TransactionType type, const AttributeList& attributes) {
  const Payload payload = attributes.Payload(type, e.transaction->id);
  SendInExchange(cx, sa, e, {.payloads = {&payload, 1}, .next = Next::kDone});
}

void AfterXauth(Context& cx, IkeSa& sa) {
  const config::Connection& c = *sa.connection;
  if (!c.vips.empty() && c.pull) return PullConfig(cx, sa);
  if (!c.vips.empty()) {
    sa.user->step = Step::kAwaitsPush;
    return;
  }
  // One that is to pull may do so at any time, or never: it is not waited for.
  if (!c.pools.empty() && !c.pull) return PushConfig(cx, sa);
  FinishUser(cx, sa);
}

void FinishUser(Context& cx, IkeSa& sa) {
  sa.user->step = Step::kDone;
  if (sa.state == IkeState::kUser) OnReady(cx, sa);
}

void FailUser(Context& cx, IkeSa& sa, std::string_view why) {
  if (!sa.initiator) {
    cx.Log(Severity::kWarning, sa, why);
    return DeleteIke(cx, sa, Why::kAuthFailed);
  }
  SayDelete(cx, sa);
  FailCall(cx, sa, why);
}

void OnAuthenticated(Context& cx, IkeSa& sa) {
  sa.state = IkeState::kUser;
  if (!WantsUserPhase(sa)) return OnReady(cx, sa);
  sa.user = std::make_unique<UserPhase>();
  cx.Arm(TimerKind::kHandshake, sa.id, cx.now() + kUserPatience);
  if (IsXauthServer(sa)) return AskUser(cx, sa);
  if (!IsXauthClient(sa)) return AfterXauth(cx, sa);
  sa.user->step = Step::kAwaitsXauth;
}

void OnTransactionRequest(Context& cx, IkeSa& sa, Exchange& exchange, const Inbound& in) {
  const auto* p = in.Get<AttributesPayload>();
  const bool begins = p && (p->type == TransactionType::kRequest || p->type == TransactionType::kSet);
  if (!begins || sa.state == IkeState::kReplaced) {
    cx.Bump(begins ? Count::kUnexpected : Count::kBadGrammar);
    return EndExchange(cx, sa, exchange);
  }
  exchange.transaction = std::make_unique<Transaction>(Transaction{.id = p->id, .type = p->type, .user = {}});
  const bool request = p->type == TransactionType::kRequest;
  if (IsXauth(*p)) return request ? OnXauthRequest(cx, sa, exchange, *p) : OnXauthSet(cx, sa, exchange, *p);
  request ? OnConfigRequest(cx, sa, exchange, *p) : OnConfigSet(cx, sa, exchange, *p);
}

void OnTransactionAnswer(Context& cx, IkeSa& sa, Exchange& exchange, const Inbound& in) {
  const auto* p = in.Get<AttributesPayload>();
  const bool ours = exchange.transaction && sa.user && sa.user->pending == exchange.message_id;
  if (!ours) {
    cx.Bump(Count::kUnexpected);
    return EndExchange(cx, sa, exchange);
  }
  const bool request = exchange.transaction->type == TransactionType::kRequest;
  if (!p || p->type != (request ? TransactionType::kReply : TransactionType::kAck)) {
    cx.Bump(Count::kBadGrammar);
    return FailUser(cx, sa, "the peer has answered a transaction with something else");
  }
  switch (sa.user->step) {
    case Step::kAsking: return OnUserReply(cx, sa, exchange, *p);
    case Step::kPulling: return OnConfigReply(cx, sa, *p);
    case Step::kGranted:
      EndPending(cx, sa);
      return AfterXauth(cx, sa);
    case Step::kRefused: return DeleteIke(cx, sa, Why::kAuthFailed);
    case Step::kPushing:
      EndPending(cx, sa);
      return FinishUser(cx, sa);
    case Step::kJudging:
    case Step::kAwaitsXauth:
    case Step::kAwaitsPush:
    case Step::kDone: return EndPending(cx, sa);
  }
}

void OnTransactionJob(Context& cx, IkeSa& sa, Exchange& exchange, JobDone& done) {
  exchange.job = 0;
  if (sa.user && sa.user->step == Step::kJudging) OnUserLookUp(cx, sa, exchange, done);
}

void OnUserTimer(Context& cx, IkeSa& sa) {
  if (sa.state == IkeState::kUser && sa.user) FailUser(cx, sa, Waiting(sa.user->step));
}

const IpAddress* LeasedToPeer(const IkeSa& sa, Family family) { return sa.user ? OfFamily(sa.user->leased, family) : nullptr; }
const IpAddress* LeasedFromPeer(const IkeSa& sa, Family family) { return sa.user ? OfFamily(sa.user->vips, family) : nullptr; }

bool SameUser(const IkeSa& a, const IkeSa& b) {
  auto name = [](const IkeSa& sa) { return sa.user ? std::string_view(sa.user->name) : std::string_view(); };
  return name(a) == name(b);
}

std::string PeerName(const IkeSa& sa) {
  return sa.user && !sa.user->name.empty() ? Escape(sa.user->name) : sa.remote_id.ToString();
}

}  // namespace culvert::ike::v1
