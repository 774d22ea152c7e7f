#include "control/ike/v2/child_install.h"

#include <algorithm>

#include "control/ike/cat.h"
#include "control/ike/key_log.h"
#include "control/ike/sa/child_half.h"
#include "control/ike/v2/child_selectors.h"
#include "control/ike/v2/closing.h"
#include "control/ike/v2/reply.h"
#include "control/ike/v2/tasks.h"

namespace culvert::ike {
namespace {

using std::chrono::seconds;

// Both halves are confirmed.
void ChildUp(Context& cx, IkeSa& sa, ChildSa& child) {
  Announce(cx, sa, child);
  ChildSa* old = sa.Find(child.replaces);
  if (!old) return;
  RemoveHalf(cx, *old, false);
  // RFC 7296 2.8: whoever made the successor deletes the old SA.
  if (child.requester && old->state == ChildState::kRekeyed) {
    Enqueue(cx, sa, {.kind = Task::Kind::kDeleteChild, .child = old->id}, Where::kFront);
  }
}

// A peer may have several IKE SAs with us for good, and narrow the same child of ours to another part of it in each.
bool AreTwins(const ChildSa& a, const ChildSa& b) {
  bool same_name = a.name() == b.name() && a.connection->name == b.connection->name;
  return same_name && a.local_ts == b.local_ts && a.remote_ts == b.remote_ts;
}

// The same child of an IKE SA that the peer is about to take this one's in place of (v2/reauth.h): it is sent on as long as
// it is not certain that the peer has ours in its data plane, which cannot be before our answer is there.
bool HasTwin(Context& cx, const IkeSa& sa, const ChildSa& child) {
  auto twin = [&](const auto& c) { return c->live() && c->out == HalfState::kUp && AreTwins(*c, child); };
  return std::ranges::any_of(cx.sas.OthersAtTheSamePlace(sa), [&](const IkeSa* o) {
    return o->id < sa.id && o->secured() && std::ranges::any_of(o->children, twin);
  });
}

// The data plane would not have it.
void InstallRefused(Context& cx, IkeSa& sa, ChildSa& child, InstallStatus status) {
  cx.Log(Severity::kError, sa,
         Cat("the data plane refuses ", Summary(child), status == InstallStatus::kNoResources ? ": no resources" : ""));
  if (RefuseReply(cx, sa, child.id)) return EraseChild(cx, sa, child.id);
  RemoveHalves(cx, child);
  RestorePredecessor(cx, sa, child);
  for (RequestId r : std::exchange(child.requests, {})) cx.Answer(r, "the data plane refuses the Child SA");
  child.state = ChildState::kDeleting;
  Enqueue(cx, sa, {.kind = Task::Kind::kDeleteChild, .child = child.id}, Where::kFront);
}

}  // namespace

ChildSa& AddChild(Context& cx, IkeSa& sa, ChildNegotiation n) {
  auto& child = *sa.children.emplace_back(std::make_unique<ChildSa>());
  child.id = cx.NewChildId();
  child.connection = n.connection;
  child.config = n.config;
  child.reqid = cx.ReqidOf(n.connection->name, n.config->name);
  child.requester = child.confirmed = n.requester;
  child.replaces = n.replaces;
  child.preference = cx.NewPreference();
  child.protocol = n.protocol;
  child.suite = n.suite;
  child.group = n.group;
  child.local_ts = std::move(n.local_ts);
  child.remote_ts = std::move(n.remote_ts);
  child.original = n.original;
  child.takes_padding = n.takes_padding;
  child.spi_in = n.spi.Install();
  child.spi_out = n.peer_spi;
  child.installed = cx.now;
  if (n.config->seconds_.life) child.expires_at = cx.now + seconds(n.config->seconds_.life);
  cx.sas.IndexChild(child.id, sa);
  // RFC 7296 2.17: "i" is the requester of this exchange, not of the IKE SA.
  ChildKeys keys =
      DeriveChildKeys(sa.suite.prf, sa.keying->keys.sk_d.view(), n.shared_secret.view(), n.nonce_i, n.nonce_r, n.suite,
                      n.more.secrets.view());
  if (cx.key_logging) LogChildKeys(cx, sa, child, keys);
  child.out_encr_key = std::move(n.requester ? keys.encr_i : keys.encr_r);
  child.out_integ_key = std::move(n.requester ? keys.integ_i : keys.integ_r);
  child.in_encr_key = std::move(n.requester ? keys.encr_r : keys.encr_i);
  child.in_integ_key = std::move(n.requester ? keys.integ_r : keys.integ_i);
  return child;
}

void InstallInbound(Context& cx, IkeSa& sa, ChildSa& child) {
  InstallHalf(cx, {sa, sa.esp_path(), child}, true);
  if (auto s = Jittered(child.config->seconds_.rekey * 1000, child.config->seconds_.rand * 1000, cx.random)) {
    child.rekey_at = cx.now + std::chrono::milliseconds(s);
    cx.Arm(TimerKind::kRekeyChild, child.id, child.rekey_at);
  }
}

void InstallOutbound(Context& cx, IkeSa& sa, ChildSa& child) {
  if (child.out != HalfState::kAbsent) return;
  cx.Cancel(TimerKind::kChildUse, child.id);
  InstallHalf(cx, {sa, sa.esp_path(), child}, false);
}

void OnChildInstalled(Context& cx, const ChildInstalled& event) {
  IkeSa* sa = cx.sas.OwnerOf(event.child);
  ChildSa* child = sa ? sa->Find(event.child) : nullptr;
  if (!child) return;
  HalfState& half = event.inbound ? child->in : child->out;
  if (half != HalfState::kInstalling) return;
  const IkeId awaited_by = child->awaited_by;
  if (event.status != InstallStatus::kOk) {
    InstallRefused(cx, *sa, *child, event.status);
  } else {
    half = HalfState::kUp;
    if (child->in == HalfState::kUp && child->out == HalfState::kUp) ChildUp(cx, *sa, *child);
  }
  ProceedReply(cx, *sa);
  if (IkeSa* other = awaited_by == sa->id ? nullptr : cx.sas.Find(awaited_by)) ProceedReply(cx, *other);
}

void StartUsing(Context& cx, IkeSa& sa, ChildSa& child) {
  ChildSa* old = sa.Find(child.replaces);
  if (old ? old->state == ChildState::kRetired : !HasTwin(cx, sa, child)) return InstallOutbound(cx, sa, child);
  if (child.state == ChildState::kInstalling) child.state = ChildState::kInstalled;
  cx.Arm(TimerKind::kChildUse, child.id, cx.now + (old && old->handed_over ? Duration(kHandOverDelay) : kChildUsePoll));
}

void OnPeerUsesChild(Context& cx, IkeSa& sa, ChildId id) {
  ChildSa* child = sa.Find(id);
  if (child) child->confirmed = true;
  // RFC 7296 2.8: the replier sends on the new SA once it has received on it.
  if (child && child->state == ChildState::kInstalled && child->out == HalfState::kAbsent) InstallOutbound(cx, sa, *child);
}

void OnChildUseTimer(Context& cx, IkeSa& sa, ChildId id) {
  ChildSa* child = sa.Find(id);
  if (!child || child->out != HalfState::kAbsent || !child->live()) return;
  ChildSa* old = sa.Find(child->replaces);
  bool on_its_own = !old && (cx.now >= child->installed + kReauthPatience || !HasTwin(cx, sa, *child));
  if (on_its_own || (old && old->handed_over)) return InstallOutbound(cx, sa, *child);
  cx.Emit(QueryChildUse{id});
  cx.Arm(TimerKind::kChildUse, id, cx.now + kChildUsePoll);
}

void TellChildren(Context& cx, IkeSa& sa) {
  const Path& to = sa.esp_path();
  std::vector<ChildId> stranded;
  for (const auto& c : sa.children) {
    if (StrandedBy(*c, to)) stranded.push_back(c->id);
    else cx.Emit(UpdateChild{c->id, to.encapsulates(), to.local, to.remote});
  }
  for (ChildId id : stranded) {
    ChildSa* child = sa.Find(id);
    if (!child || !child->live()) continue;
    cx.Log(Severity::kWarning, sa, Cat("Child SA ", child->name(), "{", id, "} ends: ", StrandedBy(*child, to)));
    EndChild(cx, sa, *child);
  }
}

void MarkRekeyed(Context& cx, ChildSa& old, ChildSa& successor) {
  old.state = ChildState::kRekeyed;
  old.replaced_by = successor.id;
  successor.replaces = old.id;
  cx.Cancel(TimerKind::kRekeyChild, old.id);
  cx.Arm(TimerKind::kChildOverdue, old.id, cx.now + kChildOverdueAfter);
}

void HandOver(Context& cx, IkeSa& from, ChildSa& child, IkeSa& to, ChildSa& successor) {
  auto it = std::ranges::find_if(from.children, [&](const auto& c) { return c.get() == &child; });
  to.children.push_back(std::move(*it));
  from.children.erase(it);
  cx.sas.IndexChild(child.id, to);
  MarkRekeyed(cx, child, successor);
  child.handed_over = true;
  cx.Cancel(TimerKind::kChildOverdue, child.id);
  cx.Arm(TimerKind::kRetireChild, child.id, cx.now + cx.config.settings.delete_rekeyed_delay);
}

void ReleaseTwins(Context& cx, const IkeSa& sa) {
  for (IkeSa* o : cx.sas.OthersAtTheSamePlace(sa)) {
    for (const auto& c : o->children) {
      if (c->state == ChildState::kInstalled && c->replaces == 0) InstallOutbound(cx, *o, *c);
    }
  }
}

std::vector<ChildId> HandOverToTwins(Context& cx, IkeSa& sa) {
  std::vector<ChildId> awaited;
  auto hand_over = [&](IkeSa& to, ChildSa& twin) {
    auto old = std::ranges::find_if(sa.children, [&](const auto& c) { return c->live() && AreTwins(*c, twin); });
    if (old == sa.children.end()) return;
    ChildSa& child = **old;
    HandOver(cx, sa, child, to, twin);
    InstallOutbound(cx, to, twin);
    if (twin.out == HalfState::kUp) RemoveHalf(cx, child, false);
    else awaited.push_back(twin.id);
  };
  for (IkeSa* o : cx.sas.OthersAtTheSamePlace(sa)) {
    if (o->id < sa.id || o->state != IkeState::kEstablished) continue;
    // By index: the children handed over come to be among them.
    for (size_t i = 0, n = o->children.size(); i < n; ++i) {
      ChildSa& twin = *o->children[i];
      if (twin.live() && twin.replaces == 0) hand_over(*o, twin);
    }
  }
  return awaited;
}

void Retire(Context& cx, IkeSa& sa, ChildSa& child) {
  ChildSa* successor = sa.Find(child.replaced_by);
  if (!successor) return EraseChild(cx, sa, child.id);
  child.state = ChildState::kRetired;
  cx.Cancel(TimerKind::kChildOverdue, child.id);
  cx.Arm(TimerKind::kRetireChild, child.id, cx.now + cx.config.settings.delete_rekeyed_delay);
  InstallOutbound(cx, sa, *successor);
  if (successor->out == HalfState::kUp) RemoveHalf(cx, child, false);
}

void RestorePredecessor(Context& cx, IkeSa& sa, const ChildSa& child) {
  ChildSa* old = sa.Find(child.replaces);
  if (!old || old->replaced_by != child.id) return;
  old->replaced_by = 0;
  if (old->state != ChildState::kRekeyed) return;
  old->state = ChildState::kInstalled;
  cx.Cancel(TimerKind::kChildOverdue, old->id);
  cx.Arm(TimerKind::kRekeyChild, old->id, cx.now + kAgainAfterRefusal);
}

void RemoveOutbound(Context& cx, ChildSa& child) { RemoveHalf(cx, child, false); }

void RemoveHalves(Context& cx, ChildSa& child) {
  RemoveHalf(cx, child, false);
  RemoveHalf(cx, child, true);
}

void OnRekeyChildTimer(Context& cx, IkeSa& sa, ChildId id) {
  ChildSa* child = sa.Find(id);
  if (child && child->state == ChildState::kInstalled) Enqueue(cx, sa, {.kind = Task::Kind::kRekeyChild, .child = id});
}

void OnChildOverdueTimer(Context& cx, IkeSa& sa, ChildId id) {
  ChildSa* child = sa.Find(id);
  if (!child || child->state != ChildState::kRekeyed) return;
  Enqueue(cx, sa, {.kind = Task::Kind::kDeleteChild, .child = id});
}

}  // namespace culvert::ike
