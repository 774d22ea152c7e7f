#pragma once

#include <map>
#include <memory>
#include <unordered_map>

#include "absl/hash/hash.h"
#include "control/ike/sa/ike_sa.h"

namespace culvert::ike {

// Abseil's own hash maps are not used here: their layout changes under AddressSanitizer, and Debian's library is built without.
//
// Owns every IKE SA and finds it by our id, by its SPIs, and by a Child SA's id. Iteration is in order of id, so that one
// seed gives one run.
class SaRegistry {
 public:
  IkeSa& Create();
  IkeSa* Find(IkeId id);
  // By both SPIs; the peer's is 0 until the first answer of a responder. `ours_is_i`: we are its original initiator.
  IkeSa* FindBySpi(uint64_t ours, uint64_t peers);
  bool SpiInUse(uint64_t ours) const { return spis_in_use_.contains(ours); }

  // An SA is found by its SPIs, and no others, from here on.
  void Index(IkeSa& sa);
  // And by this SPI of the peer's: one of several responders that answered.
  void IndexAlso(IkeSa& sa, uint64_t peers);

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
  std::unordered_map<SpiPair, IkeId, absl::Hash<SpiPair>> by_spi_;
  std::unordered_map<uint64_t, unsigned, absl::Hash<uint64_t>> spis_in_use_;
  std::unordered_map<IkeId, std::vector<SpiPair>, absl::Hash<IkeId>> indexed_;
  std::unordered_map<ChildId, IkeId, absl::Hash<ChildId>> owner_of_child_;
  std::unordered_map<JobId, IkeId, absl::Hash<JobId>> owner_of_job_;
  std::vector<IkeId> dead_;
  IkeId next_id_ = 1;
};

}  // namespace culvert::ike
