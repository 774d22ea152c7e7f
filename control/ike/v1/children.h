#pragma once

#include "control/ike/v1/context.h"

// IPsec SAs of quick mode in the data plane, from their birth to their end.
namespace culvert::ike::v1 {

// What an exchange of quick mode agreed on: keys are derived here. The inbound half is installed at once, the outbound one by
// UseChild: an initiator at once, a responder when the third message, CONNECTED or ESP shows that the peer is ready (traps.md).
ChildSa& AddChild(Context& cx, IkeSa& sa, const QuickMode& agreed);
void UseChild(Context& cx, IkeSa& sa, ChildSa& child);

void OnChildInstalled(Context& cx, const ChildInstalled& event);
void OnChildUse(Context& cx, const ChildUse& use);
void OnChildTimer(Context& cx, TimerKind kind, IkeSa& sa, ChildId child);
void OnHardExpired(Context& cx, ChildId child);

// Out of the data plane and the books. DeleteChild also tells the peer.
void EraseChild(Context& cx, IkeSa& sa, ChildId child);
void DeleteChild(Context& cx, IkeSa& sa, ChildId child);
// All children, to another SA with the same peer.
void HandOver(Context& cx, IkeSa& from, IkeSa& to);
// The way to the peer has changed, or its address has.
void TellChildren(Context& cx, IkeSa& sa);

}  // namespace culvert::ike::v1
