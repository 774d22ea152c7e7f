#include <algorithm>

#include "common/bytes/reader.h"
#include "control/ike/cat.h"
#include "control/ike/v2/child_install.h"
#include "control/ike/v2/closing.h"
#include "control/ike/v2/collision.h"
#include "control/ike/v2/create_child.h"
#include "control/ike/v2/follow_up.h"
#include "control/ike/v2/rekey_ike.h"
#include "control/ike/v2/sa_init.h"
#include "control/ike/v2/send.h"
#include "control/ike/v2/tasks.h"

namespace culvert::ike {
namespace {

using Phase = RequestInProgress::Phase;

ChildRequest& Detail(IkeSa& sa) { return std::get<ChildRequest>(sa.request->detail); }

// The child to be replaced is ours to replace again, or has been replaced by the peer meanwhile.
void ReleaseOld(Context& cx, IkeSa& sa) {
  ChildRequest& r = Detail(sa);
  ChildSa* old = sa.Find(r.child.replaces);
  if (!old || old->state != ChildState::kRekeying) return;
  if (ChildId successor = CollisionSuccessor(sa, old->id)) return MarkRekeyed(cx, *old, *sa.Find(successor));
  old->state = ChildState::kInstalled;
  cx.Arm(TimerKind::kRekeyChild, old->id, cx.now + kAgainAfterRefusal);
}

void Fail(Context& cx, IkeSa& sa, std::string_view why) {
  Task task = sa.request->task;
  std::string name = Detail(sa).child.config->name;
  cx.Log(Severity::kWarning, sa, Cat("CREATE_CHILD_SA for ", name, " failed: ", why), task.request);
  ReleaseOld(cx, sa);
  cx.Answer(task.request, why);
  FinishRequest(cx, sa);
}

void Send(Context& cx, IkeSa& sa) {
  ChildRequest& r = Detail(sa);
  ChildSa* old = sa.Find(r.child.replaces);
  PayloadList list;
  if (old) {
    // RFC 7296 1.3.3: REKEY_SA names the SPI we receive on.
    Writer spi;
    spi.U32(old->spi_in);
    list.Add(
        NotifyPayload{.protocol = old->protocol, .type = NotifyType::kRekeySa, .spi = list.Keep(spi.Release()), .data = {}});
  }
  AddMode(r.child, list);
  list.Add(r.child.offer);
  list.Add(NoncePayload{r.child.nonce_i});
  if (r.child.key) list.Add(KePayload{r.child.group, r.child.key->public_value()});
  list.Add(TsPayload{.type = PayloadType::kTsI, .selectors = r.child.local_ts});
  list.Add(TsPayload{.type = PayloadType::kTsR, .selectors = r.child.remote_ts});
  sa.request->phase = Phase::kSent;
  sa.request->confirmed = !old || old->confirmed;
  SendRequest(cx, sa, ExchangeType::kCreateChildSa, list.Encode());
}

void Begin(Context& cx, IkeSa& sa, Task task, ChildNegotiation n) {
  KeGroup group = n.group;
  sa.request = RequestInProgress{.task = std::move(task), .detail = ChildRequest{.child = std::move(n)}};
  if (group == KeGroup::kNone) return Send(cx, sa);
  sa.request->job = cx.Run(sa, std::make_unique<KeyExchangeJob>(group, Bytes{}));
}

// Both sides have the new Child SA: RFC 7296 2.8.1 says which one stays where the peer was rekeying the same.
void Complete(Context& cx, IkeSa& sa) {
  ChildRequest r = std::move(Detail(sa));
  RequestId request = sa.request->task.request;
  ChildSa* old = sa.Find(r.child.replaces);
  ChildSa* theirs = sa.Find(CollisionSuccessor(sa, r.child.replaces));
  bool redundant = theirs && OursIsRedundant(r.child.nonce_i, r.child.nonce_r, r.collision->nonce_i, r.collision->nonce_r);
  if (theirs) cx.Bump(Count::kChildCollision);
  if (redundant) r.child.replaces = 0;
  sa.request.reset();
  ChildSa& child = AddChild(cx, sa, std::move(r.child));
  InstallInbound(cx, sa, child);
  if (redundant) {
    if (old && old->live()) MarkRekeyed(cx, *old, *theirs);
    child.state = ChildState::kDeleting;
    cx.Answer(request);
    return Enqueue(cx, sa, {.kind = Task::Kind::kDeleteChild, .child = child.id}, Where::kFront);
  }
  if (request) child.requests.push_back(request);
  if (theirs) {
    cx.Cancel(TimerKind::kChildUse, theirs->id);
    MarkRekeyed(cx, *theirs, child);  // the peer deletes it
  }
  child.replaces = 0;
  if (old && old->live()) MarkRekeyed(cx, *old, child);
  InstallOutbound(cx, sa, child);
  Pump(cx, sa);
}

void Refused(Context& cx, IkeSa& sa, const NotifyPayload& error) {
  ChildRequest& r = Detail(sa);
  switch (error.type) {
    case NotifyType::kInvalidKePayload: {
      KeGroup group = GroupWanted(error, r.child.offer, ++r.rounds);
      if (group == KeGroup::kNone) break;
      cx.Bump(Count::kInvalidKeReceived);
      r.child.group = group;
      r.child.key.reset();
      r.child.nonce_i = cx.random.Take(kNonceSize);
      sa.request->phase = Phase::kMakingKey;
      sa.request->job = cx.Run(sa, std::make_unique<KeyExchangeJob>(group, Bytes{}));
      return;
    }
    case NotifyType::kTemporaryFailure:
      cx.Bump(Count::kTemporaryFailureReceived);
      ReleaseOld(cx, sa);
      return PostponeRequest(cx, sa);
    case NotifyType::kChildSaNotFound: {
      // RFC 7296 2.25: the peer has lost it; a new one takes its place, unless the peer has seen to that.
      ChildSa* old = sa.Find(r.child.replaces);
      if (!old || old->state != ChildState::kRekeying || CollisionSuccessor(sa, old->id)) break;
      if (!sa.request->confirmed) {
        // It did not know it yet: our answer that made it was still on its way.
        ReleaseOld(cx, sa);
        return PostponeRequest(cx, sa);
      }
      cx.Log(Severity::kInfo, sa, Cat("the peer does not know Child SA ", old->name(), " any more: making a new one"));
      Task again{.kind = Task::Kind::kNewChild, .child_name = old->name(), .request = sa.request->task.request};
      EraseChild(cx, sa, old->id);
      sa.request.reset();
      return Enqueue(cx, sa, std::move(again), Where::kFront);
    }
    case NotifyType::kSinglePairRequired: {
      if (!WantsSinglePair(&error, sa.request->task)) break;
      Task again = std::move(sa.request->task);
      again.only_packet = true;
      sa.request.reset();
      return Enqueue(cx, sa, std::move(again), Where::kFront);
    }
    default: break;
  }
  Fail(cx, sa, Cat("the peer answers ", Name(error.type), "; offered ", ToString(r.child.local_ts), " === ",
                            ToString(r.child.remote_ts), " with ", Describe(r.child.offer)));
}

void OnChildResponse(Context& cx, IkeSa& sa, const Inbound& in) {
  ChildRequest& r = Detail(sa);
  if (in.form == MessageForm::kRefusal) return Refused(cx, sa, *in.Error());
  if (in.form != MessageForm::kChild) {
    DeleteUnwanted(cx, sa, r.child);
    return Fail(cx, sa, "the answer is not one of a Child SA");
  }
  if (auto refusal = JudgeAnswer(sa, in, Ke::kWith, r.child)) {
    DeleteUnwanted(cx, sa, r.child);
    return Fail(cx, sa, refusal->why);
  }
  if (in.Notify(NotifyType::kAdditionalTsPossible)) TellMorePossible(cx, sa, r.child);
  r.child.nonce_r = ToBytes(in.Get<NoncePayload>()->data);
  auto* link = in.Notify(NotifyType::kAdditionalKeyExchange);
  if (Any(r.child.more.left) && !link) {
    DeleteUnwanted(cx, sa, r.child);
    return Fail(cx, sa, "the answer has no ADDITIONAL_KEY_EXCHANGE");
  }
  if (link) r.child.more.link = ToBytes(link->data);
  sa.request->phase = Phase::kDeriving;
  if (r.child.group == KeGroup::kNone) return Complete(cx, sa);
  sa.request->job = cx.Run(sa, std::make_unique<KeyExchangeJob>(std::move(r.child.key), ToBytes(in.Get<KePayload>()->data)));
}

}  // namespace

KeGroup GroupWanted(const NotifyPayload& notify, const SaPayload& offer, unsigned rounds) {
  if (notify.data.size() != 2 || rounds > kMaxKeRounds) return KeGroup::kNone;
  auto group = static_cast<KeGroup>(Reader(notify.data).U16());
  auto proposed = [group](const Transform& t) { return t.type == TransformType::kKe && t.id == static_cast<uint16_t>(group); };
  bool ours =
      std::ranges::any_of(offer.proposals, [&](const Proposal& p) { return std::ranges::any_of(p.transforms, proposed); });
  return ours ? group : KeGroup::kNone;
}

void DeleteUnwanted(Context& cx, IkeSa& sa, const ChildNegotiation& n) {
  Enqueue(cx, sa, {.kind = Task::Kind::kDeleteChild, .protocol = n.protocol, .spi = n.spi.spi()}, Where::kFront);
}

void StartNewChild(Context& cx, IkeSa& sa, Task task) {
  const config::Child* config = FindChild(*sa.connection, task.child_name);
  if (!config) return cx.Answer(task.request, Cat("no child ", task.child_name));
  auto offer = MakeOffer(cx, sa, {.child = config, .packet = task.packet, .only_packet = task.only_packet});
  if (!offer) {
    cx.Log(Severity::kError, sa, Cat("Child SA ", task.child_name, ": ", offer.error()), task.request);
    return cx.Answer(task.request, offer.error());
  }
  Begin(cx, sa, std::move(task), *std::move(offer));
}

void StartRekeyChild(Context& cx, IkeSa& sa, Task task) {
  ChildSa* old = sa.Find(task.child);
  if (!old) return cx.Answer(task.request, "the Child SA is gone");
  // The peer is ahead of us with the same.
  auto* peers = sa.reply ? std::get_if<ChildReply>(&sa.reply->detail) : nullptr;
  bool ahead = (peers && peers->child.replaces == old->id) || (sa.pending && sa.pending->child() == old->id);
  if (old->state != ChildState::kInstalled || ahead) return cx.Answer(task.request);
  auto offer = MakeOffer(cx, sa, {.child = old->config, .rekeyed = old});
  if (!offer) {
    cx.Log(Severity::kError, sa, Cat("rekeying of Child SA ", old->name(), ": ", offer.error()), task.request);
    cx.Arm(TimerKind::kRekeyChild, old->id, cx.now + kAgainAfterRefusal);
    return cx.Answer(task.request, offer.error());
  }
  old->state = ChildState::kRekeying;
  Begin(cx, sa, std::move(task), *std::move(offer));
}

void CompleteChildRequest(Context& cx, IkeSa& sa) { Complete(cx, sa); }
void FailChildRequest(Context& cx, IkeSa& sa, std::string_view why) { Fail(cx, sa, why); }

void AbandonChildRequest(Context& cx, IkeSa& sa) {
  ReleaseOld(cx, sa);
  cx.Answer(sa.request->task.request);
  FinishRequest(cx, sa);
}

void OnCreateChildResponse(Context& cx, IkeSa& sa, const Inbound& in) {
  if (std::holds_alternative<ChildRequest>(sa.request->detail)) return OnChildResponse(cx, sa, in);
  OnRekeyIkeResponse(cx, sa, in);
}

void OnRequestJob(Context& cx, IkeSa& sa, KeyExchangeJob& job) {
  if (sa.request->phase > Phase::kDeriving) return OnFollowUpJob(cx, sa, job);
  if (std::holds_alternative<IkeRekeyRequest>(sa.request->detail)) return OnRekeyIkeJob(cx, sa, job);
  ChildRequest& r = Detail(sa);
  if (sa.request->phase == Phase::kMakingKey) {
    // The child may have gone, or been replaced by the peer, while the key was made.
    ChildSa* old = sa.Find(r.child.replaces);
    bool obsolete = r.child.replaces != 0 && (!old || old->state != ChildState::kRekeying);
    if (obsolete) {
      cx.Answer(sa.request->task.request);
      return FinishRequest(cx, sa);
    }
    r.child.key = job.TakeKey();
    if (!r.child.key) return Fail(cx, sa, Cat("no key exchange ", Name(r.child.group), " in this build"));
    return Send(cx, sa);
  }
  if (!job.secret()) {
    cx.Bump(Count::kPublicValueRefused);
    DeleteUnwanted(cx, sa, r.child);
    return Fail(cx, sa, "the peer's public value is not valid");
  }
  r.child.shared_secret = *std::move(job.secret());
  if (!GoOnWithFollowUp(cx, sa)) Complete(cx, sa);
}

}  // namespace culvert::ike
