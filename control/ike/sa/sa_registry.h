#pragma once

#include <map>
#include <memory>
#include <set>
#include <unordered_map>

#include "absl/hash/hash.h"
#include "control/ike/sa/ike_sa.h"

namespace culvert::ike {

// Abseil's own hash maps are not used here: their layout changes under AddressSanitizer, and Debian's library is built without.
//
// Owns every IKE SA of one version of IKE and finds it by our id, by its SPIs, and by a Child SA's id. Iteration is in order of
// id, so that one seed gives one run. `Sa` is a SaBase with a `state` of which kDead is one.
template <typename Sa>
class SaRegistryOf {
 public:
  // Ids are drawn from `next_id`, which registries share: an id names one SA, of whichever version.
  explicit SaRegistryOf(IkeId& next_id) : next_id_(next_id) {}

  Sa& Create();
  Sa* Find(IkeId id);
  // By both SPIs; the peer's is 0 until the first answer of a responder. `ours_is_i`: we are its original initiator.
  Sa* FindBySpi(uint64_t ours, uint64_t peers);
  bool SpiInUse(uint64_t ours) const { return spis_in_use_.contains(ours); }

  // An SA is found by its SPIs, and no others, from here on.
  void Index(Sa& sa);
  // And by this SPI of the peer's: one of several responders that answered.
  void IndexAlso(Sa& sa, uint64_t peers);

  // By its connection's name, its identities and where its peer is, as they are now, in place of what they were.
  void IndexNames(Sa& sa);
  // The first in order of id for which f is true; nullptr: none.
  template <typename F>
  Sa* FindOfConnection(const std::string& name, F f) {
    return FindIn(by_connection_, HashOf(name), [&](Sa& sa) { return sa.connection->name == name && f(sa); });
  }
  // Others with the same identities on both sides; those of them whose peer is at the very same place.
  std::vector<Sa*> OthersLike(const Sa& sa);
  std::vector<Sa*> OthersAtTheSamePlace(const Sa& sa);

  void IndexChild(ChildId child, Sa& sa) { owner_of_child_[child] = sa.id; }
  void ForgetChild(ChildId child) { owner_of_child_.erase(child); }
  Sa* OwnerOf(ChildId child);

  void IndexJob(JobId job, const Sa& sa) { owner_of_job_[job] = sa.id; }
  Sa* TakeJobOwner(JobId job);

  // The SA is not found any more and freed by the next Reap().
  void Bury(Sa& sa);
  void Reap();

  size_t size() const { return by_id_.size(); }
  template <typename F>
  void ForEach(F f) const {
    for (const auto& [id, sa] : by_id_) {
      if (!IsDead(*sa)) f(*sa);
    }
  }

 private:
  static bool IsDead(const Sa& sa) { return sa.state == decltype(sa.state)::kDead; }
  struct SpiPair {
    uint64_t ours = 0, peers = 0;
    friend bool operator==(const SpiPair&, const SpiPair&) = default;
    template <typename H>
    friend H AbslHashValue(H h, const SpiPair& p) { return H::combine(std::move(h), p.ours, p.peers); }
  };
  // Names by their hash: a node is small, and whoever asks compares the names themselves.
  using NameIndex = std::set<std::pair<uint64_t, IkeId>>;
  struct Indexed {
    std::vector<SpiPair> spis;
    uint64_t connection = 0, identities = 0, place = 0;
  };
  void UnindexSpis(Indexed& entry);
  void UnindexNames(IkeId id, const Indexed& entry);
  static uint64_t HashOf(const std::string& name) { return absl::HashOf(name); }
  template <typename F>
  Sa* FindIn(const NameIndex& index, uint64_t hash, F is_it) {
    for (auto it = index.lower_bound({hash, 0}); it != index.end() && it->first == hash; ++it) {
      Sa* sa = Find(it->second);
      if (sa && is_it(*sa)) return sa;
    }
    return nullptr;
  }

  std::map<IkeId, std::unique_ptr<Sa>> by_id_;
  std::unordered_map<SpiPair, IkeId, absl::Hash<SpiPair>> by_spi_;
  std::unordered_map<uint64_t, unsigned, absl::Hash<uint64_t>> spis_in_use_;
  NameIndex by_connection_, by_identities_, by_place_;
  std::unordered_map<IkeId, Indexed, absl::Hash<IkeId>> indexed_;
  std::unordered_map<ChildId, IkeId, absl::Hash<ChildId>> owner_of_child_;
  std::unordered_map<JobId, IkeId, absl::Hash<JobId>> owner_of_job_;
  std::vector<IkeId> dead_;
  IkeId& next_id_;
};
extern template class SaRegistryOf<IkeSa>;
using SaRegistry = SaRegistryOf<IkeSa>;   // of IKEv2

}  // namespace culvert::ike
