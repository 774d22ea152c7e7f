#include "control/ike/v1/tasks.h"

#include <algorithm>

#include "control/ike/cat.h"
#include "control/ike/connection_table.h"
#include "control/ike/resolver.h"
#include "control/ike/v1/children.h"
#include "control/ike/v1/closing.h"
#include "control/ike/v1/established.h"
#include "control/ike/v1/phase1.h"
#include "control/ike/v1/quick_mode.h"
#include "control/ike/v1/quick_mode_state.h"
#include "control/ike/v1/same_peer.h"
#include "control/ike/wire/registry.h"

namespace culvert::ike::v1 {
namespace {

// After which a host name that led nowhere is asked for again.
constexpr std::chrono::seconds kAskAgainAfter{5};

bool SameDeed(const Task& a, const Task& b) {
  return a.kind == b.kind && a.child == b.child && a.child_name == b.child_name;
}

bool IsCalling(const IkeSa& sa) { return sa.initiator && (sa.state == IkeState::kRouting || sa.state == IkeState::kPhase1); }

// May do what is wanted, now or soon.
bool TakesTasks(const IkeSa& sa) {
  return IsCalling(sa) || sa.state == IkeState::kUser || sa.state == IkeState::kEstablished;
}

IkeSa* AbleSaOf(Context& cx, const std::string& connection, const IkeSa* peer_of) {
  IkeSa* able = nullptr;
  cx.sas.FindOfConnection(connection, [&](IkeSa& o) {
    const bool same = !peer_of || o.replaces == peer_of->id || SamePeer(o, *peer_of);
    // The newest: those before it are on their way out.
    const bool newer = !able || o.state == IkeState::kEstablished || able->state != IkeState::kEstablished;
    if (same && newer && TakesTasks(o)) able = &o;
    return false;
  });
  return able;
}

void Queue(IkeSa& sa, Task task) {
  const bool queued = task.request == 0 && std::ranges::any_of(sa.tasks, [&](const Task& t) { return SameDeed(t, task); });
  if (!queued) sa.tasks.push_back(std::move(task));
}

void Do(Context& cx, IkeSa& sa, Task task) {
  switch (task.kind) {
    case Task::Kind::kNewChild:
    case Task::Kind::kRekeyChild: return BeginQuickMode(cx, sa, std::move(task));
    case Task::Kind::kDeleteChild:
      DeleteChild(cx, sa, task.child);
      return cx.Answer(task.request);
    case Task::Kind::kRekeyIke: return Reauthenticate(cx, sa, task.request);
    case Task::Kind::kDeleteIke:
      cx.Answer(task.request);
      return DeleteIke(cx, sa, task.expired ? Why::kExpired : Why::kOperator);
    default: return cx.Answer(task.request);   // that the ISAKMP SA is up was all that was wanted
  }
}

// Where the SA that this one takes the place of last knew the peer.
const Path* WayOfReplaced(Context& cx, const IkeSa& sa) {
  const IkeSa* old = cx.sas.Find(sa.replaces);
  return old && !old->path.remote.address.is_unspecified() ? &old->path : nullptr;
}

void DialAddress(Context& cx, IkeSa& sa, const IpAddress& remote) {
  const config::Connection& c = *sa.connection;
  sa.path = WayTo(c, remote);
  if (auto local = CallFrom(c, remote, cx.shared.local_addresses)) {
    sa.path.local.address = *local;
    sa.state = IkeState::kPhase1;
    return BeginPhase1(cx, sa);
  }
  sa.state = IkeState::kRouting;
  cx.Emit(QuerySource{sa.id, remote});
}

// From where to where it went before: a mapping that a NAT keeps for the peer is for that way alone.
void DialAlong(Context& cx, IkeSa& sa, const Path& way) {
  const auto& known = cx.shared.local_addresses;
  const bool ours = !cx.shared.knows_local_addresses || std::ranges::binary_search(known, way.local.address);
  if (!ours) return DialAddress(cx, sa, way.remote.address);
  sa.path.local = way.local;
  sa.path.remote = way.remote;
  sa.path.marker = way.marker;
  sa.state = IkeState::kPhase1;
  BeginPhase1(cx, sa);
}

void TryAgainLater(Context& cx, IkeSa& sa, std::string_view why) {
  const unsigned tries = sa.connection->keyingtries;
  if (tries != 0 && sa.attempt >= tries) return FailCall(cx, sa, why);
  ++sa.attempt;
  cx.Log(Severity::kWarning, sa, Cat(why, "; calling again"));
  cx.Arm(TimerKind::kRouteRetry, sa.id, cx.now() + kAskAgainAfter);
}

}  // namespace

void Enqueue(Context& cx, IkeSa& sa, Task task) {
  if (sa.state == IkeState::kDead) return cx.Answer(task.request, "the IKE SA has ended");
  // A Delete of a child needs no phase 1 to take effect here.
  const bool here = TakesTasks(sa) || task.kind == Task::Kind::kDeleteChild || task.kind == Task::Kind::kDeleteIke;
  if (!here) {
    IkeSa* other = AbleSaOf(cx, sa.connection->name, &sa);
    if (other && other != &sa) return Enqueue(cx, *other, std::move(task));
    Call call{.connection = sa.connection, .tasks = {}, .replaces = sa.id};
    call.tasks.push_back(std::move(task));
    return Dial(cx, std::move(call));
  }
  const bool at_once = task.kind == Task::Kind::kDeleteChild || task.kind == Task::Kind::kDeleteIke;
  if (at_once && !IsCalling(sa)) return Do(cx, sa, std::move(task));
  Queue(sa, std::move(task));
  Pump(cx, sa);
}

void Pump(Context& cx, IkeSa& sa) {
  const IkeId id = sa.id;
  while (cx.sas.Find(id) == &sa && sa.state == IkeState::kEstablished) {
    auto ready = std::ranges::find_if(sa.tasks, [&](const Task& t) { return t.not_before <= cx.now(); });
    if (ready == sa.tasks.end() || sa.ExchangesUnderWay() >= kMaxExchanges) break;
    Task task = std::move(*ready);
    sa.tasks.erase(ready);
    Do(cx, sa, std::move(task));
  }
  if (cx.sas.Find(id) != &sa || sa.tasks.empty()) return;
  const Time next = std::ranges::min(sa.tasks, {}, &Task::not_before).not_before;
  if (next > cx.now()) cx.Arm(TimerKind::kTask, sa.id, next);
}

void Want(Context& cx, Call call) {
  IkeSa* sa = AbleSaOf(cx, call.connection->name, nullptr);
  if (!sa) return Dial(cx, std::move(call));
  for (Task& task : call.tasks) {
    task.not_before = std::max(task.not_before, call.not_before);
    Enqueue(cx, *sa, std::move(task));
  }
}

void Dial(Context& cx, Call call) {
  IkeSa& sa = cx.sas.Create();
  sa.initiator = true;
  sa.connection = std::move(call.connection);
  sa.attempt = call.attempt;
  sa.replaces = call.replaces;
  sa.tasks = std::move(call.tasks);
  sa.spi_i = cx.DrawCookie();
  sa.state = IkeState::kRouting;
  cx.sas.Index(sa);
  cx.sas.IndexNames(sa);
  if (call.not_before > cx.now()) return cx.Arm(TimerKind::kRouteRetry, sa.id, call.not_before);
  OnRouteRetry(cx, sa);
}

void OnRouteRetry(Context& cx, IkeSa& sa) {
  if (sa.state != IkeState::kRouting) return;
  // The place it was last seen at before any that is configured: it may be nowhere else, behind a NAT or at any address.
  if (const Path* known = WayOfReplaced(cx, sa)) return DialAlong(cx, sa, Path(*known));
  auto callee = CallTo(*sa.connection, sa.attempt);
  if (!callee) return FailCall(cx, sa, "the connection names no single address to call");
  if (auto* address = std::get_if<IpAddress>(&*callee)) return DialAddress(cx, sa, *address);
  sa.first.job = cx.Run(sa, std::make_unique<ResolveJob>(cx.shared.resolver, std::move(std::get<std::string>(*callee))));
}

void OnPeerLookedUp(Context& cx, IkeSa& sa, const ResolveJob& job) {
  sa.first.job = 0;
  if (sa.state != IkeState::kRouting) return;
  const Resolver::Answer& answer = job.answer();
  auto reachable = [&](const IpAddress& a) { return MayCallFrom(*sa.connection, a.family); };
  auto address = std::ranges::find_if(answer.addresses, reachable);
  if (address != answer.addresses.end()) return DialAddress(cx, sa, *address);
  const std::string why = answer.addresses.empty() ? answer.why : "none of the family of local_addrs";
  TryAgainLater(cx, sa, Cat("no address of ", job.name(), ": ", why));
}

void OnSourceFound(Context& cx, IkeSa& sa, const Endpoint& local) {
  if (sa.state != IkeState::kRouting) return;
  if (local.address.is_unspecified()) return TryAgainLater(cx, sa, "no route to the peer");
  sa.path.local.address = local.address;
  sa.path.local.zone = sa.path.remote.zone = local.zone;
  sa.state = IkeState::kPhase1;
  BeginPhase1(cx, sa);
}

bool IsUpOrComing(Context& cx, const ChildName& name) {
  auto is = [&](const Task& t) { return t.kind == Task::Kind::kNewChild && t.child_name == name.child; };
  return cx.sas.FindOfConnection(name.connection, [&](const IkeSa& sa) {
    if (std::ranges::any_of(sa.tasks, is)) return true;
    if (std::ranges::any_of(sa.exchanges, [&](const Exchange& e) { return !e.done() && e.task && is(*e.task); })) return true;
    return sa.Has(name);
  }) != nullptr;
}

}  // namespace culvert::ike::v1
