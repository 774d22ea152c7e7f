#include "control/ike/sa/sa_registry.h"

namespace culvert::ike {
namespace {

uint64_t HashOfIdentities(const IkeSa& sa) {
  return absl::HashOf(sa.local_id.type, sa.local_id.data, sa.remote_id.type, sa.remote_id.data);
}
uint64_t HashOfPlace(const IkeSa& sa) { return absl::HashOf(HashOfIdentities(sa), sa.path.remote); }

bool SameIdentities(const IkeSa& a, const IkeSa& b) { return a.local_id == b.local_id && a.remote_id == b.remote_id; }

}  // namespace

IkeSa& SaRegistry::Create() {
  IkeId id = next_id_++;
  auto sa = std::make_unique<IkeSa>();
  sa->id = id;
  return *by_id_.emplace(id, std::move(sa)).first->second;
}

IkeSa* SaRegistry::Find(IkeId id) {
  auto it = by_id_.find(id);
  return it == by_id_.end() || it->second->state == IkeState::kDead ? nullptr : it->second.get();
}

IkeSa* SaRegistry::FindBySpi(uint64_t ours, uint64_t peers) {
  auto it = by_spi_.find({ours, peers});
  return it == by_spi_.end() ? nullptr : Find(it->second);
}

void SaRegistry::Index(IkeSa& sa) {
  UnindexSpis(indexed_[sa.id]);
  IndexAlso(sa, sa.peer_spi());
}

void SaRegistry::IndexAlso(IkeSa& sa, uint64_t peers) {
  SpiPair pair{sa.local_spi(), peers};
  if (!by_spi_.emplace(pair, sa.id).second) return;
  ++spis_in_use_[pair.ours];
  indexed_[sa.id].spis.push_back(pair);
}

void SaRegistry::UnindexSpis(Indexed& entry) {
  for (const SpiPair& pair : entry.spis) {
    by_spi_.erase(pair);
    if (auto use = spis_in_use_.find(pair.ours); --use->second == 0) spis_in_use_.erase(use);
  }
  entry.spis.clear();
}

void SaRegistry::IndexNames(IkeSa& sa) {
  Indexed& entry = indexed_[sa.id];
  UnindexNames(sa.id, entry);
  entry.connection = HashOf(sa.connection->name);
  entry.identities = HashOfIdentities(sa);
  by_connection_.emplace(entry.connection, sa.id);
  entry.place = HashOfPlace(sa);
  by_identities_.emplace(entry.identities, sa.id);
  by_place_.emplace(entry.place, sa.id);
}

void SaRegistry::UnindexNames(IkeId id, const Indexed& entry) {
  by_connection_.erase({entry.connection, id});
  by_identities_.erase({entry.identities, id});
  by_place_.erase({entry.place, id});
}

std::vector<IkeSa*> SaRegistry::OthersLike(const IkeSa& sa) {
  std::vector<IkeSa*> others;
  FindIn(by_identities_, HashOfIdentities(sa), [&](IkeSa& o) {
    if (&o != &sa && SameIdentities(o, sa)) others.push_back(&o);
    return false;
  });
  return others;
}

std::vector<IkeSa*> SaRegistry::OthersAtTheSamePlace(const IkeSa& sa) {
  std::vector<IkeSa*> others;
  FindIn(by_place_, HashOfPlace(sa), [&](IkeSa& o) {
    if (&o != &sa && SameIdentities(o, sa) && o.path.remote == sa.path.remote) others.push_back(&o);
    return false;
  });
  return others;
}

IkeSa* SaRegistry::OwnerOf(ChildId child) {
  auto it = owner_of_child_.find(child);
  return it == owner_of_child_.end() ? nullptr : Find(it->second);
}

IkeSa* SaRegistry::TakeJobOwner(JobId job) {
  auto it = owner_of_job_.find(job);
  if (it == owner_of_job_.end()) return nullptr;
  IkeId owner = it->second;
  owner_of_job_.erase(it);
  return Find(owner);
}

void SaRegistry::Bury(IkeSa& sa) {
  if (sa.state == IkeState::kDead) return;
  if (auto entry = indexed_.extract(sa.id)) {
    UnindexSpis(entry.mapped());
    UnindexNames(sa.id, entry.mapped());
  }
  sa.state = IkeState::kDead;
  dead_.push_back(sa.id);
}

void SaRegistry::Reap() {
  for (IkeId id : dead_) by_id_.erase(id);
  dead_.clear();
}

}  // namespace culvert::ike
