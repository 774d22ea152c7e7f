#pragma once

#include <rte_crypto_sym.h>
#include <rte_cryptodev.h>
#include <rte_security.h>

#include <cstdint>

#include "drivers/offload/engine.h"

// A suite as DPDK's symmetric transforms describe it.
namespace culvert::offload {

struct Transforms {
  rte_crypto_sym_xform first, second;  // second where first.next says so
};
// False where Culvert lends no packets of that suite to devices: GMAC, whose text is not enciphered, and CCM, whose nonce and
// AAD DPDK wants in a form of their own. `iv_offset`: octets from the operation to its IV. The keys are borrowed from the spec.
[[nodiscard]] bool MakeTransforms(const SessionSpec& spec, uint16_t iv_offset, Transforms& out);

// Whether what a device tells of itself has this transform's lengths; its algorithm is the one asked after.
[[nodiscard]] bool LengthsFit(const rte_cryptodev_symmetric_capability& can, const rte_crypto_sym_xform& x);
// The same of one whose algorithm may be another.
[[nodiscard]] bool Fits(const rte_cryptodev_symmetric_capability& can, const rte_crypto_sym_xform& x);
// Whether an rte_security context, which may be null, says that it does this with ESP.
[[nodiscard]] bool Offers(void* context, rte_security_session_action_type action);
// Whether a crypto device says that it runs the chain that begins here, with these lengths.
[[nodiscard]] bool DeviceRuns(uint8_t device, const rte_crypto_sym_xform& first);

}  // namespace culvert::offload
