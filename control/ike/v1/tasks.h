#pragma once

#include "control/ike/v1/context.h"

// What is to be done with a peer: many at once, for each quick mode is an exchange of its own.
namespace culvert::ike::v1 {

// Now where the SA is ready, otherwise as soon as it is. A SA that cannot do it any more (kDeparted, kReplaced) passes it
// to one that can, or calls the peer.
void Enqueue(Context& cx, IkeSa& sa, Task task);
void Pump(Context& cx, IkeSa& sa);

// Somebody wants something of a peer there may be no SA with yet.
struct Call {
  ConnectionRef connection;
  Tasks tasks;
  unsigned attempt = 1;
  Time not_before{};
  IkeId replaces = 0;
};
void Want(Context& cx, Call call);
void OnSourceFound(Context& cx, IkeSa& sa, const Endpoint& local);
void OnRouteRetry(Context& cx, IkeSa& sa);

bool IsUpOrComing(Context& cx, const ChildName& name);

}  // namespace culvert::ike::v1
