#pragma once

#include "control/ike/v1/context.h"
#include "control/ike/wire/v1/payloads.h"

// DPD (RFC 3706): R-U-THERE after dpd_delay of silence, every dpd_delay; the peer is dead after dpd_timeout without an answer
// or anything else of its own. ESP in UDP takes the way of IKE, and counts as much; raw ESP proves the peer and not that way,
// and only makes the probes fewer.
namespace culvert::ike::v1 {

// Where the peer has announced it and the connection wants it.
void StartLiveness(Context& cx, IkeSa& sa);
void OnLivenessTimer(Context& cx, IkeSa& sa);
// What the data plane says of a child's ESP, and that it does not say anything in time.
void NoteUse(Context& cx, IkeSa& sa, const ChildUse& use);
void OnUseAnswerTimer(Context& cx, IkeSa& sa);
// R-U-THERE and its answer.
void OnLivenessNotify(Context& cx, IkeSa& sa, const NotifyPayload& notify);

}  // namespace culvert::ike::v1
