#pragma once

#include "control/ike/context.h"

// One direction of a Child SA on its way into the data plane and out of it.
namespace culvert::ike {

struct ChildPlace {
  const SaBase& sa;
  const Path& path;            // that its packets take
  ChildSa& child;
};
// Into the data plane, with the keys, which the child then has no more. Lifetimes are counted from child.installed, soft ones
// of packets and octets less their random part.
void InstallHalf(Context& cx, const ChildPlace& place, bool inbound);
// From the data plane, if it is there.
void RemoveHalf(Context& cx, ChildSa& child, bool inbound);
// Both halves are confirmed: it may be used, those who wait for it are told, and so is, once, the rest of the world.
void Announce(Context& cx, const SaBase& sa, ChildSa& child);
// For a log line: name, mode, algorithms, SPIs, selectors.
std::string Summary(const ChildSa& child);

}  // namespace culvert::ike
