#pragma once

#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "config/model.h"
#include "control/ike/identity.h"

namespace culvert::auth {

// The passwords of users, from secrets' eap and xauth sections. A section without owners is for any user. Immutable.
class PasswordTable {
 public:
  explicit PasswordTable(std::span<const config::Secret> secrets = {});   // copies those of EAP and XAUTH

  // Whether it is that user's. Names are compared as identities are (IdentityPattern). How long it takes depends on lengths and
  // on how many passwords fit the name, of which there is one at least: nobody learns by it which users there are.
  bool Admits(std::string_view user, ByteView password) const;
  // What to tell as that user: a password of its own goes before one of anybody's. nullptr where there is none. Lives as long
  // as the table.
  const SecretBytes* Find(std::string_view user) const;

 private:
  using Position = uint32_t;      // in entries_
  struct Entry {
    SecretBytes data;
    std::vector<ike::IdentityPattern> owners;
  };
  // In order of preference.
  std::vector<Position> For(std::string_view user) const;

  std::vector<Entry> entries_;                                       // in order of loading
  std::unordered_map<std::string, std::vector<Position>> by_owner_;  // by FoldedKey()
  std::vector<Position> patterned_;                                  // with owners that have no single key
  std::vector<Position> ownerless_;
};

}  // namespace culvert::auth
