#pragma once

#include "control/ike/v1/receive.h"

namespace culvert::ike::v1 {

// An informational exchange (RFC 2409 5.7) whose HASH was good: deletes, notifies, DPD (RFC 3706), INITIAL-CONTACT,
// RESPONDER-LIFETIME. What has no good HASH has gone before, counted.
void OnInformational(Context& cx, IkeSa& sa, const Inbound& in);
// A notify that came inside another exchange.
void OnNotify(Context& cx, IkeSa& sa, Exchange* exchange, const NotifyPayload& notify);

}  // namespace culvert::ike::v1
