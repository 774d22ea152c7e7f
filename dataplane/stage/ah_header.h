#pragma once

#include <cstdint>

// The Authentication Header (RFC 4302) and what its ICV covers.
namespace culvert::dp {

inline constexpr uint32_t kAhFixed = 12;  // octets: next header, length, reserved, SPI, sequence number (RFC 4302 2)

// RFC 4302 2.2 and 2.6: the header with an ICV field of so many octets (IcvField), padded to 32 bits over IPv4 and to 64 over
// IPv6.
inline constexpr uint32_t AhLength(uint8_t family, uint32_t icv_field) {
  uint32_t granule = family == 4 ? 4 : 8;
  return (kAhFixed + icv_field + granule - 1) & ~(granule - 1);
}

// The ICV, and the IV before it where the suite has one (RFC 4543 4); octets.
template <typename Sa>
uint32_t IcvField(const Sa& sa) { return uint32_t{sa.iv_length} + sa.icv_length; }

// Zeroes what may change on the way in the IP header and the extension headers before AH, `front` octets in all (RFC 4302
// 3.3.3.1 and appendix A). The packet has passed ParseIp: no source route is in it, and no routing header with segments
// left, so nothing is to be predicted. False: options that cannot be read; what is zeroed then is any part of it.
[[nodiscard]] bool MuteFront(uint8_t* data, uint8_t family, uint16_t front);

}  // namespace culvert::dp
