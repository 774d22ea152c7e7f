#pragma once

#include "absl/functional/function_ref.h"
#include "control/ike/v1/transaction.h"

// Mode config (draft-dukes-ike-mode-cfg-02): the client pulls its inner address and what else it asks for in a REQUEST, or the
// server pushes them in a SET.
namespace culvert::ike::v1 {

// Server.
void OnConfigRequest(Context& cx, IkeSa& sa, Exchange& exchange, const AttributesPayload& request);
void PushConfig(Context& cx, IkeSa& sa);
// Client.
void PullConfig(Context& cx, IkeSa& sa);
void OnConfigReply(Context& cx, IkeSa& sa, const AttributesPayload& reply);
void OnConfigSet(Context& cx, IkeSa& sa, Exchange& exchange, const AttributesPayload& set);

// Whether the connection leases addresses of that family.
bool LeasesOut(const Context& cx, const IkeSa& sa, Family family);
// The one the peer has already, or else what RADIUS says or a pool gives; nullopt, with a line in the log: there is none.
// `wanted` is unspecified where any will do.
std::optional<IpAddress> LeaseToPeer(Context& cx, IkeSa& sa, const IpAddress& wanted);
// What is configured of the attributes that `wants` admits, without the addresses.
void AddConfigured(const Context& cx, const IkeSa& sa, absl::FunctionRef<bool(ConfigAttribute)> wants, AttributeList& list);

}  // namespace culvert::ike::v1
