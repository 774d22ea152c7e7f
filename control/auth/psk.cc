#include "control/auth/psk.h"

#include <algorithm>

namespace culvert::auth {

PskTable::PskTable(std::span<const config::Secret> secrets) {
  for (const config::Secret& s : secrets) {
    if (s.kind != config::Secret::Kind::kIke) continue;
    const auto position = static_cast<Position>(entries_.size());
    Entry& entry = entries_.emplace_back(s.data.Clone(), std::vector<ike::IdentityPattern>{});
    bool patterned = false;
    for (const std::string& owner : s.owners) {
      const ike::IdentityPattern& pattern = entry.owners.emplace_back(owner);
      auto key = pattern.SoleKey();
      if (key) by_owner_[*std::move(key)].push_back(position);
      else patterned = true;
    }
    if (patterned) patterned_.push_back(position);
    if (s.owners.empty()) ownerless_.push_back(position);
  }
}

bool PskTable::IsOwner(const Entry& entry, const ike::Identity& id) {
  return std::ranges::any_of(entry.owners, [&](const ike::IdentityPattern& owner) { return owner.Admits(id); });
}

std::span<const PskTable::Position> PskTable::OwnedBy(const ike::Identity& id) const {
  auto it = by_owner_.find(FoldedKey(id));
  return it == by_owner_.end() ? std::span<const Position>{} : it->second;
}

const SecretBytes* PskTable::Find(const ike::Identity& local, const ike::Identity& remote) const {
  const auto none = static_cast<Position>(entries_.size());
  Position names_both = none, names_peer = none, names_us = none;
  auto consider = [&](std::span<const Position> positions) {
    for (Position p : positions) {
      bool peer = IsOwner(entries_[p], remote), us = IsOwner(entries_[p], local);
      if (peer && us) names_both = std::min(names_both, p);
      if (peer) names_peer = std::min(names_peer, p);
      if (us) names_us = std::min(names_us, p);
      if (names_both == p) return;      // in order: nothing behind it is better
    }
  };
  consider(OwnedBy(remote));
  consider(patterned_);
  if (names_both != none) return &entries_[names_both].data;
  if (names_peer != none) return &entries_[names_peer].data;
  // A gateway's own identity may own every key there is: of those the first will do.
  auto ours = OwnedBy(local);
  if (!ours.empty()) names_us = std::min(names_us, ours.front());
  if (names_us != none) return &entries_[names_us].data;
  return ownerless_.empty() ? nullptr : &entries_[ownerless_.front()].data;
}

}  // namespace culvert::auth
