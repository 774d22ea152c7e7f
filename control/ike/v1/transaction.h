#pragma once

#include "control/ike/v1/receive.h"
#include "control/ike/wire/v1/config_attribute.h"
#include "control/pools/attributes.h"

// What XAUTH and mode config have in common: transactions, and the steps from one to the next. Inside their room; user.h is its
// door.
namespace culvert::ike::v1 {

inline void Add(const pools::Attribute& a, AttributeList& list) { list.Add(static_cast<ConfigAttribute>(a.type), a.value); }

// Begins a transaction of ours with REQUEST or SET, which is sa.user->pending from now on.
void Ask(Context& cx, IkeSa& sa, TransactionType type, const AttributeList& attributes);
// Ends the one that is, answered or not. References to its exchange and to what the peer said in it are void then.
void EndPending(Context& cx, IkeSa& sa);
// REPLY or ACK, the last message of a transaction of the peer's.
void Respond(Context& cx, IkeSa& sa, Exchange& exchange, TransactionType type, const AttributeList& attributes);

// XAUTH is done, or not wanted: mode config is next, where we have to begin it or to wait for it.
void AfterXauth(Context& cx, IkeSa& sa);
// All is done: OnReady.
void FinishUser(Context& cx, IkeSa& sa);
// It came to nothing, and so did phase 1. The peer is told.
void FailUser(Context& cx, IkeSa& sa, std::string_view why);

}  // namespace culvert::ike::v1
