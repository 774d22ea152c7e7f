#include "control/ike/sa/sa_base.h"

#include <algorithm>

namespace culvert::ike {

ChildSa* SaBase::Find(ChildId child) {
  auto it = std::ranges::find_if(children, [child](const auto& c) { return c->id == child; });
  return it == children.end() ? nullptr : it->get();
}

ChildSa* SaBase::FindByPeerSpi(IpsecProtocol protocol, uint32_t spi) {
  auto it = std::ranges::find_if(children, [&](const auto& c) { return c->protocol == protocol && c->spi_out == spi; });
  return it == children.end() ? nullptr : it->get();
}

size_t SaBase::LiveChildren() const {
  return static_cast<size_t>(std::ranges::count_if(children, [](const auto& c) { return c->live(); }));
}

}  // namespace culvert::ike
