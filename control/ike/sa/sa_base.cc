#include "control/ike/sa/sa_base.h"

#include <algorithm>

#include "control/ike/cat.h"
#include "control/ike/context.h"

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

bool SaBase::Has(const ChildName& name) const {
  auto covers = [](const SelectorList& list, const TrafficSelector& one) {
    return std::ranges::any_of(list, [&](const TrafficSelector& ts) { return ts.Covers(one); });
  };
  return std::ranges::any_of(children, [&](const auto& c) {
    if (c->name() != name.child || c->id == name.except || !c->live()) return false;
    return !name.packet || (covers(c->local_ts, name.packet->local) && covers(c->remote_ts, name.packet->remote));
  });
}

void TakePeerTo(Context& cx, SaBase& sa, const Endpoint& local, const Endpoint& remote) {
  cx.Bump(Count::kPeerMoved);
  cx.Log(Severity::kInfo, sa, Cat("the peer is now at ", remote.ToString()));
  sa.path.local = local;
  sa.path.remote = remote;
  sa.path.marker = local.port != kIkePort;
}

}  // namespace culvert::ike
