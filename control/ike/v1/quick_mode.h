#pragma once

#include "control/ike/v1/quick_mode_state.h"
#include "control/ike/v1/receive.h"

// Quick mode (RFC 2409 5.5): one IPsec SA pair an exchange, several exchanges at once.
//
//   HDR*, HASH(1), SA, Ni [, KE ] [, IDci, IDcr ]  -->
//                                                  <--  HDR*, HASH(2), SA, Nr [, KE ] [, IDci, IDcr ]
//   HDR*, HASH(3)                                  -->
//
// Either side has its inbound half in the data plane before it says what lets the other send: the responder before the second
// message, the initiator before the third. What is rekeyed thus loses nothing. Only the responder can recover a third message
// that is lost: it repeats the second until the third comes, or CONNECTED, or ESP on the new SA.
//
// A quick mode is for one selector a side. A child with several begins one for each pair of them, so that all it names is
// protected (charon's is for the first pair alone). A peer that offers more than a child has is answered with the child's, as
// charon answers; one that offers everything because it is Cisco's client is answered as it asked, and what is installed is
// ours.
namespace culvert::ike::v1 {

// kNewChild or kRekeyChild. `sa` is established.
void BeginQuickMode(Context& cx, IkeSa& sa, Task task);
// The first message of an exchange of the peer's; HASH was good, Accept() called.
void OnQuickRequest(Context& cx, IkeSa& sa, Exchange& exchange, const Inbound& in);
// The second or third; the fourth, where the peer says CONNECTED there.
void OnQuickMessage(Context& cx, IkeSa& sa, Exchange& exchange, const Inbound& in);
void OnQuickJob(Context& cx, IkeSa& sa, Exchange& exchange, KeyExchangeJob& job);
// CONNECTED (RFC 2408 3.1): the peer who set the commit bit is ready.
void OnConnected(Context& cx, IkeSa& sa, Exchange& exchange);
// It came to nothing: the task that asked for it ends, what was to be replaced is in force again.
void AbandonQuickMode(Context& cx, IkeSa& sa, Exchange& exchange, std::string_view why);

// The data plane has the inbound half of the exchange's child: the next message goes out.
void OnInboundReady(Context& cx, IkeSa& sa, Exchange& exchange);
// ESP came in on the exchange's child: as good as its third message, or CONNECTED.
void OnPeerSends(Context& cx, IkeSa& sa, Exchange& exchange);
// An error notify of the peer's, authenticated: of this exchange, or, as most senders do not say of which, of the only one it
// can be of. False: of none.
bool OnQuickError(Context& cx, IkeSa& sa, const NotifyPayload& error);

}  // namespace culvert::ike::v1
