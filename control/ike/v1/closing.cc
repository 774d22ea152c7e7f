#include "control/ike/v1/closing.h"

#include <algorithm>

#include "control/ike/cat.h"
#include "control/ike/v1/children.h"
#include "control/ike/v1/established.h"
#include "control/ike/v1/phase1_auth.h"
#include "control/ike/v1/phase1_state.h"
#include "control/ike/v1/quick_mode.h"
#include "control/ike/v1/receive.h"
#include "control/ike/v1/same_peer.h"
#include "control/ike/v1/send.h"
#include "control/ike/v1/tasks.h"
#include "control/ike/v1/user.h"

namespace culvert::ike::v1 {
namespace {

// What was to be done by this SA, begun or not.
Tasks TakeTasks(IkeSa& sa) {
  Tasks tasks = std::exchange(sa.tasks, {});
  for (Exchange& e : sa.exchanges) {
    if (e.task) tasks.push_back(*std::exchange(e.task, std::nullopt));
  }
  return tasks;
}

void FailTasks(Context& cx, IkeSa& sa, std::string_view why) {
  for (const Task& t : TakeTasks(sa)) FailTask(cx.shared, t, why);
}

// Another ISAKMP SA with the same peer, in force.
IkeSa* HeirOf(Context& cx, const IkeSa& sa) {
  for (IkeSa* o : OthersOfPeer(cx, sa)) {
    if (o->state == IkeState::kEstablished) return o;
  }
  return nullptr;
}

// What the children's actions ask for, told to the data plane where it is a trap.
Call CollectRestart(Context& cx, const IkeSa& sa, Why why) {
  Call call{.connection = sa.connection, .tasks = {}};
  for (const auto& c : sa.children) {
    if (!c->live()) continue;
    const AfterEnd next = NextFor(*c->config, why);
    if (next == AfterEnd::kTrap) cx.Emit(SetTrap{c->connection->name, c->name()});
    if (next != AfterEnd::kStart || IsUpOrComing(cx, {c->connection->name, c->name(), c->id})) continue;
    call.tasks.push_back({.kind = Task::Kind::kNewChild, .child_name = c->name()});
    if (why != Why::kPeerDead) call.not_before = std::max(call.not_before, c->installed + kFlapGuard);
  }
  return call;
}

void LeavePhase1(Context& cx, IkeSa& sa) {
  if (sa.phase1 && !sa.initiator) cx.shared.half_open.Remove(sa.phase1->key);
  sa.phase1.reset();
}

void AbandonExchanges(Context& cx, IkeSa& sa, std::string_view why) {
  while (!sa.exchanges.empty()) {
    Exchange& e = sa.exchanges.front();
    if (e.quick && !e.done()) AbandonQuickMode(cx, sa, e, why);
    if (!sa.exchanges.empty() && &sa.exchanges.front() == &e) sa.exchanges.pop_front();
  }
}

// RFC 2409 5.4: what a wrong key has sealed cannot be read, and nobody vouches for a complaint about it.
std::string HintAt(const IkeSa& sa) {
  if (!sa.phase1->doubt.empty()) return Cat("; one was not believed: ", sa.phase1->doubt);
  const bool sealed = sa.phase1->step == Phase1Step::kAwaitsAuth;
  return sealed && MethodOf(sa).psk ? ": with another pre-shared key the peer cannot read it" : "";
}

}  // namespace

void CloseIke(Context& cx, IkeSa& sa, Why why) {
  if (sa.state == IkeState::kDead) return;
  const bool successor = sa.state == IkeState::kReplaced;
  if (sa.established != Time{} && !successor) {
    cx.Log(why == Why::kPeerDead ? Severity::kWarning : Severity::kInfo, sa, Cat("IKE SA down: ", Describe(why)));
    cx.shared.Tell(StateChange::kIkeDown, sa);
  }
  cx.shared.CancelIkeTimers(sa.id);
  const std::string text = Cat("the IKE SA has ended: ", Describe(why));
  // What was begun by one that has been replaced is begun anew by the other.
  IkeSa* heir = successor ? HeirOf(cx, sa) : nullptr;
  Tasks handed_on = heir ? TakeTasks(sa) : Tasks{};
  FailTasks(cx, sa, text);
  AbandonExchanges(cx, sa, text);
  LeavePhase1(cx, sa);
  ForgetFragments(cx, sa);
  Call restart = CollectRestart(cx, sa, why);
  while (!sa.children.empty()) EraseChild(cx, sa, sa.children.back()->id);
  ReleaseUser(cx, sa);
  cx.sas.Bury(sa);
  for (Task& t : handed_on) Enqueue(cx, *heir, std::move(t));
  if (!restart.tasks.empty()) Want(cx, std::move(restart));
}

void DeleteIke(Context& cx, IkeSa& sa, Why why) {
  if (sa.secured()) {
    std::vector<ChildId> children;
    for (const auto& c : sa.children) children.push_back(c->id);
    for (ChildId id : children) DeleteChild(cx, sa, id);
    SayDelete(cx, sa);
  }
  CloseIke(cx, sa, why);
}

void SayDelete(Context& cx, IkeSa& sa) {
  const Bytes spi = sa.Cookies();
  const Payload payload = DeletePayload{.protocol = ProtocolId::kIsakmp, .spis = {spi}};
  SendInformational(cx, sa, {&payload, 1});
}

void EndPhase1(Context& cx, IkeSa& sa, Why why) {
  if (sa.state == IkeState::kDead) return;
  IkeSa* heir = HeirOf(cx, sa);
  if (heir && !sa.children.empty()) HandOver(cx, sa, *heir);
  if (sa.LiveChildren() == 0) return CloseIke(cx, sa, heir ? Why::kRekeyed : why);
  // RFC 2408 has no tie between the two: what protects traffic goes on, and whoever needs an exchange calls anew.
  cx.shared.CancelIkeTimers(sa.id);
  cx.Log(Severity::kInfo, sa, Cat("ISAKMP SA down: ", Describe(why), "; ", sa.LiveChildren(), " Child SAs go on without it"));
  Tasks tasks = TakeTasks(sa);
  AbandonExchanges(cx, sa, "the ISAKMP SA has ended");
  ForgetFragments(cx, sa);
  sa.protection.reset();
  sa.state = IkeState::kDeparted;
  // What was being made was all there was.
  if (sa.LiveChildren() == 0) cx.Arm(TimerKind::kLinger, sa.id, cx.now());
  for (Task& t : tasks) Enqueue(cx, sa, std::move(t));
}

void OnUnanswered(Context& cx, IkeSa& sa, Exchange& e) {
  const std::string what = Cat("no answer to ", Name(e.type), " after ", e.sent - 1, " retransmissions");
  // Aggressive mode's last message has gone out as often as may be; that nothing of phase 2 follows is no fault by itself.
  if (&e == &sa.first && !sa.phase1) return;
  if (&e == &sa.first) return CallAgainOrFail(cx, sa, Cat(what, HintAt(sa)));
  cx.Log(Severity::kWarning, sa, what);
  // What is asked of the peer without an answer shows that it is dead, unless it has been heard since.
  const bool heard = sa.last_in > e.since;
  const bool theirs = !e.ours;
  if (e.quick) AbandonQuickMode(cx, sa, e, what);
  else EndExchange(cx, sa, e);
  const bool user_gone = sa.state == IkeState::kUser && !heard;
  if (!user_gone && (theirs || heard || !sa.secured())) return;
  cx.Bump(Count::kPeerDead);
  CloseIke(cx, sa, Why::kPeerDead);
}

void CallAgainOrFail(Context& cx, IkeSa& sa, std::string_view why) {
  if (!sa.initiator) {
    cx.shared.LogStranger(sa.path.remote, Cat("phase 1 came to nothing: ", why));
    return CloseIke(cx, sa, Why::kAuthFailed);
  }
  const unsigned tries = sa.connection->keyingtries;
  if (tries != 0 && sa.attempt >= tries) return FailCall(cx, sa, why);
  cx.Log(Severity::kWarning, sa, Cat(why, ": calling again, attempt ", sa.attempt + 1));
  Call again{.connection = sa.connection, .tasks = TakeTasks(sa), .attempt = sa.attempt + 1, .replaces = sa.replaces};
  CloseIke(cx, sa, Why::kAuthFailed);
  Dial(cx, std::move(again));
}

void FailCall(Context& cx, IkeSa& sa, std::string_view why) {
  const RequestId request = sa.tasks.empty() ? 0 : sa.tasks.front().request;
  cx.Log(Severity::kError, sa, Cat("no IKE SA: ", why), request);
  FailTasks(cx, sa, why);
  CloseIke(cx, sa, Why::kAuthFailed);
}

}  // namespace culvert::ike::v1
