#pragma once

#include "control/ike/context.h"
#include "control/ike/v2/receive.h"

// What a Child SA is to protect, before anybody narrows it: traffic selectors as they are configured and as they come, in
// tunnel mode and in transport mode (RFC 7296 2.9, 2.23.1).
namespace culvert::ike {

// In our own view.
struct Selectors {
  SelectorList local, remote;
};
std::string ToString(const Selectors& s);

// What `c` protects between the two ends of `path`, which are what `dynamic` and nothing at all stand for. A side may be empty
// in transport mode: that protects the ends alone, and its selectors may not reach them.
Selectors ConfiguredFor(const config::Child& c, const Path& path);

// Those of a message.
Selectors SelectorsIn(const Inbound& in, bool we_are_requester);

// RFC 7296 1.3.1: whether the message asks for transport mode, or agrees to it.
bool SaysTransport(const Inbound& in);

// RFC 7296 2.23.1: an end behind a NAT is known to the other by the NAT's address, and says its own in its selectors. From here
// on they are of the addresses that packets have on this side of the NAT; what the peer had there is returned. nullopt: they
// are not each of one address, as they must be, or of another family; `s` is then as it was.
std::optional<OriginalAddresses> SubstituteForNat(const Path& path, Selectors& s);

// Whether the SA can be carried by `path` too: AH goes through no NAT, and transport mode is for the ends it was made for.
bool OutlivesMove(const ChildSa& child, const Path& path);

}  // namespace culvert::ike
