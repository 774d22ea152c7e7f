#pragma once

#include "control/ike/v2/payload_list.h"
#include "control/ike/v2/receive.h"

// IKE_FOLLOWUP_KE (RFC 9370 2.2.4): the additional key exchanges of a CREATE_CHILD_SA, one exchange each, linked to it and to
// one another by ADDITIONAL_KEY_EXCHANGE notifies. What was asked for exists when the last one is done.
//
// Both sides at once: a rekeying whose nonces lose (RFC 7296 2.8) is not gone on with, and so leaves nothing to delete; its
// replier forgets it.
namespace culvert::ike {

// ---- requester ----
// The shared secret of CREATE_CHILD_SA, or of the last round, is there. True where another round is under way now, or where
// ours is given up for the peer's; false where all that is needed has been agreed on.
bool GoOnWithFollowUp(Context& cx, IkeSa& sa);
// Of sa.request, in one of its follow-up phases.
void OnFollowUpJob(Context& cx, IkeSa& sa, KeyExchangeJob& job);
void OnFollowUpResponse(Context& cx, IkeSa& sa, const Inbound& in);

// ---- replier ----
// Adds the link to an answer after which the peer is to go on, and keeps what it belongs to: `detail` of sa.reply.
void AwaitFollowUp(Context& cx, IkeSa& sa, PendingFollowUp pending, PayloadList& answer);
void OnFollowUpRequest(Context& cx, IkeSa& sa, const Inbound& in);
void OnFollowUpReplyJob(Context& cx, IkeSa& sa, KeyExchangeJob& job);
// STATE_NOT_FOUND.
void RefuseFollowUp(Context& cx, IkeSa& sa, const Inbound& in);
void OnFollowUpTimer(Context& cx, IkeSa& sa);

}  // namespace culvert::ike
