#pragma once

#include "control/ike/v1/receive.h"

// Quick mode (RFC 2409 5.5): one IPsec SA pair an exchange, several exchanges at once.
namespace culvert::ike::v1 {

// kNewChild or kRekeyChild. `sa` is established.
void BeginQuickMode(Context& cx, IkeSa& sa, Task task);
// The first message of an exchange of the peer's; HASH was good, Accept() called.
void OnQuickRequest(Context& cx, IkeSa& sa, Exchange& exchange, const Inbound& in);
// The second or third.
void OnQuickMessage(Context& cx, IkeSa& sa, Exchange& exchange, const Inbound& in);
void OnQuickJob(Context& cx, IkeSa& sa, Exchange& exchange, KeyExchangeJob& job);
// CONNECTED (RFC 2408 3.1): the peer who set the commit bit is ready.
void OnConnected(Context& cx, IkeSa& sa, Exchange& exchange);
// It came to nothing: the task that asked for it ends, or tries again.
void AbandonQuickMode(Context& cx, IkeSa& sa, Exchange& exchange, std::string_view why);

}  // namespace culvert::ike::v1
