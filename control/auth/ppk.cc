#include "control/auth/ppk.h"

#include "control/ike/ppk_id.h"

namespace culvert::auth {

PpkTable::PpkTable(std::span<const config::Secret> secrets) {
  for (const config::Secret& s : secrets) {
    if (s.kind != config::Secret::Kind::kPpk) continue;
    const size_t position = keys_.size();
    keys_.push_back(s.data.Clone());
    for (const std::string& owner : s.owners) {
      if (auto id = ike::ParsePpkId(owner)) by_id_.try_emplace(std::string(AsString(*id)), position);
    }
    if (s.owners.empty() && !of_any_) of_any_ = position;
  }
}

const SecretBytes* PpkTable::Find(ByteView id) const {
  if (!ike::IsPpkId(id)) return nullptr;
  auto it = by_id_.find(std::string(AsString(id)));
  if (it != by_id_.end()) return &keys_[it->second];
  return of_any_ ? &keys_[*of_any_] : nullptr;
}

}  // namespace culvert::auth
