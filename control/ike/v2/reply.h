#pragma once

#include "control/ike/context.h"
#include "control/ike/v2/receive.h"

// Answers that wait for the data plane: what a peer is told is in force is in force.
namespace culvert::ike {

// Sends `ready` once none of `awaiting` is being installed any more; `refused` where one of them was refused.
struct HeldReply {
  Chain ready, refused;
  std::vector<ChildId> awaiting;
  bool then_close = false;      // the peer has deleted the IKE SA
};
void HoldReply(Context& cx, IkeSa& sa, const IkeHeader& request, HeldReply held);
void ProceedReply(Context& cx, IkeSa& sa);
// The data plane refused `child`: true where the answer being held can still say so.
bool RefuseReply(Context& cx, IkeSa& sa, ChildId child);

// Answers with one notify, and is done with the request; with INVALID_SYNTAX also with the IKE SA.
void ReplyNotify(Context& cx, IkeSa& sa, const IkeHeader& request, NotifyType type, Bytes data = {});

}  // namespace culvert::ike
