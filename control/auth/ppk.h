#pragma once

#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "config/model.h"

namespace culvert::auth {

// The post-quantum pre-shared keys (RFC 8784) by their PPK_IDs. Immutable.
class PpkTable {
 public:
  explicit PpkTable(std::span<const config::Secret> secrets = {});   // copies the post-quantum ones

  bool empty() const { return keys_.empty(); }
  // The key of that PPK_ID, type octet and all: of several the first, of none the one that is for any. nullptr where there is
  // none, and for what is no PPK_ID. Lives as long as the table.
  const SecretBytes* Find(ByteView id) const;

 private:
  std::vector<SecretBytes> keys_;                     // in order of loading
  std::unordered_map<std::string, size_t> by_id_;     // positions in keys_
  std::optional<size_t> of_any_;
};

}  // namespace culvert::auth
