#pragma once

#include <string>

#include "control/ike/wire/v1/message.h"

// Which payloads a message of phase 1 has (RFC 2409 5, RFC 3947 3, the hybrid draft). Pure.
namespace culvert::ike::v1 {

enum class Phase1Form : uint8_t {
  kSa,        // main mode 1 and 2
  kKey,       // main mode 3 and 4
  kAuth,      // main mode 5 and 6
  kFirst,     // aggressive mode 1
  kAnswer,    // aggressive mode 2
  kProof,     // aggressive mode 3
};
// What is wrong with it; empty: nothing. `signature`: its sender signs, where the form has a proof. Vendor ids and notifies may
// stand anywhere, and payloads of types this build does not know are passed over; every other one has its place.
std::string CheckPhase1(Phase1Form form, bool signature, const Chain& chain);

}  // namespace culvert::ike::v1
