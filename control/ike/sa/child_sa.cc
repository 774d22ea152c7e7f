#include "control/ike/sa/child_sa.h"

#include <algorithm>

namespace culvert::ike {

void FollowUp::Add(const SecretBytes& secret) {
  SecretBytes all(secrets.size() + secret.size());
  auto at = std::ranges::copy(secrets.view(), all.span().begin()).out;
  std::ranges::copy(secret.view(), at);
  secrets = std::move(all);
  PopFirst(left);
}

const char* Name(ChildState s) {
  switch (s) {
    case ChildState::kInstalling: return "INSTALLING";
    case ChildState::kInstalled: return "INSTALLED";
    case ChildState::kRekeying: return "REKEYING";
    case ChildState::kRekeyed: return "REKEYED";
    case ChildState::kDeleting: return "DELETING";
    case ChildState::kRetired: return "DELETED";
  }
  return "UNKNOWN";
}

}  // namespace culvert::ike
