#include "control/ike/sa/ike_sa.h"

namespace culvert::ike {

const char* Name(IkeState s) {
  switch (s) {
    case IkeState::kRouting:
    case IkeState::kInitKeying:
    case IkeState::kInitSent:
    case IkeState::kInitDeriving:
    case IkeState::kRoundKeying:
    case IkeState::kRoundSent:
    case IkeState::kRoundDeriving:
    case IkeState::kAuthSigning:
    case IkeState::kAuthSent:
    case IkeState::kAuthVerifying:
    case IkeState::kAnswerKeying:
    case IkeState::kHalfOpen:
    case IkeState::kAnswerDeriving:
    case IkeState::kKeyed:
    case IkeState::kRoundAnswering:
    case IkeState::kAuthJudging: return "CONNECTING";
    case IkeState::kEstablished: return "ESTABLISHED";
    case IkeState::kRekeyed: return "REKEYED";
    case IkeState::kDeleting: return "DELETING";
    case IkeState::kClosed:
    case IkeState::kDead: return "DESTROYING";
  }
  return "UNKNOWN";
}

}  // namespace culvert::ike
