#include "control/ike/v2/reply.h"

#include <algorithm>

#include "control/ike/v2/child_install.h"
#include "control/ike/v2/closing.h"
#include "control/ike/v2/send.h"
#include "control/ike/v2/tasks.h"

namespace culvert::ike {

void HoldReply(Context& cx, IkeSa& sa, const IkeHeader& request, HeldReply held) {
  if (!sa.reply) sa.reply = ReplyInProgress{.message_id = request.message_id, .exchange = request.exchange};
  sa.reply->ready = std::move(held.ready);
  sa.reply->refused = std::move(held.refused);
  sa.reply->awaiting = std::move(held.awaiting);
  sa.reply->then_close = held.then_close;
  for (ChildId id : sa.reply->awaiting) {
    IkeSa* owner = cx.sas.OwnerOf(id);
    if (ChildSa* c = owner ? owner->Find(id) : nullptr) c->awaited_by = sa.id;
  }
  ProceedReply(cx, sa);
}

void ProceedReply(Context& cx, IkeSa& sa) {
  if (!sa.reply || !sa.reply->ready) return;
  bool waits = std::ranges::any_of(sa.reply->awaiting, [&](ChildId id) {
    IkeSa* owner = cx.sas.OwnerOf(id);
    ChildSa* c = owner ? owner->Find(id) : nullptr;
    return c && c->installing();
  });
  if (waits) return;
  ReplyInProgress reply = *std::exchange(sa.reply, std::nullopt);
  SendReply(cx, sa, reply.message_id, reply.exchange, *reply.ready);
  if (reply.then_close) return CloseIke(cx, sa, Why::kPeerDeleted);
  for (ChildId id : reply.awaiting) {
    ChildSa* c = sa.Find(id);
    if (c && !c->requester && c->out == HalfState::kAbsent && c->live()) StartUsing(cx, sa, *c);
  }
  Pump(cx, sa);
}

bool RefuseReply(Context&, IkeSa& sa, ChildId child) {
  ChildSa* c = sa.Find(child);
  bool awaited = sa.reply && sa.reply->ready && std::ranges::contains(sa.reply->awaiting, child);
  if (!awaited || !c || c->requester || c->out != HalfState::kAbsent) return false;
  sa.reply->ready = std::move(sa.reply->refused);
  return true;
}

void ReplyNotify(Context& cx, IkeSa& sa, const IkeHeader& request, NotifyType type, Bytes data) {
  if (type == NotifyType::kTemporaryFailure) cx.Bump(Count::kTemporaryFailureSent);
  if (type == NotifyType::kChildSaNotFound) cx.Bump(Count::kChildSaNotFoundSent);
  if (type == NotifyType::kNoAdditionalSas) cx.Bump(Count::kNoAdditionalSasSent);
  if (type == NotifyType::kTsUnacceptable) cx.Bump(Count::kTsUnacceptable);
  if (type == NotifyType::kNoProposalChosen) cx.Bump(Count::kNoProposalChosen);
  if (type == NotifyType::kInvalidKePayload) cx.Bump(Count::kInvalidKeSent);
  if (type == NotifyType::kInvalidSyntax) cx.Bump(Count::kInvalidSyntaxSent);
  if (type == NotifyType::kStateNotFound) cx.Bump(Count::kStateNotFoundSent);
  sa.reply.reset();
  SendReply(cx, sa, request, NotifyChain(type, std::move(data)));
  // RFC 7296 2.21.3: the peer takes the IKE SA for ended.
  if (type == NotifyType::kInvalidSyntax) return CloseIke(cx, sa, Why::kProtocolError);
  Pump(cx, sa);
}

}  // namespace culvert::ike
