#pragma once

#include <span>
#include <unordered_map>
#include <vector>

#include "config/model.h"
#include "control/ike/identity.h"

namespace culvert::auth {

// The pre-shared keys, arranged so that a pair of identities finds its own without a look at all the others. Immutable.
class PskTable {
 public:
  explicit PskTable(std::span<const config::Secret> secrets = {});   // copies those of IKE

  // The key of that pair: one whose owners name the peer goes before one that names only us, that before one without owners;
  // among equals the first. nullptr where none fits. Lives as long as the table.
  const SecretBytes* Find(const ike::Identity& local, const ike::Identity& remote) const;

 private:
  using Position = uint32_t;      // in entries_
  struct Entry {
    SecretBytes data;
    std::vector<ike::IdentityPattern> owners;
  };
  static bool IsOwner(const Entry& entry, const ike::Identity& id);
  std::span<const Position> OwnedBy(const ike::Identity& id) const;

  std::vector<Entry> entries_;                                       // in order of loading
  std::unordered_map<std::string, std::vector<Position>> by_owner_;  // by FoldedKey()
  std::vector<Position> patterned_;                                  // with owners that have no single key
  std::vector<Position> ownerless_;
};

}  // namespace culvert::auth
