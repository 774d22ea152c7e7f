#pragma once

#include <rte_security.h>

#include <string>

#include "drivers/offload/session.h"
#include "drivers/port/port.h"

// What an SA is to rte_security.
namespace culvert::offload {

// The capability that has ESP in this direction and mode; null where there is none.
const rte_security_capability* FindCapability(void* context, rte_security_session_action_type action, const SessionSpec& spec);
// For so many sessions of that context; null, with rte_errno, where there is no memory. The caller frees it.
rte_mempool* MakeSessionPool(const std::string& name, void* context, uint32_t sessions);

// Whether the device runs the SA so, and with all that is promised of SAs.
[[nodiscard]] StepDown JudgeCrypto(const rte_security_capability& can, const SessionSpec& spec, const Transforms& t);
[[nodiscard]] StepDown JudgeProtocol(const rte_security_capability& can, const Port::ProtocolFacts& port,
                                     const SessionSpec& spec, const Transforms& t);
// Of lookaside protocol less is asked: who lends the packets has them back, so outer headers are put right here, and numbers
// are seen. But no operation says which half of an extended number a packet is of, so those are opened otherwise; and IVs are
// given with the packets, or are the device's, where they may be random (CBC).
[[nodiscard]] StepDown JudgeLookaside(const rte_security_capability& can, const SessionSpec& spec, const Transforms& t);
// Borrows `t` and its keys.
rte_security_session_conf SecurityConf(const rte_security_capability& can, const SessionSpec& spec, Transforms& t);

}  // namespace culvert::offload
