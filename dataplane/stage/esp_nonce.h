#pragma once

#include <rte_byteorder.h>

#include <cstring>

#include "drivers/crypto/mb_engine.h"

namespace culvert::dp {

// Nonce and AAD of the suites that are no salted AEAD (crypto::IsSaltedAead), which sealing and opening fill alike. `esp` has
// the ESP header and the explicit IV already; `salt` is the SA's.
inline void FillUnsalted(crypto::CryptoOp& op, bool esn, const uint8_t* salt, const uint8_t* esp, uint64_t sequence) {
  constexpr uint32_t kEspHeader = 8, kCounterIv = 8;  // octets
  const uint8_t* iv = esp + kEspHeader;
  const uint32_t high = rte_cpu_to_be_32(static_cast<uint32_t>(sequence >> 32));
  if (crypto::IsCcm(op.suite)) {
    // RFC 4309 4 and 5: three octets of salt and the IV; the AAD is that of GCM.
    std::memcpy(op.iv, salt, 3);
    std::memcpy(op.iv + 3, iv, kCounterIv);
    std::memcpy(op.aad, esp, 4);
    if (esn) std::memcpy(op.aad + 4, &high, 4);
    op.aad_length = esn ? 12 : 8;
    std::memcpy(op.aad + op.aad_length - 4, esp + 4, 4);
    return;
  }
  if (crypto::IsCbc(op.suite)) {
    std::memcpy(op.iv, iv, 16);
  } else if (crypto::IsCtr(op.suite)) {
    // RFC 3686 4: nonce, IV, and a block counter that begins with one.
    constexpr uint8_t kFirstBlock[4] = {0, 0, 0, 1};
    std::memcpy(op.iv, salt, 4);
    std::memcpy(op.iv + 4, iv, kCounterIv);
    std::memcpy(op.iv + 12, kFirstBlock, 4);
  }
  std::memcpy(op.aad, &high, 4);
  op.aad_length = esn ? 4 : 0;
}

}  // namespace culvert::dp
