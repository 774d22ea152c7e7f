#pragma once

#include <unordered_set>
#include <vector>

#include "absl/status/status.h"
#include "common/channel/state_page.h"
#include "common/shm/region.h"

namespace culvert::sadb {

// The state pages of this process (common/channel/state_page.h): one for each connection, swapped at each, because a
// dataplane taken for dead may still be writing the one before. An older page counts until the dataplane has published
// everything into the new one, which the end of its dump says. Loop thread only.
class StatePages {
 public:
  static constexpr size_t kMaxPages = 8;   // connections that ended before their dump did; beyond it the oldest is folded in

  struct Edges {
    uint64_t outbound = 0, inbound = 0;
  };

  // A fresh page for a connection about to be made; its descriptor is valid until the next call. -1: no memory.
  int Swap();
  // What any dataplane has published, the highest of all pages that count.
  Edges Published(uint32_t sa_index) const;
  // A slot gets an SA: forgets what an earlier one left. Before the first install there.
  void Begin(uint32_t sa_index);
  // It has lost its last SA.
  void End(uint32_t sa_index) { live_.erase(sa_index); }
  // What a replayed SA is about to start from, written before its install is sent: a dataplane that dies before it
  // publishes must not take it back.
  void Floor(uint32_t sa_index, Edges edges);
  // Pages before the present one no longer count.
  void Settle();
  size_t size() const { return pages_.size(); }

 private:
  static channel::StatePage& PageOf(const shm::Region& r) { return *static_cast<channel::StatePage*>(r.data()); }

  std::vector<shm::Region> pages_;         // the present one last
  std::unordered_set<uint32_t> live_;
};

}  // namespace culvert::sadb
