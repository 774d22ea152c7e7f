#pragma once

#include <cstdint>

#include "dataplane/worker/packet.h"

namespace culvert::dp {

// Lowers the maximum segment size that a TCP SYN offers (RFC 9293 3.7.1) to `mss` octets, where it offers more, and mends its
// checksum. Anything else stays as it is. The packet is parsed and writable.
void ClampMss(Packet& p, uint32_t mss);

// What fits into IP packets of so many octets without options.
inline uint32_t MssOf(uint8_t family, uint32_t mtu) {
  uint32_t headers = family == 4 ? 40 : 60;
  return mtu > headers ? mtu - headers : 0;
}

}  // namespace culvert::dp
