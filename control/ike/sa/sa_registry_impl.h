#pragma once

#include "control/ike/sa/sa_registry.h"

// What SaRegistryOf does, for the two files that make one: sa_registry.cc, v1/context.cc.

namespace culvert::ike {

inline uint64_t HashOfIdentities(const SaBase& sa) {
  return absl::HashOf(sa.local_id.type, sa.local_id.data, sa.remote_id.type, sa.remote_id.data);
}
inline uint64_t HashOfPlace(const SaBase& sa) { return absl::HashOf(HashOfIdentities(sa), sa.path.remote); }

inline bool SameIdentities(const SaBase& a, const SaBase& b) { return a.local_id == b.local_id && a.remote_id == b.remote_id; }

template <typename Sa>
Sa& SaRegistryOf<Sa>::Create() {
  IkeId id = next_id_++;
  auto sa = std::make_unique<Sa>();
  sa->id = id;
  return *by_id_.emplace(id, std::move(sa)).first->second;
}

template <typename Sa>
Sa* SaRegistryOf<Sa>::Find(IkeId id) {
  auto it = by_id_.find(id);
  return it == by_id_.end() || IsDead(*it->second) ? nullptr : it->second.get();
}

template <typename Sa>
Sa* SaRegistryOf<Sa>::FindBySpi(uint64_t ours, uint64_t peers) {
  auto it = by_spi_.find({ours, peers});
  return it == by_spi_.end() ? nullptr : Find(it->second);
}

template <typename Sa>
void SaRegistryOf<Sa>::Index(Sa& sa) {
  UnindexSpis(indexed_[sa.id]);
  IndexAlso(sa, sa.peer_spi());
}

template <typename Sa>
void SaRegistryOf<Sa>::IndexAlso(Sa& sa, uint64_t peers) {
  SpiPair pair{sa.local_spi(), peers};
  if (!by_spi_.emplace(pair, sa.id).second) return;
  ++spis_in_use_[pair.ours];
  indexed_[sa.id].spis.push_back(pair);
}

template <typename Sa>
void SaRegistryOf<Sa>::UnindexSpis(Indexed& entry) {
  for (const SpiPair& pair : entry.spis) {
    by_spi_.erase(pair);
    if (auto use = spis_in_use_.find(pair.ours); --use->second == 0) spis_in_use_.erase(use);
  }
  entry.spis.clear();
}

template <typename Sa>
void SaRegistryOf<Sa>::IndexNames(Sa& sa) {
  Indexed& entry = indexed_[sa.id];
  UnindexNames(sa.id, entry);
  entry.connection = HashOf(sa.connection->name);
  entry.identities = HashOfIdentities(sa);
  by_connection_.emplace(entry.connection, sa.id);
  entry.place = HashOfPlace(sa);
  by_identities_.emplace(entry.identities, sa.id);
  by_place_.emplace(entry.place, sa.id);
}

template <typename Sa>
void SaRegistryOf<Sa>::UnindexNames(IkeId id, const Indexed& entry) {
  by_connection_.erase({entry.connection, id});
  by_identities_.erase({entry.identities, id});
  by_place_.erase({entry.place, id});
}

template <typename Sa>
std::vector<Sa*> SaRegistryOf<Sa>::OthersLike(const Sa& sa) {
  std::vector<Sa*> others;
  FindIn(by_identities_, HashOfIdentities(sa), [&](Sa& o) {
    if (&o != &sa && SameIdentities(o, sa)) others.push_back(&o);
    return false;
  });
  return others;
}

template <typename Sa>
std::vector<Sa*> SaRegistryOf<Sa>::OthersAtTheSamePlace(const Sa& sa) {
  std::vector<Sa*> others;
  FindIn(by_place_, HashOfPlace(sa), [&](Sa& o) {
    if (&o != &sa && SameIdentities(o, sa) && o.path.remote == sa.path.remote) others.push_back(&o);
    return false;
  });
  return others;
}

template <typename Sa>
Sa* SaRegistryOf<Sa>::OwnerOf(ChildId child) {
  auto it = owner_of_child_.find(child);
  return it == owner_of_child_.end() ? nullptr : Find(it->second);
}

template <typename Sa>
Sa* SaRegistryOf<Sa>::TakeJobOwner(JobId job) {
  auto it = owner_of_job_.find(job);
  if (it == owner_of_job_.end()) return nullptr;
  IkeId owner = it->second;
  owner_of_job_.erase(it);
  return Find(owner);
}

template <typename Sa>
void SaRegistryOf<Sa>::Bury(Sa& sa) {
  if (IsDead(sa)) return;
  if (auto entry = indexed_.extract(sa.id)) {
    UnindexSpis(entry.mapped());
    UnindexNames(sa.id, entry.mapped());
  }
  sa.state = decltype(sa.state)::kDead;
  dead_.push_back(sa.id);
}

template <typename Sa>
void SaRegistryOf<Sa>::Reap() {
  for (IkeId id : dead_) by_id_.erase(id);
  dead_.clear();
}

}  // namespace culvert::ike
