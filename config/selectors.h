#pragma once

#include <optional>

#include "config/model.h"

namespace culvert::config {

// Of one side's selectors what lies at `host`, protocols and ports kept: `dynamic` is all of the host. Empty where none of them
// has anything to do with it.
SelectorList AtHost(const std::vector<Ts>& configured, const IpAddress& host);

// What a child protects from the moment it is loaded, without an SA. nullopt where that is not known before there is one:
// a side is `dynamic`, or the child is for transport mode, which protects what the two ends of the SA say to each other and
// nothing else, and the connection names several ends.
struct Protected {
  SelectorList local, remote;
};
std::optional<Protected> ProtectedBy(const Connection& connection, const Child& child);

}  // namespace culvert::config
