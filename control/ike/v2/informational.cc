#include "control/ike/v2/informational.h"

#include <algorithm>

#include "control/ike/cat.h"
#include "control/ike/v2/child_install.h"
#include "control/ike/v2/closing.h"
#include "control/ike/v2/collision.h"
#include "control/ike/v2/mobike.h"
#include "control/ike/v2/reauth.h"
#include "control/ike/v2/reply.h"
#include "control/ike/v2/rekey_ike.h"
#include "control/ike/v2/send.h"
#include "control/ike/v2/tasks.h"

namespace culvert::ike {
namespace {

// A Delete of a child the peer has not heard of is sent again this often: for longer than the peer would repeat the request
// whose answer it waits for.
constexpr unsigned kMaxDeletesUnheard = 12;

// What one Delete of the peer's does to our Child SAs: SPIs of ours to answer with, children whose successors are awaited.
struct Deleted {
  std::vector<uint32_t> spis;
  std::vector<ChildId> awaited;
};

void DeleteOne(Context& cx, IkeSa& sa, ChildSa& child, Deleted& done) {
  switch (child.state) {
    // RFC 7296 1.4.1: both sides delete the same SA at once: our SPI is in our own request, not in this answer.
    case ChildState::kDeleting:
    case ChildState::kRetired: return;
    case ChildState::kRekeyed:
      done.spis.push_back(child.spi_in);
      if (child.replaced_by) done.awaited.push_back(child.replaced_by);
      return Retire(cx, sa, child);
    default:
      done.spis.push_back(child.spi_in);
      if (ChildId successor = CollisionSuccessor(sa, child.id)) {
        // RFC 7296 2.8.1: our own rekeying of it is still unanswered, the peer's has replaced it already.
        MarkRekeyed(cx, child, *sa.Find(successor));
        done.awaited.push_back(successor);
        return Retire(cx, sa, child);
      }
      return LoseChild(cx, sa, child.id);
  }
}

// RFC 7296 1.4.1: the peer names the SPIs it receives on; the answer names ours of the same pairs. SPIs we do not have, or
// of other peers, are passed over (B44).
void DeleteChildren(Context& cx, IkeSa& sa, const DeletePayload& d, PayloadList& answer, std::vector<ChildId>& awaited) {
  Deleted done;
  for (uint32_t spi : d.spis) {
    if (ChildSa* child = sa.FindByPeerSpi(d.protocol, spi)) DeleteOne(cx, sa, *child, done);
  }
  if (!done.spis.empty()) answer.Add(DeletePayload{.protocol = d.protocol, .spis = done.spis});
  awaited.insert(awaited.end(), done.awaited.begin(), done.awaited.end());
}

ChildId LastSuccessor(IkeSa& sa, ChildId id) {
  for (ChildSa* c = sa.Find(id); c && c->replaced_by && sa.Find(c->replaced_by); c = sa.Find(id)) id = c->replaced_by;
  return id;
}

// RFC 7296 2.21.2: an initiator that cannot authenticate us has no IKE SA with us, whether it says Delete or not.
bool DeletesIke(const IkeSa& sa, const Inbound& in) {
  if (!sa.caller && in.Notify(NotifyType::kAuthenticationFailed)) return true;
  return std::ranges::any_of(in.payloads, [](const Payload& p) {
    auto* d = std::get_if<DeletePayload>(&p);
    return d && d->protocol == IpsecProtocol::kIke;
  });
}

void PeerDeletesIke(Context& cx, IkeSa& sa, const Inbound& in) {
  const bool replaced = (sa.state == IkeState::kEstablished && TakeOver(cx, sa)) || sa.state == IkeState::kRekeyed;
  auto awaited = replaced ? std::vector<ChildId>{} : HandOverToTwins(cx, sa);
  if (!awaited.empty()) {
    return HoldReply(cx, sa, in.header, {.ready = Chain{}, .awaiting = std::move(awaited), .then_close = true});
  }
  SendReply(cx, sa, in.header, Chain{});
  Why why = replaced ? Why::kRekeyed : sa.state == IkeState::kDeleting ? Why::kOperator : Why::kPeerDeleted;
  CloseIke(cx, sa, why, true);
}

bool Names(const Inbound& in, const ChildSa& child) {
  return std::ranges::any_of(in.payloads, [&child](const Payload& p) {
    auto* d = std::get_if<DeletePayload>(&p);
    return d && d->protocol == child.protocol && std::ranges::contains(d->spis, child.spi_out);
  });
}

void FinishDeleteChild(Context& cx, IkeSa& sa, const Inbound& in) {
  const Task& task = sa.request->task;
  ChildSa* child = sa.Find(task.child);
  // The peer deleted nothing, and may not have heard yet that it has this child: it would install it after all.
  bool unheard = child && !sa.request->confirmed && !Names(in, *child);
  if (unheard && task.attempt < kMaxDeletesUnheard) return PostponeRequest(cx, sa);
  RequestId request = task.request;
  if (child && child->replaced_by) {
    Retire(cx, sa, *child);
  } else if (child) {
    EraseChild(cx, sa, child->id);
  }
  cx.Answer(request);
  FinishRequest(cx, sa);
}

}  // namespace

void SendInformational(Context& cx, IkeSa& sa, Task task, const Chain& chain) {
  ChildSa* child = sa.Find(task.child);
  sa.request = RequestInProgress{.task = std::move(task), .phase = RequestInProgress::Phase::kSent,
                                 .confirmed = !child || child->confirmed};
  SendRequest(cx, sa, ExchangeType::kInformational, chain);
}

void StartLivenessProbe(Context& cx, IkeSa& sa, Task task) {
  cx.Bump(Count::kLivenessSent);
  PayloadList list;
  AddMappingProbe(sa, list);
  SendInformational(cx, sa, std::move(task), list.Encode());
}

void StartDeleteChild(Context& cx, IkeSa& sa, Task task) {
  PayloadList list;
  if (task.child == 0) {
    list.Add(DeletePayload{.protocol = task.protocol, .spis = {task.spi}});
    return SendInformational(cx, sa, std::move(task), list.Encode());
  }
  if (task.and_successors) task.child = LastSuccessor(sa, task.child);
  ChildSa* child = sa.Find(task.child);
  if (!child || child->state == ChildState::kRetired) return cx.Answer(task.request);
  // RFC 7296 1.4.1: after the Delete nothing is sent on it; the inbound half waits for the answer.
  bool replaced = child->replaced_by != 0;
  child->state = ChildState::kDeleting;
  cx.Cancel(TimerKind::kRekeyChild, child->id);
  if (replaced) {
    if (ChildSa* successor = sa.Find(child->replaced_by)) InstallOutbound(cx, sa, *successor);
  }
  RemoveOutbound(cx, *child);
  list.Add(DeletePayload{.protocol = child->protocol, .spis = {child->spi_in}});
  SendInformational(cx, sa, std::move(task), list.Encode());
}

void StartDeleteIke(Context& cx, IkeSa& sa, Task task) {
  PayloadList list;
  // RFC 7296 2.21.2, RFC 8784 3
  if (task.unauthenticated) list.AddNotify(NotifyType::kAuthenticationFailed);
  list.Add(DeletePayload{.protocol = IpsecProtocol::kIke, .spis = {}});
  // A replaced SA stays kRekeyed while its Delete is out: that it has a successor still decides how it ends.
  if (sa.state != IkeState::kRekeyed) sa.state = IkeState::kDeleting;
  SendInformational(cx, sa, std::move(task), list.Encode());
}

void OnInformationalRequest(Context& cx, IkeSa& sa, const Inbound& in) {
  for (const auto& p : in.payloads) {
    auto* n = std::get_if<NotifyPayload>(&p);
    if (n && IsError(n->type)) cx.Log(Severity::kWarning, sa, Cat("INFORMATIONAL: the peer reports ", Name(n->type)));
  }
  if (DeletesIke(sa, in)) return PeerDeletesIke(cx, sa, in);
  SettleByUse(cx, sa);
  TakeAuthLifetime(cx, sa, in);
  PayloadList answer;
  std::vector<ChildId> awaited;
  for (const auto& p : in.payloads) {
    if (auto* d = std::get_if<DeletePayload>(&p)) DeleteChildren(cx, sa, *d, answer, awaited);
  }
  AnswerMobikeRequest(cx, sa, in, answer);
  Chain chain = answer.Encode();
  // The answer waits until what replaces the deleted is sent on: a peer that stops receiving at once loses nothing.
  HoldReply(cx, sa, in.header, {.ready = chain, .refused = chain, .awaiting = std::move(awaited)});
  FollowMobikeRequest(cx, sa, in);
}

void OnInformationalResponse(Context& cx, IkeSa& sa, const Inbound& in) {
  if (in.Error()) cx.Log(Severity::kWarning, sa, Cat("INFORMATIONAL: the peer answers ", Name(in.Error()->type)));
  const Task& task = sa.request->task;
  if (task.kind == Task::Kind::kDeleteIke) {
    return CloseIke(cx, sa, sa.successor ? Why::kRekeyed : task.expired ? Why::kExpired : Why::kOperator);
  }
  if (task.kind == Task::Kind::kDeleteChild) return FinishDeleteChild(cx, sa, in);
  if (IsAboutAddresses(task)) return OnMobikeResponse(cx, sa, in);
  if (task.kind == Task::Kind::kLiveness) JudgeMapping(cx, sa, in);
  FinishRequest(cx, sa);
}

void OnUnknownExchange(Context& cx, IkeSa& sa, const Inbound& in) {
  if (in.header.response) return;
  cx.Log(Severity::kWarning, sa, Cat("the peer began an exchange of unknown type ", Name(in.header.exchange)));
  ReplyNotify(cx, sa, in.header, NotifyType::kInvalidSyntax);
}

}  // namespace culvert::ike
