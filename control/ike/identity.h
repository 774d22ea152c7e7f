#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/bytes/bytes.h"
#include "control/ike/wire/v2/payloads.h"

namespace culvert::ike {

// An IKE identity, owned (RFC 7296 3.5).
struct Identity {
  IdType type = IdType::kFqdn;
  Bytes data;

  // swanctl.conf's spelling: an address, user@host, @fqdn or fqdn, a DN with '=', "%any" is nullopt, "keyid:..." and type
  // prefixes.
  static std::optional<Identity> Parse(std::string_view text);
  std::string ToString() const;       // escaped for a log line, at most 256 characters
  friend bool operator==(const Identity&, const Identity&) = default;
};

// `pattern` as configured ("%any", exact, "*.example.org"): does it admit `id`?
bool Matches(std::string_view pattern, const Identity& id);

}  // namespace culvert::ike
