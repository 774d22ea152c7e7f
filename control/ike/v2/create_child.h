#pragma once

#include "control/ike/v2/child_offer.h"

// CREATE_CHILD_SA for a further Child SA and for the successor of one (RFC 7296 1.3.1, 1.3.3). The IKE SA's own rekeying is
// in rekey_ike.h.
namespace culvert::ike {

// ---- requester ----
void StartNewChild(Context& cx, IkeSa& sa, Task task);
void StartRekeyChild(Context& cx, IkeSa& sa, Task task);
void OnCreateChildResponse(Context& cx, IkeSa& sa, const Inbound& in);
// Public-key work of sa.request or of sa.reply is done; both kinds of CREATE_CHILD_SA.
void OnRequestJob(Context& cx, IkeSa& sa, KeyExchangeJob& job);
void OnReplyJob(Context& cx, IkeSa& sa, KeyExchangeJob& job);

// For follow_up.h: everything has been agreed on; nothing will come of it; the peer's own rekeying is to stay.
void CompleteChildRequest(Context& cx, IkeSa& sa);
void FailChildRequest(Context& cx, IkeSa& sa, std::string_view why);
void AbandonChildRequest(Context& cx, IkeSa& sa);

// What the peer has made of our request and we cannot use is deleted there.
void DeleteUnwanted(Context& cx, IkeSa& sa, const ChildNegotiation& n);

// The group an INVALID_KE_PAYLOAD asks for, where we proposed it and have not come too often (RFC 7296 1.2): else kNone.
KeGroup GroupWanted(const NotifyPayload& notify, const SaPayload& offer, unsigned rounds);
inline constexpr unsigned kMaxKeRounds = 3;  // INVALID_KE_PAYLOAD answers in one CREATE_CHILD_SA

// ---- replier ----
void OnCreateChildRequest(Context& cx, IkeSa& sa, const Inbound& in);
// TEMPORARY_FAILURE (RFC 7296 2.25).
void RefuseForNow(Context& cx, IkeSa& sa, const Inbound& in);
// Makes the child of sa.reply and answers with `answer`: the last message of the exchange that asked for it.
void CompleteChildReply(Context& cx, IkeSa& sa, const PayloadList& answer);

}  // namespace culvert::ike
