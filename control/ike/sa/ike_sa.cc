#include "control/ike/sa/ike_sa.h"

#include <algorithm>

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

ChildSa* IkeSa::Find(ChildId child) {
  auto it = std::ranges::find_if(children, [child](const auto& c) { return c->id == child; });
  return it == children.end() ? nullptr : it->get();
}

ChildSa* IkeSa::FindByPeerSpi(IpsecProtocol protocol, uint32_t spi) {
  auto it = std::ranges::find_if(children, [&](const auto& c) { return c->protocol == protocol && c->spi_out == spi; });
  return it == children.end() ? nullptr : it->get();
}

size_t IkeSa::LiveChildren() const {
  return static_cast<size_t>(std::ranges::count_if(children, [](const auto& c) { return c->live(); }));
}

}  // namespace culvert::ike
