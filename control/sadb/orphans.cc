#include "control/sadb/orphans.h"

#include <algorithm>

#include "common/channel/validate.h"
#include "control/sadb/registry.h"

namespace culvert::sadb {

void Orphans::Add(const channel::SaInventory& sa, const SelectorList& local, const SelectorList& remote) {
  Orphan& o = all_[sa.sa_index];
  o.sa_index = sa.sa_index;
  (sa.direction == channel::Direction::kInbound ? o.spi_in : o.spi_out) = sa.spi;
  (sa.direction == channel::Direction::kInbound ? o.if_id_in : o.if_id_out) = sa.if_id;
  o.connection = channel::GetName(sa.connection);
  o.child = channel::GetName(sa.child);
  o.peer_id = channel::GetName(sa.peer_id);
  by_peer_.emplace(o.peer_id, o.sa_index);
  (void)FromWire(sa.local, o.local);
  (void)FromWire(sa.remote, o.remote);
  o.local_ts = local;
  o.remote_ts = remote;
  o.hard_at = FromNanos(sa.lifetime.hard_at);
}

bool Orphans::Remove(uint32_t sa_index, channel::Direction direction, bool* gone) {
  auto it = all_.find(sa_index);
  *gone = false;
  if (it == all_.end()) return false;
  uint32_t& spi = direction == channel::Direction::kInbound ? it->second.spi_in : it->second.spi_out;
  if (spi == 0) return false;
  spi = 0;
  *gone = it->second.spi_in == 0 && it->second.spi_out == 0;
  if (*gone) {
    by_peer_.erase({it->second.peer_id, sa_index});
    all_.erase(it);
  }
  return true;
}

std::vector<uint32_t> Orphans::ReplacedBy(const ike::InstallChild& child) const {
  const auto covered = [](const SelectorList& theirs, const SelectorList& ours) {
    return std::ranges::all_of(theirs, [&](const auto& t) {
      return std::ranges::any_of(ours, [&](const auto& o) { return o.Covers(t); });
    });
  };
  std::vector<uint32_t> out;
  if (all_.empty()) return out;
  const std::string peer = WireText(child.peer_id, sizeof(channel::InstallSa::peer_id));
  for (auto it = by_peer_.lower_bound({peer, 0}); it != by_peer_.end() && it->first == peer; ++it) {
    const Orphan& o = all_.at(it->second);
    if (o.replaced || (child.inbound ? o.if_id_in : o.if_id_out) != child.if_id) continue;
    if (covered(o.local_ts, child.local_ts) && covered(o.remote_ts, child.remote_ts)) out.push_back(o.sa_index);
  }
  return out;
}

Orphan* Orphans::Find(uint32_t sa_index) {
  auto it = all_.find(sa_index);
  return it == all_.end() ? nullptr : &it->second;
}

}  // namespace culvert::sadb
