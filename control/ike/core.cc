#include "control/ike/core.h"

#include "control/auth/auth_job.h"
#include "control/ike/context.h"
#include "control/ike/operator.h"
#include "control/ike/sa/view.h"
#include "control/ike/v1/engine.h"
#include "control/ike/v2/auth.h"
#include "control/ike/v2/child_install.h"
#include "control/ike/v2/closing.h"
#include "control/ike/v2/create_child.h"
#include "control/ike/v2/established.h"
#include "control/ike/v2/follow_up.h"
#include "control/ike/v2/fragmentation.h"
#include "control/ike/v2/liveness.h"
#include "control/ike/v2/mobike.h"
#include "control/ike/v2/name_lookup.h"
#include "control/ike/v2/nat.h"
#include "control/ike/v2/reauth.h"
#include "control/ike/v2/receive.h"
#include "control/ike/v2/rivals.h"
#include "control/ike/v2/sa_init.h"
#include "control/ike/v2/send.h"
#include "control/ike/v2/tasks.h"
#include "control/ike/v2/traffic_use.h"

namespace culvert::ike {

class Core::Impl {
 public:
  Impl(const config::Control& control, Random& random, SpiAllocator& spis)
      : cx(control, random, spis), version1(v1::MakeEngine(cx)) {
    cx.version1 = version1.get();
  }

  void On(const DatagramIn& e) { OnDatagram(cx, e); }
  void On(const TimerFired& e);
  void On(JobDone& e);
  void On(const Initiate& e) { OnInitiate(cx, e); }
  void On(const Terminate& e) { OnTerminate(cx, e); }
  void On(const Rekey& e) { OnRekey(cx, e); }
  void On(const ChildInstalled& e) {
    if (!version1 || !version1->OnChild(e)) OnChildInstalled(cx, e);
  }
  void On(const ChildSoftExpired& e);
  void On(const ChildHardExpired& e) {
    if (!version1 || !version1->OnChild(e)) OnHardExpired(cx, e.child);
  }
  void On(const PeerMovedByEsp& e) {
    if (!version1 || !version1->OnChild(e)) OnPeerMovedByEsp(cx, e);
  }
  void On(const ChildUse& e) {
    if (!version1 || !version1->OnChild(e)) OnChildUse(cx, e);
  }
  void On(const TrapHit& e) { OnTrapHit(cx, e); }
  void On(const SourceFound& e);
  void On(LocalAddresses& e) { OnLocalAddresses(cx, std::move(e.addresses)); }
  void On(const ConfigChanged&) { OnConfigChanged(cx); }

  Context cx;
  std::unique_ptr<v1::Engine> version1;   // null in a build without IKEv1

 private:
  void OnIkeTimer(TimerKind kind, IkeSa& sa);
  void OnChildTimer(TimerKind kind, IkeSa& sa, ChildId child);
};

void Core::Impl::OnIkeTimer(TimerKind kind, IkeSa& sa) {
  switch (kind) {
    case TimerKind::kRetransmit: return OnRetransmitTimer(cx, sa);
    case TimerKind::kHandshake: return OnHandshakeTimer(cx, sa);
    case TimerKind::kRouteRetry: return sa.mobike ? OnPathRetry(cx, sa) : OnRouteRetry(cx, sa);
    case TimerKind::kTask: return Pump(cx, sa);
    case TimerKind::kRekeyIke: return OnRekeyIkeTimer(cx, sa);
    case TimerKind::kReauthIke: return OnReauthTimer(cx, sa);
    case TimerKind::kExpireIke: return OnExpireIkeTimer(cx, sa);
    case TimerKind::kLiveness: return OnLivenessTimer(cx, sa);
    case TimerKind::kUseAnswer: return OnUseAnswerTimer(cx, sa);
    case TimerKind::kKeepalive: return OnKeepaliveTimer(cx, sa);
    case TimerKind::kFollowUp: return OnFollowUpTimer(cx, sa);
    case TimerKind::kReassembly: return OnReassemblyTimer(cx, sa);
    case TimerKind::kLinger: return OnLingerTimer(cx, sa);
    default: return;
  }
}

void Core::Impl::OnChildTimer(TimerKind kind, IkeSa& sa, ChildId child) {
  switch (kind) {
    case TimerKind::kRekeyChild: return OnRekeyChildTimer(cx, sa, child);
    case TimerKind::kRetireChild: return EraseChild(cx, sa, child);
    case TimerKind::kChildOverdue: return OnChildOverdueTimer(cx, sa, child);
    case TimerKind::kChildUse: return OnChildUseTimer(cx, sa, child);
    default: return;
  }
}

void Core::Impl::On(const TimerFired& e) {
  TimerKind kind = KindOf(e.timer);
  uint64_t owner = OwnerOf(e.timer);
  IkeSa* sa = IsChildTimer(kind) ? cx.sas.OwnerOf(owner) : cx.sas.Find(owner);
  if (!sa && version1) version1->OnTimer(e.timer);
  if (!sa) return;
  if (IsChildTimer(kind)) return OnChildTimer(kind, *sa, owner);
  OnIkeTimer(kind, *sa);
}

// A job belongs to whatever waits for it by id; what has gone meanwhile waits for none (F08).
void Core::Impl::On(JobDone& e) {
  cx.half_open.JobEnded(e.id);
  if (version1 && version1->OnJob(e)) return;
  IkeSa* sa = cx.sas.TakeJobOwner(e.id);
  if (sa && OnAuthJob(cx, *sa, e)) return;
  auto* found = dynamic_cast<ResolveJob*>(e.job.get());
  if (sa && found && sa->initiating && sa->initiating->job == e.id) return OnPeerLookedUp(cx, *sa, *found);
  auto* job = dynamic_cast<KeyExchangeJob*>(e.job.get());
  if (sa && job) {
    if (sa->initiating && sa->initiating->job == e.id) return OnInitiatorJob(cx, *sa, *job);
    InitAnswer* rival = sa->initiating ? RivalOfJob(*sa, e.id) : nullptr;
    if (rival) return OnRivalJob(cx, *sa, *rival, *job);
    if (sa->answering && sa->answering->job == e.id) return OnResponderJob(cx, *sa, *job);
    if (sa->request && sa->request->job == e.id) return OnRequestJob(cx, *sa, *job);
    if (sa->reply && sa->reply->job == e.id) return OnReplyJob(cx, *sa, *job);
  }
  cx.Bump(Count::kLateJob);
}

void Core::Impl::On(const SourceFound& e) {
  IkeSa* sa = cx.sas.Find(e.query);
  if (!sa && version1) version1->OnSource(e);
  if (!sa) return;
  if (sa->mobike) return OnPathFound(cx, *sa, e.local);
  OnSourceFound(cx, *sa, e.local);
}

void Core::Impl::On(const ChildSoftExpired& e) {
  if (version1 && version1->OnChild(e)) return;
  if (IkeSa* sa = cx.sas.OwnerOf(e.child)) OnRekeyChildTimer(cx, *sa, e.child);
}

Core::Core(const config::Control& control, Random& random, SpiAllocator& spis)
    : impl_(std::make_unique<Impl>(control, random, spis)) {
  TakeConfig(impl_->cx);
}

Core::~Core() = default;

void Core::Handle(Event event, Time now, Actions& out) {
  impl_->cx.Begin(now, out);
  std::visit([this](auto& e) { impl_->On(e); }, event);
  impl_->cx.sas.Reap();
  if (impl_->version1) impl_->version1->Reap();
}

void Core::set_credentials(std::shared_ptr<const auth::Credentials> credentials) {
  impl_->cx.credentials = std::move(credentials);
}

void Core::set_radius(std::shared_ptr<radius::Client> radius) { impl_->cx.radius = std::move(radius); }

void Core::set_resolver(std::shared_ptr<Resolver> resolver) { impl_->cx.resolver = std::move(resolver); }

void Core::set_key_logging(bool on) { impl_->cx.key_logging = on; }

const CoreCounters& Core::counters() const { return impl_->cx.counters; }
const pools::LeaseTable& Core::leases() const { return impl_->cx.leases; }

std::vector<IkeView> Core::List() const {
  std::vector<IkeView> list;
  impl_->cx.sas.ForEach([&](const IkeSa& sa) {
    if (sa.state == IkeState::kClosed) return;
    IkeView v = ViewOf(sa, sa.esp_path(), Name(sa.state));
    v.suite = sa.suite;
    v.ppk = sa.ppk;
    if (sa.request && sa.request->task.kind == Task::Kind::kRekeyIke) v.state = "REKEYING";
    if (sa.addresses) {
      v.local_vips = sa.addresses->borrowed;
      for (const pools::Lease& lease : sa.addresses->lent) v.remote_vips.push_back(lease.address());
    }
    list.push_back(std::move(v));
  });
  if (impl_->version1) impl_->version1->List(list);
  return list;
}

}  // namespace culvert::ike
