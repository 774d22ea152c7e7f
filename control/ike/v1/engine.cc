#include "control/ike/v1/engine.h"

#include "common/bytes/hex.h"
#include "control/auth/auth_job.h"
#include "control/ike/resolver.h"
#include "control/ike/sa/selection.h"
#include "control/ike/sa/view.h"
#include "control/ike/v1/children.h"
#include "control/ike/v1/closing.h"
#include "control/ike/v1/established.h"
#include "control/ike/v1/liveness.h"
#include "control/ike/v1/nat.h"
#include "control/ike/v1/phase1.h"
#include "control/ike/v1/phase1_state.h"
#include "control/ike/v1/quick_mode.h"
#include "control/ike/v1/receive.h"
#include "control/ike/v1/send.h"
#include "control/ike/v1/tasks.h"
#include "control/ike/v1/user.h"
#include "control/ike/v1/user_state.h"

namespace culvert::ike::v1 {
namespace {

template <typename Command>
Selection Select(Context& cx, const Command& command) {
  return ike::Select(cx.sas, command, [](const IkeSa& sa) { return sa.state != IkeState::kReplaced && sa.connection; });
}

class Version1 final : public Engine {
 public:
  explicit Version1(ike::Context& shared) : cx_(shared) {}

  void OnDatagram(const DatagramIn& d) override { v1::OnDatagram(cx_, d); }
  bool OnTimer(TimerId timer) override;
  bool OnJob(JobDone& done) override;
  bool OnSource(const SourceFound& found) override {
    IkeSa* sa = cx_.sas.Find(found.query);
    if (sa) OnSourceFound(cx_, *sa, found.local);
    return sa != nullptr;
  }

  bool OnChild(const ChildInstalled& e) override { return IsOurs(e.child) && (OnChildInstalled(cx_, e), true); }
  bool OnChild(const ChildUse& e) override { return IsOurs(e.child) && (OnChildUse(cx_, e), true); }
  bool OnChild(const ChildHardExpired& e) override { return IsOurs(e.child) && (OnHardExpired(cx_, e.child), true); }
  bool OnChild(const PeerMovedByEsp& e) override { return IsOurs(e.child) && (OnPeerMovedByEsp(cx_, e), true); }
  bool OnChild(const ChildSoftExpired& e) override {
    IkeSa* sa = cx_.sas.OwnerOf(e.child);
    if (sa) OnChildTimer(cx_, TimerKind::kRekeyChild, *sa, e.child);
    return sa != nullptr;
  }

  void Want(const ConnectionRef& connection, Task task) override {
    Call call{.connection = connection, .tasks = {}};
    call.tasks.push_back(std::move(task));
    v1::Want(cx_, std::move(call));
  }
  bool IsUpOrComing(const ChildName& name) override { return v1::IsUpOrComing(cx_, name); }

  size_t Matches(const Terminate& command) override { return Select(cx_, command).size(); }
  size_t Matches(const Rekey& command) override { return Select(cx_, command).size(); }
  void OnTerminate(const Terminate& command) override;
  void OnRekey(const Rekey& command) override;

  void List(std::vector<IkeView>& into) const override;
  void Reap() override { cx_.sas.Reap(); }

 private:
  bool IsOurs(ChildId child) { return cx_.sas.OwnerOf(child) != nullptr; }
  void OnIkeTimer(TimerKind kind, IkeSa& sa);

  Context cx_;
};

void Version1::OnIkeTimer(TimerKind kind, IkeSa& sa) {
  switch (kind) {
    case TimerKind::kRetransmit: return OnRetransmitTimer(cx_, sa);
    case TimerKind::kHandshake: return OnHandshakeTimer(cx_, sa);
    case TimerKind::kRouteRetry: return OnRouteRetry(cx_, sa);
    case TimerKind::kTask: return Pump(cx_, sa);
    case TimerKind::kReauthIke: return OnReauthTimer(cx_, sa);
    case TimerKind::kExpireIke: return OnExpireTimer(cx_, sa);
    case TimerKind::kLiveness: return OnLivenessTimer(cx_, sa);
    case TimerKind::kUseAnswer: return OnUseAnswerTimer(cx_, sa);
    case TimerKind::kKeepalive: return OnKeepaliveTimer(cx_, sa);
    case TimerKind::kReassembly: return OnReassemblyTimer(cx_, sa);
    case TimerKind::kLinger: return OnLingerTimer(cx_, sa);
    default: return;
  }
}

bool Version1::OnTimer(TimerId timer) {
  const TimerKind kind = KindOf(timer);
  const uint64_t owner = OwnerOf(timer);
  IkeSa* sa = IsChildTimer(kind) ? cx_.sas.OwnerOf(owner) : cx_.sas.Find(owner);
  if (!sa) return false;
  if (IsChildTimer(kind)) OnChildTimer(cx_, kind, *sa, owner);
  else OnIkeTimer(kind, *sa);
  return true;
}

// A job belongs to the exchange that waits for it by id; what has gone meanwhile waits for none (F08).
bool Version1::OnJob(JobDone& done) {
  IkeSa* sa = cx_.sas.TakeJobOwner(done.id);
  if (!sa) return false;
  Exchange* e = sa->FindExchangeOfJob(done.id);
  if (!e) {
    cx_.Bump(Count::kLateJob);
    return true;
  }
  if (auto* found = dynamic_cast<ResolveJob*>(done.job.get())) {
    OnPeerLookedUp(cx_, *sa, *found);
  } else if (e == &sa->first) {
    OnPhase1Job(cx_, *sa, done);
  } else if (e->quick) {
    e->job = 0;
    OnQuickJob(cx_, *sa, *e, dynamic_cast<KeyExchangeJob&>(*done.job));
  } else {
    e->job = 0;
    OnTransactionJob(cx_, *sa, *e, done);
  }
  return true;
}

void Version1::OnTerminate(const Terminate& command) {
  const Selection s = Select(cx_, command);
  for (IkeId id : s.ikes) {
    IkeSa* sa = cx_.sas.Find(id);
    // Nobody answers a Delete of IKEv1: `force` has nothing to leave out.
    if (sa && sa->established == Time{}) cx_.Log(Severity::kInfo, *sa, "the call is given up", command.request);
    if (sa) DeleteIke(cx_, *sa, Why::kOperator);
    cx_.Answer(command.request);
  }
  for (auto [id, child] : s.children) {
    if (IkeSa* sa = cx_.sas.Find(id)) DeleteChild(cx_, *sa, child);
    cx_.Answer(command.request);
  }
}

void Version1::OnRekey(const Rekey& command) {
  const Selection s = Select(cx_, command);
  for (IkeId id : s.ikes) Enqueue(cx_, *cx_.sas.Find(id), {.kind = Task::Kind::kRekeyIke, .request = command.request});
  for (auto [id, child] : s.children) {
    Enqueue(cx_, *cx_.sas.Find(id), {.kind = Task::Kind::kRekeyChild, .child = child, .request = command.request});
  }
}

void Version1::List(std::vector<IkeView>& into) const {
  cx_.sas.ForEach([&](const IkeSa& sa) {
    IkeView v = ViewOf(sa, sa.path, Name(sa.state));
    v.version = 1;
    v.suite = sa.suite;
    if (sa.user) {
      v.remote_user = Escape(sa.user->name);
      v.local_vips = sa.user->vips;
      v.remote_vips = sa.user->leased;
    }
    into.push_back(std::move(v));
  });
}

}  // namespace

std::unique_ptr<Engine> MakeEngine(ike::Context& shared) { return std::make_unique<Version1>(shared); }

}  // namespace culvert::ike::v1
