#pragma once

#include "control/ike/sa/child_selectors.h"
#include "control/ike/v2/receive.h"

// Traffic selectors and mode of a Child SA as they come in a message (RFC 7296 2.9, 1.3.1).
namespace culvert::ike {

Selectors SelectorsIn(const Inbound& in, bool we_are_requester);

// RFC 7296 1.3.1: whether the message asks for transport mode, or agrees to it.
bool SaysTransport(const Inbound& in);
// RFC 7296 1.3.1: false where the peer says that it takes no padding against traffic analysis.
bool TakesPadding(const Inbound& in);

}  // namespace culvert::ike
