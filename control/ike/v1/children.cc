#include "control/ike/v1/children.h"

#include <algorithm>

#include "control/ike/cat.h"
#include "control/ike/key_log.h"
#include "control/ike/sa/child_half.h"
#include "control/ike/sa/child_selectors.h"
#include "control/ike/sa/ending.h"
#include "control/ike/v1/liveness.h"
#include "control/ike/v1/quick_mode_impl.h"
#include "control/ike/v1/same_peer.h"
#include "control/ike/v1/send.h"
#include "control/ike/v1/tasks.h"

namespace culvert::ike::v1 {
namespace {

using std::chrono::seconds;

constexpr seconds kConnectedPatience{5};   // for CONNECTED, of a peer that has set the commit bit and never says it
constexpr uint64_t kKilobyte = 1024;       // octets, RFC 2407 4.5

// The SA that has taken this one's place, if one has: what is made by it yet is the peer's, and so that one's to keep.
IkeSa& KeeperOf(Context& cx, IkeSa& sa) {
  if (sa.state != IkeState::kReplaced) return sa;
  for (IkeSa* o : OthersOfPeer(cx, sa)) {
    if (o->state == IkeState::kEstablished) return *o;
  }
  return sa;
}

// The exchange that makes the child, while it does.
struct Maker {
  IkeSa* sa = nullptr;
  Exchange* exchange = nullptr;
};
Maker MakerOf(Context& cx, const ChildSa& child) {
  IkeSa* sa = child.awaited_by ? cx.sas.Find(child.awaited_by) : nullptr;
  if (!sa) return {};
  auto e = std::ranges::find_if(sa->exchanges, [&](const Exchange& x) { return x.quick && x.quick->child == child.id; });
  return e == sa->exchanges.end() ? Maker{} : Maker{sa, &*e};
}

bool AreAlike(const ChildSa& a, const ChildSa& b) {
  return a.name() == b.name() && a.local_ts == b.local_ts && a.remote_ts == b.remote_ts;
}

void DeriveKeys(Context& cx, const IkeSa& sa, const Exchange& e, ChildSa& child) {
  const QuickMode& q = *e.quick;
  const size_t encr = q.suite.encr_keymat(), integ = q.suite.integ_keymat();
  // RFC 2409 5.5: each direction's keys are of the SPI that its receiver has chosen.
  auto derive = [&](uint32_t spi, SecretBytes& encr_key, SecretBytes& integ_key) {
    const auto protocol = q.protocol == IpsecProtocol::kAh ? ProtocolId::kAh : ProtocolId::kEsp;
    const KeymatOf of{.protocol = static_cast<uint8_t>(protocol), .spi = spi, .nonce_i = e.nonce_i, .nonce_r = e.nonce_r,
                      .shared_secret = q.shared_secret.view()};
    const SecretBytes keymat = Keymat(sa.protection->prf, sa.protection->keys.d.view(), of, encr + integ);
    encr_key = SecretBytes(keymat.view().first(encr));
    integ_key = SecretBytes(keymat.view().last(integ));
  };
  ChildKeys keys;
  derive(child.requester ? child.spi_out : child.spi_in, keys.encr_i, keys.integ_i);
  derive(child.requester ? child.spi_in : child.spi_out, keys.encr_r, keys.integ_r);
  if (cx.shared.key_logging) LogChildKeys(cx.shared, sa, child, keys);
  child.out_encr_key = std::move(child.requester ? keys.encr_i : keys.encr_r);
  child.out_integ_key = std::move(child.requester ? keys.integ_i : keys.integ_r);
  child.in_encr_key = std::move(child.requester ? keys.encr_r : keys.encr_i);
  child.in_integ_key = std::move(child.requester ? keys.integ_r : keys.integ_i);
}

void InstallOutbound(Context& cx, IkeSa& sa, ChildSa& child) {
  if (child.out != HalfState::kAbsent) return;
  cx.Cancel(TimerKind::kChildUse, child.id);
  InstallHalf(cx.shared, {sa, sa.path, child}, false);
}

void ArmRekeying(Context& cx, ChildSa& child) {
  const config::Lifetime time = child.time_limits();
  if (time.life != 0) child.expires_at = child.installed + seconds(time.life);
  if (auto ms = Jittered(time.rekey * 1000, time.rand * 1000, cx.random())) {
    child.rekey_at = cx.now() + std::chrono::milliseconds(ms);
    cx.Arm(TimerKind::kRekeyChild, child.id, child.rekey_at);
  }
}

void MarkRekeyed(Context& cx, ChildSa& old, ChildSa& successor) {
  old.state = ChildState::kRekeyed;
  old.replaced_by = successor.id;
  cx.Cancel(TimerKind::kRekeyChild, old.id);
  cx.Arm(TimerKind::kChildOverdue, old.id, cx.now() + kChildOverdueAfter);
}

void RestorePredecessors(Context& cx, IkeSa& sa, const ChildSa& child) {
  for (const auto& old : sa.children) {
    if (old->replaced_by != child.id) continue;
    old->replaced_by = 0;
    if (old->state != ChildState::kRekeyed || old->out != HalfState::kUp) continue;
    old->state = ChildState::kInstalled;
    cx.Cancel(TimerKind::kChildOverdue, old->id);
    cx.Cancel(TimerKind::kRetireChild, old->id);
    cx.Arm(TimerKind::kRekeyChild, old->id, cx.now() + kAgainAfterRefusal);
  }
}

// Both halves are confirmed.
void ChildUp(Context& cx, IkeSa& sa, ChildSa& child) {
  Announce(cx.shared, sa, child);
  for (const auto& old : sa.children) {
    if (old->replaced_by != child.id) continue;
    RemoveHalf(cx.shared, *old, false);
    // What the peer has sent before it changed over is still on its way.
    if (child.requester && old->state == ChildState::kRekeyed) {
      cx.Arm(TimerKind::kRetireChild, old->id, cx.now() + cx.config().settings.delete_rekeyed_delay);
    }
  }
}

// The data plane would not have it.
void InstallRefused(Context& cx, IkeSa& sa, ChildSa& child, InstallStatus status) {
  cx.Log(Severity::kError, sa,
         Cat("the data plane refuses ", Summary(child), status == InstallStatus::kNoResources ? ": no resources" : ""));
  if (Maker m = MakerOf(cx, child); m.exchange) {
    return RefuseQuick(cx, *m.sa, *m.exchange, {NotifyType::kNoProposalChosen, "the data plane refuses the Child SA"});
  }
  for (RequestId r : std::exchange(child.requests, {})) cx.Answer(r, "the data plane refuses the Child SA");
  DeleteChild(cx, sa, child.id);
}

// A deleted one that has a successor still takes what is on its way.
void Retire(Context& cx, IkeSa& sa, ChildSa& child) {
  ChildSa* successor = sa.Find(child.replaced_by);
  if (!successor) return EraseChild(cx, sa, child.id);
  child.state = ChildState::kRetired;
  cx.Cancel(TimerKind::kChildOverdue, child.id);
  cx.Arm(TimerKind::kRetireChild, child.id, cx.now() + cx.config().settings.delete_rekeyed_delay);
  InstallOutbound(cx, sa, *successor);
  if (successor->out == HalfState::kUp) RemoveHalf(cx.shared, child, false);
}

// What close_action asks for, where nothing else protects the same.
struct Follow {
  std::string connection, name;
  AfterEnd next = AfterEnd::kNothing;
  Time not_before{};
};
Follow FollowOf(const IkeSa& sa, const ChildSa& child, Why why) {
  Follow f{child.connection->name, child.name(), AfterEnd::kNothing, Time{}};
  const bool spare = std::ranges::any_of(sa.children, [&](const auto& o) {
    return o->id != child.id && AreAlike(*o, child) && o->live();
  });
  if (child.live() && !spare) f.next = NextFor(*child.config, why);
  if (why == Why::kPeerDeleted) f.not_before = child.installed + kFlapGuard;
  return f;
}
void Act(Context& cx, IkeSa& sa, const Follow& f) {
  if (f.next == AfterEnd::kTrap) cx.Emit(SetTrap{f.connection, f.name});
  if (f.next != AfterEnd::kStart) return;
  Enqueue(cx, sa, {.kind = Task::Kind::kNewChild, .child_name = f.name, .not_before = f.not_before});
}

void SayDelete(Context& cx, IkeSa& sa, const ChildSa& child) {
  Writer w;
  w.U32(child.spi_in);
  const Bytes spi = w.Release();
  const auto protocol = child.protocol == IpsecProtocol::kAh ? ProtocolId::kAh : ProtocolId::kEsp;
  const Payload payload = DeletePayload{.protocol = protocol, .spis = {spi}};
  SendInformational(cx, sa, {&payload, 1});
}

// The peer may be ready without our having heard of it.
void OnUseTimer(Context& cx, IkeSa& sa, ChildSa& child) {
  if (child.out != HalfState::kAbsent || !child.live()) return;
  const Maker m = MakerOf(cx, child);
  if (m.exchange && m.exchange->quick->step == QuickMode::Step::kReady) {
    // Said once and without an answer, CONNECTED may have been lost as well as never said.
    const Duration patience = m.exchange->quick->commit ? Duration(kConnectedPatience) : Duration(kChildUsePoll);
    if (cx.now() >= child.installed + patience) return FinishQuick(cx, *m.sa, *m.exchange);
  } else if (!m.exchange) {
    return UseChild(cx, sa, child);
  }
  cx.Emit(QueryChildUse{child.id});
  cx.Arm(TimerKind::kChildUse, child.id, cx.now() + kChildUsePoll);
}

IkeSa* OwnerOfPeerSpi(Context& cx, IkeSa& by, IpsecProtocol protocol, uint32_t spi) {
  if (by.FindByPeerSpi(protocol, spi)) return &by;
  for (IkeSa* o : OthersOfPeer(cx, by)) {
    if (o->FindByPeerSpi(protocol, spi)) return o;
  }
  return nullptr;
}

}  // namespace

ChildSa& AddChild(Context& cx, IkeSa& sa, Exchange& e) {
  QuickMode& q = *e.quick;
  IkeSa& keeper = KeeperOf(cx, sa);
  auto& child = *keeper.children.emplace_back(std::make_unique<ChildSa>());
  child.id = q.child = cx.shared.NewChildId();
  child.connection = q.connection;
  child.config = q.config;
  child.reqid = cx.shared.ReqidOf(q.connection->name, q.config->name);
  child.requester = q.requester;
  child.replaces = q.replaces;
  child.awaited_by = sa.id;
  child.preference = cx.shared.NewPreference();
  child.protocol = q.protocol;
  child.suite = q.suite;
  child.group = q.group;
  child.local_ts = q.local_ts;
  child.remote_ts = q.remote_ts;
  child.original = q.original;
  child.spi_in = q.spi.Install();
  child.spi_out = q.peer_spi;
  child.life_seconds = q.life.seconds;
  child.life_bytes = q.life.kilobytes * kKilobyte;
  child.installed = cx.now();
  cx.sas.IndexChild(child.id, keeper);
  DeriveKeys(cx, sa, e, child);
  q.shared_secret = {};
  ArmRekeying(cx, child);
  InstallHalf(cx.shared, {keeper, keeper.path, child}, true);
  return child;
}

void UseChild(Context& cx, IkeSa& sa, ChildSa& child) {
  if (child.out != HalfState::kAbsent) return;
  child.confirmed = true;
  for (const auto& old : sa.children) {
    if (old->id <= child.replaces && AreAlike(*old, child) && old->live()) MarkRekeyed(cx, *old, child);
  }
  InstallOutbound(cx, sa, child);
}

ChildSa* NewestOf(IkeSa& sa, const std::string& name, const SelectorList& local, const SelectorList& remote) {
  ChildSa* newest = nullptr;
  for (const auto& c : sa.children) {
    const bool same = c->name() == name && c->local_ts == local && c->remote_ts == remote;
    if (same && c->live() && c->confirmed && (!newest || c->id > newest->id)) newest = c.get();
  }
  return newest;
}

void OnChildInstalled(Context& cx, const ChildInstalled& event) {
  IkeSa* sa = cx.sas.OwnerOf(event.child);
  ChildSa* child = sa ? sa->Find(event.child) : nullptr;
  if (!child) return;
  HalfState& half = event.inbound ? child->in : child->out;
  if (half != HalfState::kInstalling) return;
  if (event.status != InstallStatus::kOk) return InstallRefused(cx, *sa, *child, event.status);
  half = HalfState::kUp;
  if (child->in == HalfState::kUp && child->out == HalfState::kUp) ChildUp(cx, *sa, *child);
  Maker m = MakerOf(cx, *child);
  if (event.inbound && m.exchange) OnInboundReady(cx, *m.sa, *m.exchange);
}

void OnChildUse(Context& cx, const ChildUse& use) {
  IkeSa* sa = cx.sas.OwnerOf(use.child);
  ChildSa* child = sa ? sa->Find(use.child) : nullptr;
  if (!child) return;
  Maker m = MakerOf(cx, *child);
  if (use.last_inbound != Time{} && m.exchange) OnPeerSends(cx, *m.sa, *m.exchange);
  NoteUse(cx, *sa, use);
}

void OnChildTimer(Context& cx, TimerKind kind, IkeSa& sa, ChildId id) {
  ChildSa* child = sa.Find(id);
  if (!child) return;
  switch (kind) {
    case TimerKind::kRekeyChild:
      if (child->state == ChildState::kInstalled) Enqueue(cx, sa, {.kind = Task::Kind::kRekeyChild, .child = id});
      return;
    case TimerKind::kRetireChild:
      return child->state == ChildState::kRetired ? EraseChild(cx, sa, id) : DeleteChild(cx, sa, id);
    case TimerKind::kChildOverdue:
      if (child->state == ChildState::kRekeyed) DeleteChild(cx, sa, id);
      return;
    case TimerKind::kChildUse: return OnUseTimer(cx, sa, *child);
    default: return;
  }
}

void OnHardExpired(Context& cx, ChildId id) {
  IkeSa* sa = cx.sas.OwnerOf(id);
  ChildSa* child = sa ? sa->Find(id) : nullptr;
  if (!child) return;
  if (child->live()) cx.Log(Severity::kWarning, *sa, Cat("Child SA ", child->name(), "{", id, "} reached its hard lifetime"));
  const Follow follow = FollowOf(*sa, *child, Why::kExpired);
  DeleteChild(cx, *sa, id);
  Act(cx, *sa, follow);
}

void EraseChild(Context& cx, IkeSa& sa, ChildId id) {
  ChildSa* child = sa.Find(id);
  if (!child) return;
  const Maker m = MakerOf(cx, *child);
  RemoveHalf(cx.shared, *child, false);
  RemoveHalf(cx.shared, *child, true);
  RestorePredecessors(cx, sa, *child);
  for (RequestId r : child->requests) cx.Answer(r, "the Child SA was deleted before it was up");
  for (auto k : {TimerKind::kRekeyChild, TimerKind::kRetireChild, TimerKind::kChildOverdue, TimerKind::kChildUse}) {
    cx.Cancel(k, id);
  }
  if (child->announced && child->replaced_by == 0) {
    cx.Log(Severity::kInfo, sa, Cat("Child SA ", child->name(), "{", id, "} down"));
    cx.shared.Tell(StateChange::kChildDown, sa, id);
  }
  cx.sas.ForgetChild(id);
  std::erase_if(sa.children, [id](const auto& c) { return c->id == id; });
  if (sa.state == IkeState::kDeparted && sa.LiveChildren() == 0) cx.Arm(TimerKind::kLinger, sa.id, cx.now());
  if (!m.exchange) return;
  m.exchange->quick->child = 0;
  AbandonQuickMode(cx, *m.sa, *m.exchange, "its Child SA has gone");
}

void DeleteChild(Context& cx, IkeSa& sa, ChildId id) {
  ChildSa* child = sa.Find(id);
  if (!child) return;
  // Nobody answers a Delete (RFC 2409 5.7); without a phase 1 the peer's own lifetime ends its side.
  if (sa.secured()) SayDelete(cx, sa, *child);
  EraseChild(cx, sa, id);
}

void OnPeerDeletes(Context& cx, IkeSa& by, IpsecProtocol protocol, uint32_t spi) {
  // SPIs we do not have, or of other peers, are passed over (B44).
  IkeSa* sa = OwnerOfPeerSpi(cx, by, protocol, spi);
  if (!sa) return;
  ChildSa& child = *sa->FindByPeerSpi(protocol, spi);
  if (child.state == ChildState::kRetired) return;
  if (child.state == ChildState::kRekeyed) return Retire(cx, *sa, child);
  const Follow follow = FollowOf(*sa, child, Why::kPeerDeleted);
  EraseChild(cx, *sa, child.id);
  Act(cx, *sa, follow);
}

void HandOver(Context& cx, IkeSa& from, IkeSa& to) {
  const bool moved = !from.path.between(to.path.local, to.path.remote) || from.path.encapsulates() != to.path.encapsulates();
  for (auto& c : from.children) {
    cx.sas.IndexChild(c->id, to);
    to.children.push_back(std::move(c));
  }
  from.children.clear();
  if (moved) TellChildren(cx, to);
}

void TellChildren(Context& cx, IkeSa& sa) {
  std::vector<ChildId> stranded;
  for (const auto& c : sa.children) {
    if (StrandedBy(*c, sa.path)) stranded.push_back(c->id);
    else cx.Emit(UpdateChild{c->id, sa.path.encapsulates(), sa.path.local, sa.path.remote});
  }
  for (ChildId id : stranded) {
    ChildSa* child = sa.Find(id);
    if (!child) continue;
    cx.Log(Severity::kWarning, sa, Cat("Child SA ", child->name(), "{", id, "} ends: ", StrandedBy(*child, sa.path)));
    const Follow follow = FollowOf(sa, *child, Why::kExpired);
    DeleteChild(cx, sa, id);
    Act(cx, sa, follow);
  }
}

}  // namespace culvert::ike::v1
