#include "control/ike/sa/sa_registry.h"

namespace culvert::ike {

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
  Unindex(sa);
  IndexAlso(sa, sa.peer_spi());
}

void SaRegistry::IndexAlso(IkeSa& sa, uint64_t peers) {
  SpiPair pair{sa.local_spi(), peers};
  if (!by_spi_.emplace(pair, sa.id).second) return;
  ++spis_in_use_[pair.ours];
  indexed_[sa.id].push_back(pair);
}

void SaRegistry::Unindex(const IkeSa& sa) {
  auto it = indexed_.find(sa.id);
  if (it == indexed_.end()) return;
  for (const SpiPair& pair : it->second) {
    by_spi_.erase(pair);
    if (auto use = spis_in_use_.find(pair.ours); --use->second == 0) spis_in_use_.erase(use);
  }
  indexed_.erase(it);
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
  Unindex(sa);
  sa.state = IkeState::kDead;
  dead_.push_back(sa.id);
}

void SaRegistry::Reap() {
  for (IkeId id : dead_) by_id_.erase(id);
  dead_.clear();
}

}  // namespace culvert::ike
