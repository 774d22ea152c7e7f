#include "control/ike/v2/follow_up.h"

#include "control/ike/cat.h"
#include "control/ike/v2/collision.h"
#include "control/ike/v2/create_child.h"
#include "control/ike/v2/rekey_ike.h"
#include "control/ike/v2/reply.h"
#include "control/ike/v2/send.h"
#include "control/ike/v2/tasks.h"

namespace culvert::ike {
namespace {

using Phase = RequestInProgress::Phase;

constexpr size_t kLinkSize = 8;  // octets; ours alone to read, and one at a time per IKE SA

FollowUp& MoreOf(RequestInProgress& request) {
  if (auto* child = std::get_if<ChildRequest>(&request.detail)) return child->child.more;
  return std::get<IkeRekeyRequest>(request.detail).more;
}

FollowUp& MoreOf(ReplyInProgress& reply) {
  if (auto* child = std::get_if<ChildReply>(&reply.detail)) return child->child.more;
  return std::get<IkeRekeyReply>(reply.detail).more;
}

// Whether the peer rekeys the same at once and its half is to stay. The four nonces are known once ours is answered.
bool LostCollision(const RequestInProgress& request) {
  auto lost = [](const auto& theirs, ByteView nonce_i, ByteView nonce_r) {
    return theirs && OursIsRedundant(nonce_i, nonce_r, theirs->nonce_i, theirs->nonce_r);
  };
  if (auto* c = std::get_if<ChildRequest>(&request.detail)) return lost(c->collision, c->child.nonce_i, c->child.nonce_r);
  auto& r = std::get<IkeRekeyRequest>(request.detail);
  return lost(r.collision, r.nonce_i, r.nonce_r);
}

bool HasCollision(const RequestInProgress& request) {
  if (auto* c = std::get_if<ChildRequest>(&request.detail)) return c->collision.has_value();
  return std::get<IkeRekeyRequest>(request.detail).collision.has_value();
}

void Abandon(Context& cx, IkeSa& sa) {
  bool child = std::holds_alternative<ChildRequest>(sa.request->detail);
  cx.Bump(child ? Count::kChildCollision : Count::kIkeCollision);
  cx.Log(Severity::kInfo, sa, "both sides were rekeying at once: the peer's stays");
  child ? AbandonChildRequest(cx, sa) : AbandonIkeRequest(cx, sa);
}

void Fail(Context& cx, IkeSa& sa, std::string_view why) {
  if (LostCollision(*sa.request)) return Abandon(cx, sa);
  bool child = std::holds_alternative<ChildRequest>(sa.request->detail);
  child ? FailChildRequest(cx, sa, why) : FailIkeRequest(cx, sa, why);
}

// What the peer began and has lost: it will not go on with it.
void ForgetTheirs(Context& cx, IkeSa& sa) {
  if (!sa.pending || !HasCollision(*sa.request)) return;
  auto* ours = std::get_if<ChildRequest>(&sa.request->detail);
  bool same = ours ? sa.pending->child() == ours->child.replaces : sa.pending->is_ike();
  if (!same) return;
  sa.pending.reset();
  cx.Cancel(TimerKind::kFollowUp, sa.id);
}

void Send(Context& cx, IkeSa& sa) {
  FollowUp& more = MoreOf(*sa.request);
  PayloadList list;
  list.Add(KePayload{First(more.left), more.key->public_value()});
  list.AddNotify(NotifyType::kAdditionalKeyExchange, more.link);
  sa.request->phase = Phase::kFollowUpSent;
  SendRequest(cx, sa, ExchangeType::kIkeFollowupKe, list.Encode());
}

void Complete(Context& cx, IkeSa& sa) {
  bool child = std::holds_alternative<ChildRequest>(sa.request->detail);
  child ? CompleteChildRequest(cx, sa) : CompleteIkeRequest(cx, sa);
}

}  // namespace

bool GoOnWithFollowUp(Context& cx, IkeSa& sa) {
  FollowUp& more = MoreOf(*sa.request);
  if (!Any(more.left)) return false;
  if (LostCollision(*sa.request)) {
    Abandon(cx, sa);
    return true;
  }
  ForgetTheirs(cx, sa);
  sa.request->phase = Phase::kMakingNextKey;
  sa.request->job = cx.Run(sa, std::make_unique<KeyExchangeJob>(First(more.left), Bytes{}));
  return true;
}

void OnFollowUpJob(Context& cx, IkeSa& sa, KeyExchangeJob& job) {
  FollowUp& more = MoreOf(*sa.request);
  if (sa.request->phase == Phase::kMakingNextKey) {
    more.key = job.TakeKey();
    if (!more.key) return Fail(cx, sa, Cat("no key exchange ", Name(First(more.left)), " in this build"));
    if (LostCollision(*sa.request)) return Abandon(cx, sa);
    return Send(cx, sa);
  }
  if (!job.secret()) {
    cx.Bump(Count::kPublicValueRefused);
    return Fail(cx, sa, "the peer's public value is not valid");
  }
  more.Add(*job.secret());
  if (!GoOnWithFollowUp(cx, sa)) Complete(cx, sa);
}

void OnFollowUpResponse(Context& cx, IkeSa& sa, const Inbound& in) {
  FollowUp& more = MoreOf(*sa.request);
  if (in.form == MessageForm::kRefusal) {
    NotifyType type = in.Error()->type;
    if (type == NotifyType::kTemporaryFailure) cx.Bump(Count::kTemporaryFailureReceived);
    return Fail(cx, sa, Cat("the peer answers ", Name(type), " to IKE_FOLLOWUP_KE"));
  }
  auto& ke = *in.Get<KePayload>();
  const KeGroup group = First(more.left);
  if (ke.group != group || ke.data.size() != Find(group)->responder_public) {
    return Fail(cx, sa, Cat("IKE_FOLLOWUP_KE answered with a KE payload that is not of ", Name(group)));
  }
  auto rest = more.left;
  PopFirst(rest);
  auto* link = in.Notify(NotifyType::kAdditionalKeyExchange);
  if (Any(rest) && !link) return Fail(cx, sa, "IKE_FOLLOWUP_KE answered without ADDITIONAL_KEY_EXCHANGE");
  if (link) more.link = ToBytes(link->data);
  sa.request->phase = Phase::kFollowUpDeriving;
  sa.request->job = cx.Run(sa, std::make_unique<KeyExchangeJob>(std::move(more.key), ToBytes(ke.data)));
}

void AwaitFollowUp(Context& cx, IkeSa& sa, PendingFollowUp pending, PayloadList& answer) {
  sa.pending = std::make_unique<PendingFollowUp>(std::move(pending));
  Bytes link = cx.random.Take(kLinkSize);
  answer.AddNotify(NotifyType::kAdditionalKeyExchange, link);
  auto* child = std::get_if<ChildReply>(&sa.pending->detail);
  (child ? child->child.more : std::get<IkeRekeyReply>(sa.pending->detail).more).link = std::move(link);
  cx.Arm(TimerKind::kFollowUp, sa.id, cx.now + kFollowUpLife);
}

void RefuseFollowUp(Context& cx, IkeSa& sa, const Inbound& in) { ReplyNotify(cx, sa, in.header, NotifyType::kStateNotFound); }

void OnFollowUpRequest(Context& cx, IkeSa& sa, const Inbound& in) {
  auto* link = in.Notify(NotifyType::kAdditionalKeyExchange);
  // B49, RFC 9370 2.2.4.
  if (!sa.pending || !link || !Equal(link->data, sa.pending->more().link)) return RefuseFollowUp(cx, sa, in);
  auto& ke = *in.Get<KePayload>();
  const KeGroup group = First(sa.pending->more().left);
  if (ke.group != group || ke.data.size() != Find(group)->initiator_public) {
    cx.Log(Severity::kWarning, sa, Cat("IKE_FOLLOWUP_KE without a KE payload of ", Name(group)));
    return ReplyNotify(cx, sa, in.header, NotifyType::kInvalidSyntax);
  }
  sa.reply = ReplyInProgress{.message_id = in.header.message_id, .exchange = in.header.exchange};
  std::visit([&](auto& detail) { sa.reply->detail = std::move(detail); }, sa.pending->detail);
  sa.pending.reset();
  cx.Cancel(TimerKind::kFollowUp, sa.id);
  sa.reply->job = cx.Run(sa, std::make_unique<KeyExchangeJob>(group, ToBytes(ke.data)));
}

void OnFollowUpReplyJob(Context& cx, IkeSa& sa, KeyExchangeJob& job) {
  IkeHeader request{.exchange = sa.reply->exchange, .message_id = sa.reply->message_id};
  std::unique_ptr<KeyExchange> key = job.TakeKey();
  if (!job.secret() || !key) {
    cx.Bump(Count::kPublicValueRefused);
    return ReplyNotify(cx, sa, request, NotifyType::kInvalidSyntax);
  }
  FollowUp& more = MoreOf(*sa.reply);
  PayloadList list;
  list.Add(KePayload{First(more.left), key->public_value()});
  more.Add(*job.secret());
  const bool ike = std::holds_alternative<IkeRekeyReply>(sa.reply->detail);
  if (!Any(more.left)) return ike ? CompleteIkeReply(cx, sa, list) : CompleteChildReply(cx, sa, list);
  PendingFollowUp pending;
  if (ike) {
    pending.detail = std::move(std::get<IkeRekeyReply>(sa.reply->detail));
  } else {
    pending.detail = std::move(std::get<ChildReply>(sa.reply->detail));
  }
  AwaitFollowUp(cx, sa, std::move(pending), list);
  sa.reply.reset();
  SendReply(cx, sa, request, list.Encode());
  Pump(cx, sa);
}

void OnFollowUpTimer(Context& cx, IkeSa& sa) {
  if (!sa.pending) return;
  cx.Bump(Count::kFollowUpExpired);
  cx.Log(Severity::kInfo, sa, "the peer has not gone on with its additional key exchanges");
  ChildId child = sa.pending->child();
  bool ike = sa.pending->is_ike();
  sa.pending.reset();
  // Ours may have stood back for it.
  ChildSa* old = sa.Find(child);
  if (old && old->state == ChildState::kInstalled) cx.Arm(TimerKind::kRekeyChild, child, cx.now + kAgainAfterRefusal);
  if (ike && sa.state == IkeState::kEstablished) cx.Arm(TimerKind::kRekeyIke, sa.id, cx.now + kAgainAfterRefusal);
  Pump(cx, sa);
}

}  // namespace culvert::ike
