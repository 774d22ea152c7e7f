#pragma once

#include "control/ike/context.h"

// One direction of a Child SA on its way into the data plane and out of it.
namespace culvert::ike {

struct ChildPlace {
  const SaBase& sa;
  const Path& path;            // that its packets take
  const ChildSa& child;
};
// All but the SPI and the keys, which only whoever derived them has. Lifetimes are ChildSa's limits, counted from
// child.installed, soft ones of packets and octets less their random part.
InstallChild DescribeHalf(Context& cx, const ChildPlace& place, bool inbound);
// From the data plane, if it is there.
void RemoveHalf(Context& cx, ChildSa& child, bool inbound);
// For a log line: name, mode, algorithms, SPIs, selectors.
std::string Summary(const ChildSa& child);

}  // namespace culvert::ike
