#pragma once

#include <cstdint>

namespace culvert::dp {

// UDP ports of IKE (RFC 7296 2); the second is ESP's too (RFC 3948 2.1).
inline constexpr uint16_t kIkePort = 500, kNattPort = 4500;

constexpr bool IsIkePort(uint16_t port) { return port == kIkePort || port == kNattPort; }

}  // namespace culvert::dp
