#pragma once

#include "control/ike/context.h"

// The queue of what an IKE SA is to do with requests of its own: one at a time, for the window is 1.
namespace culvert::ike {

enum class Where : uint8_t { kFront, kBack };
// A task already queued, for nobody in particular, is not queued twice.
void Enqueue(Context& cx, IkeSa& sa, Task task, Where where = Where::kBack);
// Starts what may be started now.
void Pump(Context& cx, IkeSa& sa);
// The request in progress has been dealt with in full.
void FinishRequest(Context& cx, IkeSa& sa);
// It cannot be done now, be it for TEMPORARY_FAILURE (RFC 7296 2.25): its task waits a while.
void PostponeRequest(Context& cx, IkeSa& sa);

// MOBIKE's own: they may come between the messages of any other deed.
bool IsAboutAddresses(const Task& task);

// Whether some IKE SA has that child, or is to have it; what is on its way out, and `except`, do not count, nor what is up but
// was narrowed to less than `packet` needs.
bool IsUpOrComing(Context& cx, const ChildName& name);

}  // namespace culvert::ike
