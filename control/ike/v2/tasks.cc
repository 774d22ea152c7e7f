#include "control/ike/v2/tasks.h"

#include <algorithm>

#include "control/ike/v2/closing.h"
#include "control/ike/v2/create_child.h"
#include "control/ike/v2/informational.h"
#include "control/ike/v2/mobike.h"
#include "control/ike/v2/reauth.h"
#include "control/ike/v2/rekey_ike.h"

namespace culvert::ike {
namespace {

bool SameDeed(const Task& a, const Task& b) {
  return a.kind == b.kind && a.child == b.child && a.child_name == b.child_name && a.spi == b.spi;
}

bool MayStart(Context& cx, const IkeSa& sa, const Task& task) {
  // A replaced SA has one thing left to do; and the peer may not know yet that it is replaced, nor where we are.
  if (sa.state == IkeState::kRekeyed) return task.kind == Task::Kind::kDeleteIke || IsAboutAddresses(task);
  if (IsUnsettled(cx, sa)) return task.kind == Task::Kind::kLiveness;
  // RFC 7296 2.25.2: children stay as they are while the IKE SA is being replaced.
  if (sa.reply && std::holds_alternative<IkeRekeyReply>(sa.reply->detail)) return false;
  if (sa.pending && sa.pending->is_ike()) return task.kind == Task::Kind::kLiveness || IsAboutAddresses(task);
  return task.kind != Task::Kind::kRekeyIke || (!sa.reply && !sa.pending);
}

bool HasOrWants(const IkeSa& sa, const ChildName& name) {
  auto is = [&](const Task& t) { return t.kind == Task::Kind::kNewChild && t.child_name == name.child; };
  if (std::ranges::any_of(sa.tasks, is)) return true;
  if (sa.request && is(sa.request->task)) return true;
  if (sa.initiating && sa.initiating->child_task && is(*sa.initiating->child_task)) return true;
  if (name.packet && sa.LiveChildren() >= kMaxChildrenPerIke) return true;
  return sa.Has(name);
}

bool IsQueued(const IkeSa& sa, const Task& task) {
  return std::ranges::any_of(sa.tasks, [&](const Task& t) { return SameDeed(t, task); });
}

void QueueOnce(IkeSa& sa, Task task) {
  if (!IsQueued(sa, task)) sa.tasks.push_front(std::move(task));
}

void Start(Context& cx, IkeSa& sa, Task task) {
  switch (task.kind) {
    case Task::Kind::kLiveness: return StartLivenessProbe(cx, sa, std::move(task));
    case Task::Kind::kNewChild: return StartNewChild(cx, sa, std::move(task));
    case Task::Kind::kRekeyChild: return StartRekeyChild(cx, sa, std::move(task));
    case Task::Kind::kDeleteChild: return StartDeleteChild(cx, sa, std::move(task));
    case Task::Kind::kRekeyIke: return StartRekeyIke(cx, sa, std::move(task));
    case Task::Kind::kDeleteIke: return StartDeleteIke(cx, sa, std::move(task));
    case Task::Kind::kUpdateAddresses: return StartUpdateAddresses(cx, sa, std::move(task));
    case Task::Kind::kProveAddress: return StartProveAddress(cx, sa, std::move(task));
    case Task::Kind::kTellAddresses: return StartTellAddresses(cx, sa, std::move(task));
  }
}

}  // namespace

void Enqueue(Context& cx, IkeSa& sa, Task task, Where where) {
  if (sa.state == IkeState::kClosed || sa.state == IkeState::kDead) return FailTask(cx, task, "the IKE SA has ended");
  bool queued = task.request == 0 && IsQueued(sa, task);
  if (!queued && where == Where::kFront) sa.tasks.push_front(std::move(task));
  if (!queued && where == Where::kBack) sa.tasks.push_back(std::move(task));
  Pump(cx, sa);
}

void Pump(Context& cx, IkeSa& sa) {
  for (;;) {
    bool may_send = sa.state == IkeState::kEstablished || sa.state == IkeState::kRekeyed;
    // The peer takes no request before it has our IKE_AUTH answer.
    bool authenticating = sa.reply && sa.reply->exchange == ExchangeType::kIkeAuth;
    if (!may_send || authenticating || sa.request || sa.window.busy()) return;
    if (sa.window.spent()) return CloseIke(cx, sa, Why::kExpired);
    if (sa.window.nearly_spent() && sa.state == IkeState::kEstablished) QueueOnce(sa, {.kind = Task::Kind::kRekeyIke});
    auto ready = std::ranges::find_if(sa.tasks, [&](const Task& t) { return t.not_before <= cx.now && MayStart(cx, sa, t); });
    if (ready == sa.tasks.end()) break;
    Task task = std::move(*ready);
    sa.tasks.erase(ready);
    Start(cx, sa, std::move(task));
  }
  if (sa.state == IkeState::kEstablished) FinishReauth(cx, sa);
  auto next = std::ranges::min_element(sa.tasks, {},
                                       [&](const Task& t) { return t.not_before <= cx.now ? Time::max() : t.not_before; });
  if (next != sa.tasks.end() && next->not_before > cx.now) cx.Arm(TimerKind::kTask, sa.id, next->not_before);
}

void FinishRequest(Context& cx, IkeSa& sa) {
  sa.request.reset();
  Pump(cx, sa);
}

void PostponeRequest(Context& cx, IkeSa& sa) {
  Task task = std::move(sa.request->task);
  task.not_before = cx.now + TemporaryFailureWait(++task.attempt, cx.random);
  sa.request.reset();
  sa.tasks.push_back(std::move(task));
  Pump(cx, sa);
}

bool IsAboutAddresses(const Task& task) {
  return task.kind == Task::Kind::kUpdateAddresses || task.kind == Task::Kind::kProveAddress ||
         task.kind == Task::Kind::kTellAddresses;
}

bool IsUpOrComing(Context& cx, const ChildName& name) {
  return cx.sas.FindOfConnection(name.connection, [&](const IkeSa& sa) {
    return (sa.state == IkeState::kEstablished || sa.initiating) && HasOrWants(sa, name);
  }) != nullptr;
}

}  // namespace culvert::ike
