#include "control/ike/v1/quick_policy.h"

#include "control/ike/v1/user_state.h"

namespace culvert::ike::v1 {
namespace {

constexpr uint64_t kKilobyte = 1024;   // octets, RFC 2407 4.5

UdpNumbers NumbersFor(const IkeSa& sa) {
  if (!sa.path.encapsulates()) return UdpNumbers::kNone;
  return sa.peer.nat_t == Abilities::NatT::kRfc3947 ? UdpNumbers::kRfc3947 : UdpNumbers::kDraft;
}

std::vector<IpAddress> Leased(const IkeSa& sa, const IpAddress* (*of)(const IkeSa&, Family), const IpAddress& outer) {
  std::vector<IpAddress> out;
  for (Family family : {Family::kV4, Family::kV6}) {
    if (const IpAddress* a = of(sa, family)) out.push_back(*a);
  }
  return out.empty() ? std::vector{outer} : out;
}

bool Pair(const TrafficSelector& a, const TrafficSelector& b) {
  return a.addresses.first.family == b.addresses.first.family && (!a.protocol || !b.protocol || a.protocol == b.protocol);
}

}  // namespace

Phase2Policy PolicyFor(const IkeSa& sa, const config::Child& c, const ChildSa* rekeyed) {
  Phase2Policy p{.esp = c.esp_proposals_v1, .ah = c.ah_proposals_v1,
                 .transport = c.mode == config::ChildMode::kTransport, .udp = NumbersFor(sa),
                 .life = {c.seconds_.life, c.bytes.life == 0 ? 0 : std::max(c.bytes.life / kKilobyte, uint64_t{1})},
                 .floor = sa.connection->profile};
  if (rekeyed && rekeyed->protocol == IpsecProtocol::kAh) p.esp = {};
  // RFC 4302 3.3.3.1: AH covers the addresses, and so goes through no NAT.
  if ((rekeyed && rekeyed->protocol == IpsecProtocol::kEsp) || sa.path.encapsulates()) p.ah = {};
  return p;
}

Selectors ConfiguredFor(const IkeSa& sa, const config::Child& c) {
  const Ends ends{Leased(sa, LeasedFromPeer, sa.path.local.address), Leased(sa, LeasedToPeer, sa.path.remote.address)};
  return ike::ConfiguredFor(c, sa.path, ends);
}

std::vector<Selectors> PairsOf(const Selectors& all) {
  std::vector<Selectors> out;
  for (const TrafficSelector& local : all.local) {
    for (const TrafficSelector& remote : all.remote) {
      if (Pair(local, remote)) out.push_back({{local}, {remote}});
    }
  }
  return out;
}

}  // namespace culvert::ike::v1
