#pragma once

#include <string>

#include "control/ike/core.h"
#include "control/ike/sa/sa_base.h"

namespace culvert::ike {

// What both versions know of an IKE SA; the caller adds what is its own. The children, whose packets take `path`, are in it.
IkeView ViewOf(const SaBase& sa, const Path& path, std::string state);

}  // namespace culvert::ike
