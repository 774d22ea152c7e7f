#include "dataplane/fib/forwarding.h"

#include <algorithm>
#include <cstring>

namespace culvert::dp {
Forwarding::Forwarding(uint64_t generation, std::vector<Route> routes, std::vector<OwnAddress> own,
                       std::vector<RouteTarget> links)
    : generation_(generation), links_(std::move(links)), own_(std::move(own)) {
  std::ranges::sort(own_, {}, &OwnAddress::address);
  std::vector<PrefixTable::Entry> v4, v6;
  for (const Route& r : routes) {
    auto& list = r.to.address.family == Family::kV4 ? v4 : v6;
    list.push_back({r.to, static_cast<uint32_t>(targets_.size())});
    targets_.push_back(r.target);
    has_tunnels_ |= r.target.if_id != 0;
  }
  v4_ = PrefixTable(Family::kV4, std::move(v4));
  v6_ = PrefixTable(Family::kV6, std::move(v6));
  for (const OwnAddress& o : own_) {
    own_filter_ |= uint64_t{1} << Mix(static_cast<uint8_t>(o.address.family), o.address.octets.data());
    // RFC 3021: a /31 has no broadcast address, and a /32 no subnet.
    if (o.address.family == Family::kV4 && o.prefix_length < 31) {
      IpAddress broadcast = IpRange::Of({o.address, o.prefix_length}).last;
      broadcasts_.push_back(broadcast.v4());
      MarkSpecial(broadcast);
    }
    if (o.address.family != Family::kV4) continue;
    MarkSpecial(o.address);
    uint32_t as_in_packet;
    std::memcpy(&as_in_packet, o.address.octets.data(), 4);
    own_v4_.push_back(as_in_packet);
  }
}

void Forwarding::MarkSpecial(const IpAddress& v4) {
  uint32_t as_in_packet;
  std::memcpy(&as_in_packet, v4.octets.data(), 4);
  uint32_t h = as_in_packet * 0x9e3779b1u;
  special_[h >> 26] |= uint64_t{1} << (h >> 20 & 63);
}

const OwnAddress* Forwarding::FindOwn(uint8_t family, const uint8_t* address, uint16_t port) const {
  IpAddress wanted = IpAddress::Any(static_cast<Family>(family));
  std::memcpy(wanted.octets.data(), address, wanted.size());
  for (auto it = std::ranges::lower_bound(own_, wanted, {}, &OwnAddress::address); it != own_.end(); ++it) {
    if (it->address != wanted) return nullptr;
    // Two ports may have the same link-local address.
    if (family == 4 || !it->address.is_link_local() || it->port == port) return &*it;
  }
  return nullptr;
}

bool Forwarding::IsBroadcast(const uint8_t* v4) const {
  uint32_t a = uint32_t{v4[0]} << 24 | uint32_t{v4[1]} << 16 | uint32_t{v4[2]} << 8 | v4[3];
  return a == 0xffffffff || std::ranges::find(broadcasts_, a) != broadcasts_.end();
}

const OwnAddress* Forwarding::SourceFor(uint16_t port, uint8_t family, const uint8_t* destination) const {
  IpAddress to = IpAddress::Any(static_cast<Family>(family));
  std::memcpy(to.octets.data(), destination, to.size());
  bool link_scope = family == 6 && to.is_link_local();
  const OwnAddress* best = nullptr;
  int best_rank = -1;
  for (const OwnAddress& o : own_) {
    if (o.address.family != to.family) continue;
    bool scope_fits = family == 4 || o.address.is_link_local() == link_scope;
    if (!scope_fits || (link_scope && o.port != port)) continue;
    int rank = o.port == kNoPort ? 0 : 1;
    if (o.port == port) rank = IpRange::Of({o.address, o.prefix_length}).Contains(to) ? 3 : 2;
    if (rank > best_rank) {
      best = &o;
      best_rank = rank;
    }
  }
  return best;
}

}  // namespace culvert::dp
