#include "control/ike/v2/closing.h"

#include <algorithm>

#include "control/ike/cat.h"
#include "control/ike/v2/child_install.h"
#include "control/ike/v2/reauth.h"
#include "control/ike/v2/rekey_ike.h"
#include "control/ike/v2/sa_init.h"
#include "control/ike/v2/tasks.h"

namespace culvert::ike {
namespace {

void FailAllTasks(Context& cx, IkeSa& sa, Why why) {
  std::string text = Cat("the IKE SA has ended: ", Describe(why));
  if (sa.initiating && sa.initiating->child_task) FailTask(cx, *sa.initiating->child_task, text);
  if (sa.request) FailTask(cx, sa.request->task, text);
  for (const auto& t : sa.tasks) FailTask(cx, t, text);
  sa.tasks.clear();
}

struct Restart {
  Tasks tasks;
  Time not_before{};
};

// What the children's actions ask for, told to the data plane where it is a trap. A peer that replaced this IKE SA by another
// has the child there: to start it again here would set off the next replacement.
Restart CollectRestart(Context& cx, const IkeSa& sa, Why why) {
  Restart restart;
  for (const auto& c : sa.children) {
    if (!c->live()) continue;
    AfterEnd next = NextFor(*c->config, why);
    if (next == AfterEnd::kTrap) cx.Emit(SetTrap{c->connection->name, c->name()});
    if (next != AfterEnd::kStart || IsUpOrComing(cx, {c->connection->name, c->name()})) continue;
    restart.tasks.push_back({.kind = Task::Kind::kNewChild, .child_name = c->name()});
    if (why != Why::kPeerDead) restart.not_before = std::max(restart.not_before, c->installed + kFlapGuard);
  }
  return restart;
}

bool LeavesTombstone(const IkeSa& sa, Why why, bool answered) {
  answered |= why == Why::kPeerDeleted || why == Why::kAuthFailed || why == Why::kProtocolError;
  return answered && sa.keying && !sa.window.last_reply().empty();
}

}  // namespace

void CloseIke(Context& cx, IkeSa& sa, Why why, bool answered) {
  if (sa.state == IkeState::kClosed || sa.state == IkeState::kDead) return;
  if (sa.established != Time{} && sa.successor == 0) {
    cx.Log(why == Why::kPeerDead ? Severity::kWarning : Severity::kInfo, sa, Cat("IKE SA down: ", Describe(why)));
    cx.Tell(StateChange::kIkeDown, sa);
  }
  cx.CancelIkeTimers(sa.id);
  sa.state = IkeState::kClosed;
  if (sa.replaces != 0) GiveUpReauth(cx, sa);
  Restart restart = CollectRestart(cx, sa, why);
  FailAllTasks(cx, sa, why);
  if (sa.established != Time{}) ReleaseTwins(cx, sa);
  while (!sa.children.empty()) EraseChild(cx, sa, sa.children.back()->id);
  sa.addresses.reset();
  if (sa.answering) cx.half_open.Remove(sa.answering->key);
  sa.initiating.reset();
  sa.answering.reset();
  sa.request.reset();
  sa.reply.reset();
  sa.pending.reset();
  sa.intermediate.reset();
  ConnectionRef connection = sa.connection;
  if (LeavesTombstone(sa, why, answered)) {
    cx.Arm(TimerKind::kLinger, sa.id, cx.now + kTombstoneLife);
  } else {
    cx.sas.Bury(sa);
  }
  if (!restart.tasks.empty()) Want(cx, {connection, std::move(restart.tasks), 1, restart.not_before});
}

void GiveUp(Context& cx, IkeSa& sa) {
  if (sa.initiating) return CallAgainOrFail(cx, sa, "no answer");
  if (sa.state != IkeState::kEstablished) {
    return CloseIke(cx, sa, sa.state == IkeState::kRekeyed ? Why::kRekeyed : Why::kOperator);
  }
  cx.Bump(Count::kPeerDead);
  const auto& o = *sa.window.outstanding();
  cx.Log(Severity::kWarning, sa,
         Cat("no answer to ", Name(o.exchange), " request ", o.id, " after ", o.sent, " retransmissions"));
  if (TakeOver(cx, sa)) return CloseIke(cx, sa, Why::kRekeyed);
  CloseIke(cx, sa, Why::kPeerDead);
}

void EraseChild(Context& cx, IkeSa& sa, ChildId id) {
  ChildSa* child = sa.Find(id);
  if (!child) return;
  RemoveHalves(cx, *child);
  RestorePredecessor(cx, sa, *child);
  for (RequestId r : child->requests) cx.Answer(r, "the Child SA was deleted before it was up");
  for (auto k : {TimerKind::kRekeyChild, TimerKind::kRetireChild, TimerKind::kChildOverdue, TimerKind::kChildUse}) {
    cx.Cancel(k, id);
  }
  if (child->announced && child->replaced_by == 0) {
    cx.Log(Severity::kInfo, sa, Cat("Child SA ", child->name(), "{", id, "} down"));
    cx.Tell(StateChange::kChildDown, sa, id);
  }
  cx.sas.ForgetChild(id);
  std::erase_if(sa.children, [id](const auto& c) { return c->id == id; });
}

void LoseChild(Context& cx, IkeSa& sa, ChildId id) {
  ChildSa* child = sa.Find(id);
  if (!child) return;
  // A successor that goes while what it was to replace is still there leaves nothing unprotected.
  ChildSa* old = sa.Find(child->replaces);
  bool spare = old && old->state != ChildState::kRetired;
  AfterEnd next = child->live() && !spare ? NextFor(*child->config, Why::kPeerDeleted) : AfterEnd::kNothing;
  Task again{.kind = Task::Kind::kNewChild, .child_name = child->name(), .not_before = child->installed + kFlapGuard};
  std::string connection = child->connection->name, name = child->name();
  EraseChild(cx, sa, id);
  if (next == AfterEnd::kTrap) cx.Emit(SetTrap{connection, name});
  if (next == AfterEnd::kStart && !IsUpOrComing(cx, {connection, name})) Enqueue(cx, sa, std::move(again));
}

void OnLingerTimer(Context& cx, IkeSa& sa) {
  if (sa.state == IkeState::kClosed) return cx.sas.Bury(sa);
  // The peer was to delete what it replaced, or lost a collision with, and has not.
  if (sa.state == IkeState::kRekeyed) Enqueue(cx, sa, {.kind = Task::Kind::kDeleteIke});
}

void OnExpireIkeTimer(Context& cx, IkeSa& sa) {
  if (sa.state != IkeState::kEstablished) return;
  cx.Log(Severity::kWarning, sa, sa.reauth_at != Time{} && sa.reauth_at <= cx.now
                                      ? "the peer has not been authenticated again in time"
                                      : "the IKE SA could not be rekeyed in time");
  Enqueue(cx, sa, {.kind = Task::Kind::kDeleteIke, .expired = true}, Where::kFront);
}

void EndChild(Context& cx, IkeSa& sa, const ChildSa& child) {
  const ChildId id = child.id;
  AfterEnd next = NextFor(*child.config, Why::kExpired);
  std::string connection = child.connection->name, name = child.name();
  Enqueue(cx, sa, {.kind = Task::Kind::kDeleteChild, .child = id}, Where::kFront);
  if (next == AfterEnd::kTrap) cx.Emit(SetTrap{connection, name});
  if (next == AfterEnd::kStart && !IsUpOrComing(cx, {connection, name, id}))
    Enqueue(cx, sa, {.kind = Task::Kind::kNewChild, .child_name = name});
}

void OnHardExpired(Context& cx, ChildId id) {
  IkeSa* sa = cx.sas.OwnerOf(id);
  ChildSa* child = sa ? sa->Find(id) : nullptr;
  if (!child || !child->live()) return;
  cx.Log(Severity::kWarning, *sa, Cat("Child SA ", child->name(), "{", id, "} reached its hard lifetime"));
  EndChild(cx, *sa, *child);
}

}  // namespace culvert::ike
