#pragma once

#include "control/ike/v2/child_offer.h"
#include "control/ike/v2/child_selectors.h"

// CP payloads in IKE_AUTH (RFC 7296 2.19, 3.15): a gateway with `pools` lends inner addresses, one with `vips` asks for some.
// What was lent is what `dynamic` stands for on that side, instead of the outer address.
namespace culvert::ike {

inline constexpr size_t kMaxLent = 8;   // addresses of one IKE SA

// Responder, once the peer is authenticated and its connection known: lends what its CFG_REQUEST asks for, as far as there is
// any. Why there can be no Child SA: nothing could be lent (INTERNAL_ADDRESS_FAILURE), or nothing was asked for where the
// connection's pools are to be used (FAILED_CP_REQUIRED).
std::optional<Refusal> LendAddresses(Context& cx, IkeSa& sa, const Inbound& in);
// CFG_REPLY, where there was a CFG_REQUEST and the connection has pools.
void AddCpReply(const Context& cx, const IkeSa& sa, const Inbound& in, PayloadList& list);

// Initiator: CFG_REQUEST, where the connection has `vips`.
void AddCpRequest(Context& cx, const IkeSa& sa, PayloadList& list);
// Takes note of what the answer lends.
void TakeCpReply(Context& cx, IkeSa& sa, const Inbound& in);
// `n` was answered: its selectors on our side become those of what was lent. Why they cannot.
std::optional<Refusal> NarrowToBorrowed(const IkeSa& sa, ChildNegotiation& n);

// The connection has `vips`, and IKE_AUTH has brought none.
bool LacksAddress(const IkeSa& sa);

// ConfiguredFor(), with what is lent at either end. As long as IKE_AUTH has not been answered, ours is any address of the
// families that are asked for.
Selectors SelectorsFor(const IkeSa& sa, const config::Child& c);

}  // namespace culvert::ike
