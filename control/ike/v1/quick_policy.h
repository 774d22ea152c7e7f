#pragma once

#include "control/ike/negotiate/phase2_proposal.h"
#include "control/ike/sa/child_selectors.h"
#include "control/ike/v1/ike_sa.h"

// What a child may be between the two ends of an ISAKMP SA.
namespace culvert::ike::v1 {

// Borrows `c`. What replaces an SA is of its protocol.
Phase2Policy PolicyFor(const IkeSa& sa, const config::Child& c, const ChildSa* rekeyed);
// `dynamic` is what was leased, or the outer address. A side may be empty in transport mode (child_selectors.h).
Selectors ConfiguredFor(const IkeSa& sa, const config::Child& c);
// Every local selector with every remote one that some packet has both ends in.
std::vector<Selectors> PairsOf(const Selectors& all);

}  // namespace culvert::ike::v1
