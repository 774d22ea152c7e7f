#include "control/ike/sa/child_sa.h"

namespace culvert::ike {

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
