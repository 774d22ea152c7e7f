#pragma once

#include <optional>

#include "common/ipsec/traffic_selector.h"

namespace culvert::ike {

// RFC 7296 2.9. Selectors in the responder's own view. `triggering_first`: the peer's first selector may be the packet
// that raised the SA (very specific); the policy that covers it is then chosen first and the result widened to it.
struct Narrowed {
  SelectorList local, remote;
  bool single_pair = false;   // reduced to less than both sides' whole intersection
};
std::optional<Narrowed> Narrow(const SelectorList& our_local, const SelectorList& our_remote, const SelectorList& offered_local,
                               const SelectorList& offered_remote);
// An initiator's check: every returned selector lies inside what was proposed, and neither list is empty.
bool IsSubset(const SelectorList& answer, const SelectorList& proposed);

}  // namespace culvert::ike
