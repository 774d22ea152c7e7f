#include "control/ike/sa/ending.h"

namespace culvert::ike {

AfterEnd NextFor(const config::Child& child, Why why) {
  switch (why) {
    case Why::kPeerDead:
      if (child.dpd_action == config::DpdAction::kRestart) return AfterEnd::kStart;
      return child.dpd_action == config::DpdAction::kTrap ? AfterEnd::kTrap : AfterEnd::kNothing;
    case Why::kPeerDeleted:
    case Why::kExpired:
    case Why::kProtocolError:
      if (child.close_action == config::CloseAction::kStart) return AfterEnd::kStart;
      return child.close_action == config::CloseAction::kTrap ? AfterEnd::kTrap : AfterEnd::kNothing;
    default: return AfterEnd::kNothing;
  }
}

const char* Describe(Why why) {
  switch (why) {
    case Why::kPeerDeleted: return "deleted by the peer";
    case Why::kPeerDead: return "the peer is dead";
    case Why::kOperator: return "terminated";
    case Why::kExpired: return "its lifetime is over";
    case Why::kReplaced: return "the peer has made another";
    case Why::kRekeyed: return "replaced by rekeying";
    case Why::kAuthFailed: return "authentication failed";
    case Why::kProtocolError: return "the peer broke the protocol";
  }
  return "unknown";
}

}  // namespace culvert::ike
