#pragma once

#include "control/ike/sa/child_sa.h"
#include "control/ike/sa/path.h"

// What a Child SA is to protect, before anybody narrows it: traffic selectors as they are configured, in tunnel mode and in
// transport mode.
namespace culvert::ike {

// In our own view.
struct Selectors {
  SelectorList local, remote;
};
std::string ToString(const Selectors& s);

// The two ends, which are what `dynamic` and nothing at all stand for: the outer addresses, or what was leased instead.
struct Ends {
  std::vector<IpAddress> local, remote;
  static Ends Of(const Path& path) { return {{path.local.address}, {path.remote.address}}; }
};
// What `c` protects. A side may be empty in transport mode: that protects the ends of `path` alone, and its selectors may not
// reach them.
Selectors ConfiguredFor(const config::Child& c, const Path& path, const Ends& ends);
inline Selectors ConfiguredFor(const config::Child& c, const Path& path) { return ConfiguredFor(c, path, Ends::Of(path)); }

// RFC 7296 2.23.1, RFC 3947 5.2: an end behind a NAT is known to the other by the NAT's address, and says its own in its
// selectors. From here on they are of the addresses that packets have on this side of the NAT; what the peer had there is
// returned. nullopt: they are not each of one address, as they must be, or of another family; `s` is then as it was.
std::optional<OriginalAddresses> SubstituteForNat(const Path& path, Selectors& s);

// Why the SA cannot be carried by `path` too, for the end of a line; nullptr: it can. AH goes through no NAT, transport mode
// is for the ends it was made for.
const char* StrandedBy(const ChildSa& child, const Path& path);

}  // namespace culvert::ike
