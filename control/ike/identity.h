#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "common/bytes/bytes.h"
#include "config/identity_check.h"
#include "control/ike/wire/registry.h"

namespace culvert::ike {

// An IKE identity, owned (RFC 7296 3.5). What a peer sent may be anything: types without a name, addresses of a wrong length.
struct Identity {
  IdType type = IdType::kFqdn;
  Bytes data;

  // swanctl.conf's spelling of one identity:
  //   192.0.2.1  2001:db8::1            address
  //   C=CH, O=Example, CN=gw  /C=CH/..  DN, as DER; what has a '=' and is no DN is a key ID of that text, as with charon
  //   gw.example.org  @gw.example.org   FQDN
  //   user@example.org  @@user          RFC 822 address
  //   @#c0ffee                          key ID in hex
  //   fqdn: dns: email: rfc822: userfqdn: keyid: ipv4: ipv6: asn1dn: asn1gn: {N}:   that type; a value of '#' and hex is raw
  // nullopt for what names no single identity: the spellings of "any" (NamesAnyIdentity), address ranges, and values that
  // their prefix does not allow.
  static std::optional<Identity> Parse(std::string_view text);

  // For a log line: escaped, at most 256 characters. What has no readable form is "{type}:#hex".
  std::string ToString() const;
  friend bool operator==(const Identity&, const Identity&) = default;
};

// "", "%any", "%any6", "0.0.0.0", "::" or "*".
bool NamesAnyIdentity(std::string_view text);

// The config::IdentityCheck of this process: a local identity must be one, a peer's must be one or a pattern, a PPK_ID what
// ParsePpkId() takes.
std::string CheckIdentity(std::string_view text, config::IdentityUse use);

// Of an identity and all that differ from it in ASCII case alone, where its type has no case: equal for them alone.
std::string FoldedKey(const Identity& id);

// A pattern as configured, read once. Any spelling of "any" admits everything; otherwise the types are equal and
//   FQDN, RFC 822: equal but for ASCII case, or ending in what follows a leading '*'
//   address: equal, or inside a prefix or range ("10.0.0.0/8", "10.0.0.1-10.0.0.9", also with ipv4: ipv4net: ipv4range: ...)
//   DN: as many RDNs in the same order, each of the same type and equal but for ASCII case and string type, or '*'
//   others: equal
// A pattern that does not parse admits nothing.
class IdentityPattern {
 public:
  explicit IdentityPattern(std::string_view text);

  bool Admits(const Identity& id) const;
  // The FoldedKey() of all it admits; nullopt where they may have several.
  std::optional<std::string> SoleKey() const;

 private:
  struct Anybody {};
  struct Nobody {};
  std::variant<Nobody, Anybody, IpRange, Identity> meaning_;
};

inline bool Matches(std::string_view pattern, const Identity& id) { return IdentityPattern(pattern).Admits(id); }

}  // namespace culvert::ike
