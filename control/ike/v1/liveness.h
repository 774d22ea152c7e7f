#pragma once

#include "control/ike/v1/context.h"

// DPD (RFC 3706): R-U-THERE after dpd_delay of silence, every dpd_delay; the peer is dead after dpd_timeout without an answer
// or anything else of IKE that is its own.
namespace culvert::ike::v1 {

// Where the peer has announced it and the connection wants it.
void StartLiveness(Context& cx, IkeSa& sa);
void OnLivenessTimer(Context& cx, IkeSa& sa);

}  // namespace culvert::ike::v1
