#pragma once

#include "config/schema/keys.h"

namespace culvert::config {

// The part of AllKeys() that is `dataplane { }`.
std::span<const Key> DataplaneKeys();

}  // namespace culvert::config
