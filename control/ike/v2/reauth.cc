#include "control/ike/v2/reauth.h"

#include <algorithm>

#include "control/ike/cat.h"
#include "control/ike/v2/sa_init.h"
#include "control/ike/v2/tasks.h"

namespace culvert::ike {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// RFC 4478 sets no least value; a peer is not to make us authenticate without a pause.
constexpr seconds kShortestAuthLifetime{10};

// The SA there is now in place of the one with that id.
IkeSa* Latest(Context& cx, IkeId id) {
  IkeSa* sa = cx.sas.Find(id);
  while (sa && sa->successor != 0) sa = cx.sas.Find(sa->successor);
  return sa;
}

void ArmReauth(Context& cx, IkeSa& sa) {
  if (sa.caller) cx.Arm(TimerKind::kReauthIke, sa.id, sa.reauth_at);
  const Time limit = sa.reauth_at + sa.connection->over_time;
  if (sa.expires_at != Time{} && sa.expires_at <= limit) return;
  sa.expires_at = limit;
  cx.Arm(TimerKind::kExpireIke, sa.id, limit);
}

}  // namespace

void ScheduleReauth(Context& cx, IkeSa& sa) {
  const config::Connection& c = *sa.connection;
  if (sa.reauth_at == Time{} && c.reauth_time != seconds(0)) {
    auto in_ms = [](seconds s) { return static_cast<uint64_t>(milliseconds(s).count()); };
    // The called side says reauth_time in AUTH_LIFETIME and waits for all of it.
    const uint64_t random_part = sa.caller ? in_ms(c.rand_time) : 0;
    sa.reauth_at = cx.now + milliseconds(Jittered(in_ms(c.reauth_time), random_part, cx.random));
  }
  if (sa.reauth_at != Time{}) ArmReauth(cx, sa);
}

void AddAuthLifetime(const config::Connection& c, PayloadList& list) {
  if (c.reauth_time == seconds(0)) return;
  Writer w;
  w.U32(static_cast<uint32_t>(c.reauth_time.count()));
  list.AddNotify(NotifyType::kAuthLifetime, w.Release());
}

void TakeAuthLifetime(Context& cx, IkeSa& sa, const Inbound& in) {
  auto* n = in.Notify(NotifyType::kAuthLifetime);
  if (!n || !sa.caller || n->data.size() != sizeof(uint32_t)) return;
  const seconds lifetime = std::max(seconds(Reader(n->data).U32()), kShortestAuthLifetime);
  // RFC 4478 3: before it is over; a tenth of it, up to a minute, is for the exchange itself.
  const Duration margin = std::min<Duration>(lifetime / 10, std::chrono::minutes(1));
  const Time at = cx.now + lifetime - margin;
  if (sa.reauth_at != Time{} && sa.reauth_at <= at) return;
  cx.Log(Severity::kInfo, sa, Cat("the peer wants us to authenticate again within ", lifetime.count(), " s"));
  sa.reauth_at = at;
  ArmReauth(cx, sa);
}

void OnReauthTimer(Context& cx, IkeSa& sa) {
  if (sa.state != IkeState::kEstablished || !sa.caller) return;
  Tasks tasks;
  for (const auto& c : sa.children) {
    if (!c->live() || std::ranges::contains(tasks, c->name(), &Task::child_name)) continue;
    tasks.push_back({.kind = Task::Kind::kNewChild, .child_name = c->name()});
  }
  if (tasks.empty()) tasks.push_back({.kind = Task::Kind::kLiveness});
  cx.Cancel(TimerKind::kRekeyIke, sa.id);
  cx.Log(Severity::kInfo, sa, "authenticating again");
  const ConnectionRef* latest = cx.connections.ByName(sa.connection->name);
  StartIke(cx, {.connection = latest ? *latest : sa.connection, .tasks = std::move(tasks), .replaces = sa.id});
}

void FinishReauth(Context& cx, IkeSa& sa) {
  if (sa.replaces == 0 || std::ranges::contains(sa.tasks, Task::Kind::kNewChild, &Task::kind)) return;
  IkeSa* old = Latest(cx, std::exchange(sa.replaces, 0));
  if (!old || old == &sa || old->state != IkeState::kEstablished) return;
  for (const auto& c : old->children) {
    bool here = std::ranges::any_of(sa.children, [&](const auto& n) { return n->live() && n->name() == c->name(); });
    if (c->live() && !here) cx.Log(Severity::kWarning, sa, Cat("Child SA ", c->name(), " has not come up again"));
  }
  cx.Log(Severity::kInfo, sa, Cat("authenticated again, was [", old->id, "]"));
  // What its lifetime asked for has happened; it ends when nothing is on its way by it any more.
  cx.Cancel(TimerKind::kExpireIke, old->id);
  Enqueue(cx, *old, {.kind = Task::Kind::kDeleteIke, .not_before = cx.now + kReauthOverlap});
}

void GiveUpReauth(Context& cx, IkeSa& sa) {
  IkeSa* old = Latest(cx, std::exchange(sa.replaces, 0));
  if (!old || old->state != IkeState::kEstablished) return;
  cx.Arm(TimerKind::kReauthIke, old->id, cx.now + kAgainAfterRefusal);
}

const Path* WayOfReplaced(Context& cx, const IkeSa& sa) {
  const IkeSa* old = sa.replaces ? Latest(cx, sa.replaces) : nullptr;
  return old && old->mobike && old->mobike->moves > 0 ? &old->path : nullptr;
}

bool LooksLikeReauth(const IkeSa& old, const IkeSa& sa) { return old.path.remote == sa.path.remote; }

}  // namespace culvert::ike
