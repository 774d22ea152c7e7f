#include "common/bytes/reader.h"
#include "control/ike/cat.h"
#include "control/ike/v2/child_install.h"
#include "control/ike/v2/child_offer.h"
#include "control/ike/v2/collision.h"
#include "control/ike/v2/create_child.h"
#include "control/ike/v2/follow_up.h"
#include "control/ike/v2/rekey_ike.h"
#include "control/ike/v2/reply.h"
#include "control/ike/v2/sa_init.h"
#include "control/ike/v2/send.h"
#include "control/ike/v2/tasks.h"

namespace culvert::ike {
namespace {

// RFC 7296 2.25.1: whether that child may be rekeyed now.
std::optional<NotifyType> MayNotRekey(IkeSa& sa, const ChildSa* old) {
  if (!old) return NotifyType::kChildSaNotFound;
  if (CollisionSuccessor(sa, old->id)) return NotifyType::kTemporaryFailure;  // it has done so already
  switch (old->state) {
    case ChildState::kInstalled:
    case ChildState::kRekeying: return std::nullopt;
    case ChildState::kRetired: return NotifyType::kChildSaNotFound;
    default: return NotifyType::kTemporaryFailure;
  }
}

ChildSa* FindRekeyed(IkeSa& sa, const NotifyPayload& n) {
  bool child = n.protocol == IpsecProtocol::kEsp || n.protocol == IpsecProtocol::kAh;
  return child && n.spi.size() == 4 ? sa.FindByPeerSpi(n.protocol, Reader(n.spi).U32()) : nullptr;
}

// RFC 7296 2.25: CHILD_SA_NOT_FOUND names the SPI that REKEY_SA named.
void ReplyNotFound(Context& cx, IkeSa& sa, const Inbound& in, const NotifyPayload& rekey) {
  cx.Bump(Count::kChildSaNotFoundSent);
  PayloadList list;
  list.Add(NotifyPayload{.protocol = rekey.protocol, .type = NotifyType::kChildSaNotFound, .spi = rekey.spi, .data = {}});
  SendReply(cx, sa, in.header, list.Encode());
}

// Limits on what an authenticated peer may ask for (D12).
std::optional<NotifyType> OverLimit(Context& cx, IkeSa& sa, bool rekeys) {
  if (!sa.allowance.children.Take(cx.now) || (!rekeys && cx.ShortOfMemory())) return NotifyType::kTemporaryFailure;
  if (!rekeys && sa.LiveChildren() >= kMaxChildrenPerIke) return NotifyType::kNoAdditionalSas;
  return std::nullopt;
}

PayloadList AnswerTo(const ChildReply& r) {
  PayloadList list;
  AddMode(r.child, list);
  list.Add(r.answer);
  list.Add(NoncePayload{list.Keep(r.child.nonce_r)});
  if (r.child.key) list.Add(KePayload{r.child.group, list.Keep(ToBytes(r.child.key->public_value()))});
  AddSelectors(r, list);
  return list;
}

// RFC 9370 2.2.4: all is agreed on but the additional key exchanges.
void AnswerAndAwait(Context& cx, IkeSa& sa, PayloadList& answer) {
  IkeHeader request{.exchange = sa.reply->exchange, .message_id = sa.reply->message_id};
  ChildReply r = std::move(std::get<ChildReply>(sa.reply->detail));
  bool gone = r.child.replaces != 0 && MayNotRekey(sa, sa.Find(r.child.replaces));
  if (gone || sa.state != IkeState::kEstablished) return ReplyNotify(cx, sa, request, NotifyType::kTemporaryFailure);
  r.child.key.reset();
  if (auto* ours = OurRekeyOf(sa, r.child.replaces)) {
    ours->collision = PeerRekey<ChildId>{0, r.child.nonce_i, r.child.nonce_r};
  }
  AwaitFollowUp(cx, sa, {std::move(r)}, answer);
  sa.reply.reset();
  SendReply(cx, sa, request, answer.Encode());
  Pump(cx, sa);
}

}  // namespace

void RefuseForNow(Context& cx, IkeSa& sa, const Inbound& in) { ReplyNotify(cx, sa, in.header, NotifyType::kTemporaryFailure); }

void OnCreateChildRequest(Context& cx, IkeSa& sa, const Inbound& in) {
  SettleByUse(cx, sa);
  if (in.form == MessageForm::kRekeyIke) return OnRekeyIkeRequest(cx, sa, in);
  // RFC 7296 2.25.2: no Child SA is made while we replace the IKE SA.
  if (OurIkeRekey(sa)) return RefuseForNow(cx, sa, in);
  auto* rekey = in.Notify(NotifyType::kRekeySa);
  ChildSa* old = rekey ? FindRekeyed(sa, *rekey) : nullptr;
  if (auto over = OverLimit(cx, sa, rekey)) return ReplyNotify(cx, sa, in.header, *over);
  if (rekey) {
    auto refusal = MayNotRekey(sa, old);
    if (refusal == NotifyType::kChildSaNotFound) return ReplyNotFound(cx, sa, in, *rekey);
    if (refusal) return ReplyNotify(cx, sa, in.header, *refusal);
  }
  auto answer = AnswerOffer(cx, sa, in, old);
  if (!answer) {
    Refusal& no = answer.error();
    cx.Log(Severity::kWarning, sa, Cat("CREATE_CHILD_SA refused with ", Name(no.type), ": ", no.why));
    return ReplyNotify(cx, sa, in.header, no.type, std::move(no.data));
  }
  answer->child.nonce_i = ToBytes(in.Get<NoncePayload>()->data);
  answer->child.nonce_r = cx.random.Take(kNonceSize);
  KeGroup group = answer->child.group;
  Bytes peer_public = answer->peer_public;
  sa.reply = ReplyInProgress{.message_id = in.header.message_id, .exchange = in.header.exchange, .detail = *std::move(answer)};
  if (group == KeGroup::kNone) return CompleteChildReply(cx, sa, AnswerTo(std::get<ChildReply>(sa.reply->detail)));
  sa.reply->job = cx.Run(sa, std::make_unique<KeyExchangeJob>(group, std::move(peer_public)));
}

void OnReplyJob(Context& cx, IkeSa& sa, KeyExchangeJob& job) {
  if (sa.reply->exchange == ExchangeType::kIkeFollowupKe) return OnFollowUpReplyJob(cx, sa, job);
  if (std::holds_alternative<IkeRekeyReply>(sa.reply->detail)) return OnRekeyIkeReplyJob(cx, sa, job);
  auto& r = std::get<ChildReply>(sa.reply->detail);
  IkeHeader request{.exchange = sa.reply->exchange, .message_id = sa.reply->message_id};
  if (!job.secret()) {
    cx.Bump(Count::kPublicValueRefused);
    return ReplyNotify(cx, sa, request, NotifyType::kInvalidSyntax);
  }
  r.child.shared_secret = *std::move(job.secret());
  r.child.key = job.TakeKey();
  PayloadList answer = AnswerTo(r);
  if (!Any(r.child.more.left)) return CompleteChildReply(cx, sa, answer);
  AnswerAndAwait(cx, sa, answer);
}

void CompleteChildReply(Context& cx, IkeSa& sa, const PayloadList& answer) {
  IkeHeader request{.exchange = sa.reply->exchange, .message_id = sa.reply->message_id};
  ChildReply r = std::move(std::get<ChildReply>(sa.reply->detail));
  sa.reply->detail = std::monostate{};
  ChildSa* old = sa.Find(r.child.replaces);
  // What was true when the request came may not be when the public-key work is done.
  bool gone = r.child.replaces != 0 && MayNotRekey(sa, old);
  if (gone || sa.state != IkeState::kEstablished) return ReplyNotify(cx, sa, request, NotifyType::kTemporaryFailure);
  HeldReply held{.ready = answer.Encode(), .refused = NotifyChain(NotifyType::kNoAdditionalSas), .awaiting = {}};

  PeerRekey<ChildId> theirs{0, r.child.nonce_i, r.child.nonce_r};
  ChildSa& child = AddChild(cx, sa, std::move(r.child));
  theirs.successor = child.id;
  if (auto* ours = OurRekeyOf(sa, child.replaces)) {
    ours->collision = std::move(theirs);  // judged when our own request is answered
  } else if (old) {
    MarkRekeyed(cx, *old, child);
  }
  InstallInbound(cx, sa, child);
  held.awaiting = {child.id};
  HoldReply(cx, sa, request, std::move(held));
}

}  // namespace culvert::ike
