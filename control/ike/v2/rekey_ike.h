#pragma once

#include "control/ike/v2/payload_list.h"
#include "control/ike/v2/receive.h"

// CREATE_CHILD_SA that replaces the IKE SA itself (RFC 7296 1.3.2, 2.8, 2.18). The requester becomes the new SA's original
// initiator, whatever it was in the old one; children, tasks, path and what the peer is allowed move over.
namespace culvert::ike {

void StartRekeyIke(Context& cx, IkeSa& sa, Task task);
void OnRekeyIkeJob(Context& cx, IkeSa& sa, KeyExchangeJob& job);
void OnRekeyIkeResponse(Context& cx, IkeSa& sa, const Inbound& in);

// For follow_up.h: everything has been agreed on; nothing will come of it; the peer's own rekeying is to stay.
void CompleteIkeRequest(Context& cx, IkeSa& sa);
void FailIkeRequest(Context& cx, IkeSa& sa, std::string_view why);
void AbandonIkeRequest(Context& cx, IkeSa& sa);

void OnRekeyIkeRequest(Context& cx, IkeSa& sa, const Inbound& in);
void OnRekeyIkeReplyJob(Context& cx, IkeSa& sa, KeyExchangeJob& job);
// Makes the successor of sa.reply and answers with `answer`: the last message of the exchange that asked for it.
void CompleteIkeReply(Context& cx, IkeSa& sa, const PayloadList& answer);

// Simultaneous rekeying, and our own half will not be answered any more: the peer has deleted the old SA, or is silent. Its
// half takes over; false where there is none.
bool TakeOver(Context& cx, IkeSa& sa);
// Whether `sa` is what the peer's half made, while ours is not answered: which of the two stays is open.
bool IsUnsettled(Context& cx, const IkeSa& sa);
// The peer uses what its half made, which it would not do with a redundant SA: that decides, ahead of our own half's answer.
void SettleByUse(Context& cx, IkeSa& successor);

}  // namespace culvert::ike
