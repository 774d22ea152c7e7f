#pragma once

#include <cstdint>

namespace culvert::dp {

// Protocol and mode of an SA as one index. ESP in tunnel mode goes its own, short way; all others share passes of their own,
// and so do outbound tunnels that do more: pad or speak against traffic analysis (RFC 4303 2.6, 2.7), or go under AH. The
// last two are of inbound SAs, whose ESP has to come under AH.
enum class SaForm : uint8_t {
  kEspTunnel, kEspTunnelMore, kEspTransport, kAhTunnel, kAhTransport, kEspTunnelUnderAh, kEspTransportUnderAh
};

inline constexpr bool IsUnderAh(SaForm f) { return f >= SaForm::kEspTunnelUnderAh; }
inline constexpr bool IsAh(SaForm f) { return f == SaForm::kAhTunnel || f == SaForm::kAhTransport; }
inline constexpr bool IsTransport(SaForm f) {
  return f == SaForm::kEspTransport || f == SaForm::kAhTransport || f == SaForm::kEspTransportUnderAh;
}

}  // namespace culvert::dp
