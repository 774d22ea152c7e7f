#pragma once

#include <cstdint>

namespace culvert::dp {

// Protocol and mode of an SA as one index. ESP in tunnel mode goes its own, short way; all others share passes of their own,
// outbound tunnels with padding against traffic analysis (RFC 4303 2.7) among them.
enum class SaForm : uint8_t { kEspTunnel, kEspTunnelPadded, kEspTransport, kAhTunnel, kAhTransport };

inline constexpr bool IsAh(SaForm f) { return f >= SaForm::kAhTunnel; }
inline constexpr bool IsTransport(SaForm f) { return f == SaForm::kEspTransport || f == SaForm::kAhTransport; }

}  // namespace culvert::dp
