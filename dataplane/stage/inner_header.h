#pragma once

#include <cstdint>

// The fields of an inner IP header that a tunnel's ends read and change. `data` points at the header, whole and writable;
// family is 4 or 6. "Tos" is IPv4's type of service octet and IPv6's traffic class: DSCP 6 bits, ECN 2.
namespace culvert::dp {

inline constexpr uint8_t kEcnMask = 3, kEct0 = 2, kEct1 = 1, kCe = 3;

inline uint8_t GetTos(const uint8_t* data, uint8_t family) {
  return family == 4 ? data[1] : static_cast<uint8_t>(data[0] << 4 | data[1] >> 4);
}

// DF as a packet inside says it: set is 0x40, as in the octet of an IPv4 header. IPv6 is never fragmented on its way.
inline uint8_t GetDf(const uint8_t* data, uint8_t family) {
  return static_cast<uint8_t>((data[6] | (family == 4 ? 0 : 0x40)) & 0x40);
}

inline bool MayFragment(const uint8_t* data, uint8_t family) { return family == 4 && (data[6] & 0x40) == 0; }

void SetTos(uint8_t* data, uint8_t family, uint8_t tos);

// RFC 6040 4.2, the table of its figure 4: the inner ECN field of a packet leaving a tunnel. False: it must be dropped.
[[nodiscard]] bool DecapsulateEcn(uint8_t outer, uint8_t& inner);

}  // namespace culvert::dp
