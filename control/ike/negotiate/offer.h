#pragma once

#include "control/ike/negotiate/proposal.h"

namespace culvert::ike {

// Configured proposals as the wire has them, without SPI: what OfferIke and OfferEsp send and the choosers match against.
// What this build cannot compute is left out, and with it a proposal that has no transform left for a type it needs.
std::vector<Proposal> IkeToWire(const std::vector<config::IkeProposal>& configured);
std::vector<Proposal> EspToWire(const std::vector<config::EspProposal>& configured, bool with_ke);

}  // namespace culvert::ike
