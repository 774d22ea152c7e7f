#pragma once

#include <rte_cryptodev.h>

#include "drivers/offload/lookaside.h"

namespace culvert::offload {

// Behind each symmetric operation. Devices read IV and AAD, and read or write the digest.
struct LookasideQueue::Extra {
  alignas(16) uint8_t iv[16];
  alignas(16) uint8_t aad[16];
  alignas(16) uint8_t digest[crypto::kMaxIcv];
  uint8_t* tag;  // of the packet: where the ICV is, or goes
  uint8_t icv_length;
  bool seal;
  alignas(16) uint8_t context[kContext];
};

// Octets from the operation, which begins a cache line.
inline constexpr uint16_t kExtraAt = (sizeof(rte_crypto_op) + sizeof(rte_crypto_sym_op) + 15) / 16 * 16;
inline constexpr uint16_t kExtraRoom =
    kExtraAt - sizeof(rte_crypto_op) - sizeof(rte_crypto_sym_op) + sizeof(LookasideQueue::Extra);

inline LookasideQueue::Extra& LookasideQueue::ExtraOf(rte_crypto_op* op) {
  return *rte_crypto_op_ctod_offset(op, Extra*, kExtraAt);
}

}  // namespace culvert::offload
