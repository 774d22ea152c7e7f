#pragma once

#include <cstdint>

namespace culvert::dp {

// What ends an SA, as the owning worker tests it: one compare each per packet, against the next threshold of either kind.
struct SaLimits {
  uint64_t soft_packets, hard_packets;  // UINT64_MAX: none
  uint64_t soft_bytes, hard_bytes;      // octets the crypto algorithm was applied to (RFC 4301 4.4.2.1); UINT64_MAX: none
};

enum SaNotice : uint8_t {
  kSoftReported = 1,  // the soft expiry has been told
  kHardReported = 2,  // the hard expiry has been told
};

}  // namespace culvert::dp
