#include "control/ike/v1/established.h"

#include <algorithm>

#include "control/ike/cat.h"
#include "control/ike/v1/children.h"
#include "control/ike/v1/closing.h"
#include "control/ike/v1/liveness.h"
#include "control/ike/v1/nat.h"
#include "control/ike/v1/quick_mode_state.h"
#include "control/ike/v1/same_peer.h"
#include "control/ike/v1/tasks.h"
#include "control/ike/v1/user.h"

namespace culvert::ike::v1 {
namespace {

// A responder authenticates again by itself only where the initiator has not come by then.
constexpr double kResponderWaits = 0.5;    // of over_time
constexpr std::chrono::seconds kShortestLife{60};   // that a peer can make us authenticate again for

std::vector<IkeSa*> Others(Context& cx, const IkeSa& sa) {
  std::vector<IkeSa*> others = OthersOfPeer(cx, sa);
  std::erase_if(others, [&](const IkeSa* o) { return o->established == Time{}; });
  return others;
}

// One of the same peer that this one takes the place of: begun for it, without a phase 1 any more, or the peer's way of
// authenticating again, which nothing in the protocol tells from a second connection but the place it comes from.
bool TakesPlaceOf(const IkeSa& sa, const IkeSa& old) {
  return sa.replaces == old.id || old.state == IkeState::kDeparted || SamePlace(sa, old);
}

void TakeOver(Context& cx, IkeSa& sa, IkeSa& old) {
  HandOver(cx, old, sa);
  HandOnUser(cx, old, sa);
  for (Task& t : std::exchange(old.tasks, {})) sa.tasks.push_back(std::move(t));
  if (old.state == IkeState::kDeparted) return CloseIke(cx, old, Why::kRekeyed);
  using enum TimerKind;
  for (TimerKind k : {kReauthIke, kExpireIke, kLiveness, kKeepalive}) cx.Cancel(k, old.id);
  old.state = IkeState::kReplaced;
  cx.Arm(TimerKind::kLinger, old.id, cx.now() + kReauthOverlap);
}

// Each side has called the other, and each is done with the two calls in an order of its own: the same one stays at both.
bool GivesWayTo(const IkeSa& sa, const IkeSa& other) {
  const bool crossed = sa.initiator != other.initiator && other.established >= sa.begun;
  return crossed && other.state == IkeState::kEstablished && other.spi_i > sa.spi_i && TakesPlaceOf(sa, other);
}

// swanctl.conf's `unique`, where it is not the same place that authenticates again.
void KeepUnique(Context& cx, IkeSa& sa, std::vector<IkeSa*>& others) {
  const config::Unique unique = sa.connection->unique;
  if (others.empty() || unique == config::Unique::kNo || unique == config::Unique::kNever) return;
  if (unique == config::Unique::kKeep) {
    cx.Log(Severity::kInfo, sa, "turned away: the peer is connected already (unique = keep)");
    return DeleteIke(cx, sa, Why::kReplaced);
  }
  for (IkeSa* o : others) DeleteIke(cx, *o, Why::kReplaced);
}

void CloseOlder(Context& cx, IkeSa& sa) {
  for (IkeSa* o : Others(cx, sa)) {
    // What it has taken over is the peer's no more than the rest; what is younger is.
    if (o->id < sa.id) CloseIke(cx, *o, Why::kReplaced);
  }
}

void ArmLifetime(Context& cx, IkeSa& sa) {
  using std::chrono::milliseconds;
  const config::Connection& c = *sa.connection;
  // swanctl.conf: `rekey_time` of IKEv1 is a reauthentication, and `reauth_time` the same by its own name.
  auto after = c.reauth_time.count() > 0 ? c.reauth_time : c.rekey_time;
  auto over = c.over_time, random = c.rand_time;
  // Phase 1 does not haggle over lifetimes: each side ends its SA by itself, the one with the shorter first.
  if (sa.life.count() > 0 && (after.count() == 0 || sa.life < after + over)) {
    const auto life = std::max(sa.life, kShortestLife);
    over = life / 10;
    after = life - over;
    random = std::min(random, over);
  }
  auto in_ms = [](std::chrono::seconds s) { return static_cast<uint64_t>(milliseconds(s).count()); };
  const uint64_t ms = Jittered(in_ms(after), in_ms(random), cx.random());
  if (ms == 0) return;
  sa.reauth_at = cx.now() + milliseconds(ms);
  if (!sa.initiator) sa.reauth_at += Seconds(static_cast<double>(over.count()) * kResponderWaits);
  sa.expires_at = cx.now() + after + over;
  cx.Arm(TimerKind::kReauthIke, sa.id, sa.reauth_at);
  cx.Arm(TimerKind::kExpireIke, sa.id, sa.expires_at);
}

}  // namespace

void OnReady(Context& cx, IkeSa& sa) {
  sa.state = IkeState::kEstablished;
  sa.established = sa.last_in = cx.now();
  cx.Cancel(TimerKind::kHandshake, sa.id);
  cx.sas.IndexNames(sa);
  cx.Log(Severity::kInfo, sa, Cat("IKE SA up, IKEv1 ", sa.aggressive ? "aggressive" : "main", " mode, ", Name(sa.method), ", ",
                                  sa.local_id.ToString(), " === ", sa.remote_id.ToString()));
  cx.shared.Tell(StateChange::kIkeUp, sa);
  if (sa.peer_contacted && IsXauth(sa.method)) CloseOlder(cx, sa);
  std::vector<IkeSa*> others = Others(cx, sa);
  auto stays = std::ranges::find_if(others, [&](const IkeSa* o) { return GivesWayTo(sa, *o); });
  if (stays != others.end()) {
    TakeOver(cx, **stays, sa);
    return Pump(cx, **stays);
  }
  std::erase_if(others, [&](IkeSa* o) {
    if (o->state == IkeState::kReplaced || !TakesPlaceOf(sa, *o)) return o->state == IkeState::kReplaced;
    TakeOver(cx, sa, *o);
    return true;
  });
  KeepUnique(cx, sa, others);
  if (sa.state != IkeState::kEstablished) return;
  ArmLifetime(cx, sa);
  StartLiveness(cx, sa);
  StartKeepalives(cx, sa);
  Pump(cx, sa);
}

void OnInitialContact(Context& cx, IkeSa& sa) {
  // `never`: several devices share the identity, and one's INITIAL-CONTACT says nothing of the others.
  if (sa.peer_contacted || !sa.connection || sa.connection->unique == config::Unique::kNever) return;
  sa.peer_contacted = true;
  // Before XAUTH has said who it is it may be anybody of a group: OnReady.
  if (sa.established != Time{} || !IsXauth(sa.method)) CloseOlder(cx, sa);
}

bool IsInitialContact(Context& cx, const IkeSa& sa) {
  if (sa.connection->unique == config::Unique::kNever) return false;
  return !cx.sas.FindOfConnection(sa.connection->name, [&](const IkeSa& o) {
    return &o != &sa && o.established != Time{} && o.local_id == sa.local_id;
  });
}

void Reauthenticate(Context& cx, IkeSa& sa, RequestId request) {
  const bool under_way = cx.sas.FindOfConnection(sa.connection->name, [&](const IkeSa& o) {
    return o.replaces == sa.id && o.state != IkeState::kDead && o.established == Time{};
  });
  if (under_way) return cx.Answer(request);
  Call call{.connection = sa.connection, .tasks = {}, .replaces = sa.id};
  call.tasks.push_back({.kind = Task::Kind::kLiveness, .request = request});
  Dial(cx, std::move(call));
}

void OnReauthTimer(Context& cx, IkeSa& sa) {
  if (sa.state != IkeState::kEstablished) return;
  // Should that come to nothing, there is time for another.
  cx.Arm(TimerKind::kReauthIke, sa.id, cx.now() + kAgainAfterRefusal);
  // XAUTH is asked by the responder of phase 1 and answered by its initiator: the roles stay.
  if (!sa.initiator && IsXauth(sa.method)) return;
  Reauthenticate(cx, sa, 0);
}

void OnExpireTimer(Context& cx, IkeSa& sa) {
  if (sa.state != IkeState::kEstablished) return;
  cx.Log(Severity::kWarning, sa, "the peer has not been authenticated again in time");
  SayDelete(cx, sa);
  EndPhase1(cx, sa, Why::kExpired);
}

void OnLingerTimer(Context& cx, IkeSa& sa) {
  // Nothing is left of a peer whose last child went after its phase 1.
  if (sa.state == IkeState::kDeparted && sa.LiveChildren() == 0) return CloseIke(cx, sa, Why::kExpired);
  if (sa.state != IkeState::kReplaced) return;
  SayDelete(cx, sa);
  CloseIke(cx, sa, Why::kRekeyed);
}

}  // namespace culvert::ike::v1
