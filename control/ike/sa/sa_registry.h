#pragma once

#include <map>
#include <memory>

#include "absl/container/flat_hash_map.h"
#include "control/ike/sa/ike_sa.h"

namespace culvert::ike {

// Owns every IKE SA and finds it by our id, by its SPIs, and by a Child SA's id. Iteration is in order of id, so that one
// seed gives one run.
class SaRegistry {
 public:
  IkeSa& Create();
  IkeSa* Find(IkeId id);
  // By both SPIs; the peer's is 0 until the first answer of a responder. `ours_is_i`: we are its original initiator.
  IkeSa* FindBySpi(uint64_t ours, uint64_t peers);
  bool SpiInUse(uint64_t ours) const { return spis_in_use_.contains(ours); }

  // An SA is found by its SPIs from here on; again whenever the peer's becomes known.
  void Index(IkeSa& sa);

  void IndexChild(ChildId child, IkeSa& sa) { owner_of_child_[child] = sa.id; }
  void ForgetChild(ChildId child) { owner_of_child_.erase(child); }
  IkeSa* OwnerOf(ChildId child);

  void IndexJob(JobId job, const IkeSa& sa) { owner_of_job_[job] = sa.id; }
  IkeSa* TakeJobOwner(JobId job);

  // The SA is not found any more and freed by the next Reap().
  void Bury(IkeSa& sa);
  void Reap();

  size_t size() const { return by_id_.size(); }
  template <typename F>
  void ForEach(F f) const {
    for (const auto& [id, sa] : by_id_) {
      if (sa->state != IkeState::kDead) f(*sa);
    }
  }
  template <typename F>
  IkeSa* FindIf(F f) const {
    for (const auto& [id, sa] : by_id_) {
      if (sa->state != IkeState::kDead && f(*sa)) return sa.get();
    }
    return nullptr;
  }

 private:
  struct SpiPair {
    uint64_t ours = 0, peers = 0;
    friend bool operator==(const SpiPair&, const SpiPair&) = default;
    template <typename H>
    friend H AbslHashValue(H h, const SpiPair& p) { return H::combine(std::move(h), p.ours, p.peers); }
  };
  void Unindex(const IkeSa& sa);

  std::map<IkeId, std::unique_ptr<IkeSa>> by_id_;
  absl::flat_hash_map<SpiPair, IkeId> by_spi_;
  absl::flat_hash_map<uint64_t, unsigned> spis_in_use_;
  absl::flat_hash_map<IkeId, SpiPair> indexed_;
  absl::flat_hash_map<ChildId, IkeId> owner_of_child_;
  absl::flat_hash_map<JobId, IkeId> owner_of_job_;
  std::vector<IkeId> dead_;
  IkeId next_id_ = 1;
};

}  // namespace culvert::ike
