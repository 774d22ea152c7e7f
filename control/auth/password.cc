#include "control/auth/password.h"

#include <algorithm>

namespace culvert::auth {
namespace {

bool IsPassword(const config::Secret& s) {
  return s.kind == config::Secret::Kind::kEap || s.kind == config::Secret::Kind::kXauth;
}

}  // namespace

PasswordTable::PasswordTable(std::span<const config::Secret> secrets) {
  for (const config::Secret& s : secrets) {
    if (!IsPassword(s)) continue;
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

std::vector<PasswordTable::Position> PasswordTable::For(std::string_view user) const {
  std::vector<Position> list;
  const auto id = ike::Identity::Parse(user);
  if (id) {
    if (auto it = by_owner_.find(FoldedKey(*id)); it != by_owner_.end()) list = it->second;
    for (Position p : patterned_) {
      auto is_owner = [&](const ike::IdentityPattern& owner) { return owner.Admits(*id); };
      const bool twice = std::ranges::contains(list, p);
      if (!twice && std::ranges::any_of(entries_[p].owners, is_owner)) list.push_back(p);
    }
  }
  list.insert(list.end(), ownerless_.begin(), ownerless_.end());
  return list;
}

bool PasswordTable::Admits(std::string_view user, ByteView password) const {
  const std::vector<Position> fitting = For(user);
  bool good = false;
  for (Position p : fitting) good |= EqualConstantTime(entries_[p].data.view(), password);
  // A stranger's name takes a comparison too.
  if (fitting.empty()) (void)EqualConstantTime(ToBytes(password), password);
  return good;
}

const SecretBytes* PasswordTable::Find(std::string_view user) const {
  const std::vector<Position> fitting = For(user);
  return fitting.empty() ? nullptr : &entries_[fitting.front()].data;
}

}  // namespace culvert::auth
