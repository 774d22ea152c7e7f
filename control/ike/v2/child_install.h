#pragma once

#include "control/ike/context.h"

// From a negotiated Child SA to one that carries traffic, and back: RFC 7296 2.8, make before break.
namespace culvert::ike {

// Derives its keys from `sa`'s SK_d and puts it into the books. Nothing is in the data plane yet.
ChildSa& AddChild(Context& cx, IkeSa& sa, ChildNegotiation negotiated);
void InstallInbound(Context& cx, IkeSa& sa, ChildSa& child);
void InstallOutbound(Context& cx, IkeSa& sa, ChildSa& child);
void OnChildInstalled(Context& cx, const ChildInstalled& event);

// A replier's child whose answer has gone out: it sends on it at once or, where there is another to send on meanwhile, when the
// peer shows it is ready for that.
void StartUsing(Context& cx, IkeSa& sa, ChildSa& child);
// Traffic came in on it: as a successor it may be sent on.
void OnPeerUsesChild(Context& cx, IkeSa& sa, ChildId child);
void OnChildUseTimer(Context& cx, IkeSa& sa, ChildId child);

// The children's packets go another way (IkeSa::esp_path): the data plane is told, and what that way cannot carry ends.
void TellChildren(Context& cx, IkeSa& sa);

// `old` has a successor.
void MarkRekeyed(Context& cx, ChildSa& old, ChildSa& successor);
// `child` of `from`, whose peer has lost its IKE SA, goes to `to` and waits there for its successor: no Delete will come.
void HandOver(Context& cx, IkeSa& from, ChildSa& child, IkeSa& to, ChildSa& successor);
// The IKE SA goes: children elsewhere that waited to take the place of its own do so now.
void ReleaseTwins(Context& cx, const IkeSa& sa);
// The peer has deleted the IKE SA, and has the same children in another: they take over, and what is still on its way comes in.
// Returns those that are not sent on yet.
std::vector<ChildId> HandOverToTwins(Context& cx, IkeSa& sa);
// A replaced child was deleted: what it sent goes out on its successor, stragglers still come in for delete_rekeyed_delay.
void Retire(Context& cx, IkeSa& sa, ChildSa& child);
// A child goes: the one it was to replace, if that is still there, is in force again.
void RestorePredecessor(Context& cx, IkeSa& sa, const ChildSa& child);
void RemoveOutbound(Context& cx, ChildSa& child);
void RemoveHalves(Context& cx, ChildSa& child);

void OnRekeyChildTimer(Context& cx, IkeSa& sa, ChildId child);
void OnChildOverdueTimer(Context& cx, IkeSa& sa, ChildId child);

}  // namespace culvert::ike
