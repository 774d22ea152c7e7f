#pragma once

#include "common/ipsec/algorithm.h"

namespace culvert {

// RFC 4106 2, RFC 4543 2, RFC 4309 2, RFC 3686 7, RFC 7634 5: two packets under one nonce give away what they were to hide, and
// of most of these the key of the integrity too. Each begins with an IV of eight octets, that of CBC has sixteen.
inline bool CountsNonces(EncrId encr, IntegId integ) {
  constexpr uint8_t kCounterIv = 8;  // octets
  const EncrInfo* info = Find(encr);
  return IsGmac(integ) || (info != nullptr && info->iv == kCounterIv);
}

}  // namespace culvert
