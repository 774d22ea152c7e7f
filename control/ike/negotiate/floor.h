#pragma once

#include <expected>
#include <optional>
#include <string>

#include "config/profile.h"
#include "control/ike/negotiate/proposal.h"

// The connection's floor (config/profile.h), on the result of a negotiation and not only on what was configured: a slip
// anywhere between the two never comes up. Pure functions.
namespace culvert::ike {

// Why there is nothing above the floor. What goes into a log line is put together when it is asked for: a stranger's offer is
// held against thousands of connections, and a few of them are named.
class BelowFloor {
 public:
  // `chosen`: what would have been answered; nullopt where nothing was agreed on at all.
  BelowFloor(config::Profile floor, std::optional<Proposal> chosen) : floor_(floor), chosen_(std::move(chosen)) {}

  // For the end of a line about `theirs`, which the peer offered or answered: ", below profile cnsa1 (cipher AES_CBC-256)".
  // Empty where one of their proposals is above the floor: then it is the configured ones that were missed. Without `with_ke`
  // (IKE_AUTH) a child's key exchanges are passed over, as ChooseEsp does.
  std::string ToString(const SaPayload& theirs, bool with_ke = true) const;

 private:
  config::Profile floor_;
  std::optional<Proposal> chosen_;
};

// What was chosen, where it is above the floor. Otherwise the answer is NO_PROPOSAL_CHOSEN.
std::expected<ChosenIke, BelowFloor> AboveFloor(config::Profile floor, std::optional<ChosenIke> chosen);
std::expected<ChosenEsp, BelowFloor> AboveFloor(config::Profile floor, std::optional<ChosenEsp> chosen);

}  // namespace culvert::ike
