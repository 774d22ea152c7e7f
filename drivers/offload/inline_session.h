#pragma once

#include <rte_security.h>

#include "drivers/offload/session.h"
#include "drivers/port/port.h"

// What an SA is to rte_security.
namespace culvert::offload {

// The capability of inline protocol, or inline crypto, that has ESP in this direction and mode; null where there is none.
const rte_security_capability* FindInline(void* context, bool protocol, const SessionSpec& spec);
// Whether the device runs the SA so, and with all that is promised of SAs.
[[nodiscard]] StepDown JudgeCrypto(const rte_security_capability& can, const SessionSpec& spec, const Transforms& t);
[[nodiscard]] StepDown JudgeProtocol(const rte_security_capability& can, const Port::ProtocolFacts& port,
                                     const SessionSpec& spec, const Transforms& t);
// Borrows `t` and its keys.
rte_security_session_conf InlineConf(const rte_security_capability& can, const SessionSpec& spec, Transforms& t);

}  // namespace culvert::offload
