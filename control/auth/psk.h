#pragma once

#include <span>

#include "config/model.h"
#include "control/ike/identity.h"

namespace culvert::auth {

// The pre-shared key of that pair: one whose owners name the peer goes before one that names only us, that before one
// without owners; among equals the first. nullptr where none fits. Borrowed from `secrets`.
const SecretBytes* FindPsk(std::span<const config::Secret> secrets, const ike::Identity& local, const ike::Identity& remote);

}  // namespace culvert::auth
