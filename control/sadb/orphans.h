#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "common/channel/sa_event.h"
#include "control/ike/action.h"

namespace culvert::sadb {

// An SA the dataplane has and no IKE SA of this process knows: what an earlier control process left. It forwards on, under
// the lifetimes it was installed with, until it ends or a new child of the same peer and selectors stands.
struct Orphan {
  uint32_t sa_index = 0;
  uint32_t spi_in = 0, spi_out = 0;         // 0: that direction is gone
  uint32_t if_id_in = 0, if_id_out = 0;
  std::string connection, child, peer_id;
  Endpoint local, remote;
  SelectorList local_ts, remote_ts;
  Time hard_at{};                           // Time{}: never
  bool replaced = false;                    // a new child stands; the inbound half lingers for what is under way
};

class Orphans {
 public:
  // One direction, as the inventory tells it.
  void Add(const channel::SaInventory& sa, const SelectorList& local, const SelectorList& remote);
  // True where that was an orphan's direction; *gone: it was the last one.
  bool Remove(uint32_t sa_index, channel::Direction direction, bool* gone);
  // Those a standing child takes the place of: same peer and tunnel interface, and every selector of theirs covered by one of
  // its own.
  std::vector<uint32_t> ReplacedBy(const ike::InstallChild& child) const;

  Orphan* Find(uint32_t sa_index);
  const std::map<uint32_t, Orphan>& all() const { return all_; }

 private:
  std::map<uint32_t, Orphan> all_;          // by sa_index
  std::set<std::pair<std::string, uint32_t>> by_peer_;   // a gateway comes back to thousands of them
};

}  // namespace culvert::sadb
