#pragma once

#include "control/ike/v1/context.h"

// IPsec SAs of quick mode in the data plane, from their birth to their end.
//
// A successor takes the place of every child of the same name and selectors that was there when its exchange began. Two that
// are made at the same time, one by either side, thus both stay, until the next rekeying of either replaces both: IKEv1 has no
// rule by which the peer could tell which of them is too many. Of a replaced one nothing is sent any more as soon as its
// successor is sent on; whoever made that deletes the old one, delete_rekeyed_delay later.
namespace culvert::ike::v1 {

// What an exchange of quick mode has agreed on: keys are derived here, and the inbound half goes into the data plane. It is
// kept by `sa`, or by the SA that has taken that one's place.
ChildSa& AddChild(Context& cx, IkeSa& sa, Exchange& exchange);
// The outbound half: the peer is ready, or as good as that. `sa` keeps it. Once only.
void UseChild(Context& cx, IkeSa& sa, ChildSa& child);
// The newest live child of that name with those selectors; nullptr: there is none.
ChildSa* NewestOf(IkeSa& sa, const std::string& name, const SelectorList& local, const SelectorList& remote);

void OnChildInstalled(Context& cx, const ChildInstalled& event);
void OnChildUse(Context& cx, const ChildUse& use);
void OnChildTimer(Context& cx, TimerKind kind, IkeSa& sa, ChildId child);
void OnHardExpired(Context& cx, ChildId child);

// Out of the data plane and the books. DeleteChild also tells the peer.
void EraseChild(Context& cx, IkeSa& sa, ChildId child);
void DeleteChild(Context& cx, IkeSa& sa, ChildId child);
// The peer's Delete, by an SA of the same peer: which SPI, of which protocol, it does not receive on any more.
void OnPeerDeletes(Context& cx, IkeSa& by, IpsecProtocol protocol, uint32_t spi);
// All children, to another SA with the same peer.
void HandOver(Context& cx, IkeSa& from, IkeSa& to);
// The way to the peer has changed, or its address has.
void TellChildren(Context& cx, IkeSa& sa);

}  // namespace culvert::ike::v1
