#pragma once

#include "control/ike/context.h"
#include "control/ike/v2/payload_list.h"

// The way out. Every message of an IKE SA that has keys is sealed here, once; what is sent again are the same octets.
namespace culvert::ike {

// Our next request, in SK. The window must be free.
void SendRequest(Context& cx, IkeSa& sa, ExchangeType exchange, const Chain& chain);
// The same under the ID of the request in flight, to another responder (rivals.h).
void SendRequestAgain(Context& cx, IkeSa& sa, ExchangeType exchange, const Chain& chain);
// A request sealed before is in flight again, alone.
void ResendRequest(Context& cx, IkeSa& sa, ExchangeType exchange, Datagrams datagrams);
// The answer to the request being answered, in SK.
void SendReply(Context& cx, IkeSa& sa, const IkeHeader& request, const Chain& chain);
void SendReply(Context& cx, IkeSa& sa, uint32_t message_id, ExchangeType exchange, const Chain& chain);
// The last answer again, to where the repeated request came from.
void RepeatReply(Context& cx, const IkeSa& sa, const DatagramIn& request);

// The SA's path is another now: the request in flight goes that way at once, as often as if it were new. Only so often: else a
// peer that says it moves, again and again, would have us throw the request at whomever it names.
void ResendByNewPath(Context& cx, IkeSa& sa);

// IKE_SA_INIT, in clear. `again` replaces the request in flight (after COOKIE or INVALID_KE_PAYLOAD).
void SendInitRequest(Context& cx, IkeSa& sa, Bytes datagram, bool again);
// An answer that needs no IKE SA.
void AnswerInClear(Context& cx, const DatagramIn& request, Bytes datagram);

void OnRetransmitTimer(Context& cx, IkeSa& sa);

}  // namespace culvert::ike
