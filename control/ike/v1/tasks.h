#pragma once

#include "control/ike/v1/context.h"

// What is to be done with a peer: many at once, for each quick mode is an exchange of its own.
namespace culvert::ike::v1 {

// Now where the SA is ready, otherwise as soon as it is. An SA that cannot do it any more (kDeparted, kReplaced) passes it to
// one that can, or calls the peer.
void Enqueue(Context& cx, IkeSa& sa, Task task);
void Pump(Context& cx, IkeSa& sa);

// Somebody wants something of a peer there may be no SA with yet.
struct Call {
  ConnectionRef connection;
  Tasks tasks;
  unsigned attempt = 1;        // of keyingtries
  Time not_before{};
  IkeId replaces = 0;          // the ISAKMP SA that it is to take the place of
};
// By an SA of that connection there is or is coming, if there is one.
void Want(Context& cx, Call call);
// By a new one.
void Dial(Context& cx, Call call);
void OnSourceFound(Context& cx, IkeSa& sa, const Endpoint& local);
void OnRouteRetry(Context& cx, IkeSa& sa);
void OnPeerLookedUp(Context& cx, IkeSa& sa, const ResolveJob& job);

bool IsUpOrComing(Context& cx, const ChildName& name);

}  // namespace culvert::ike::v1
