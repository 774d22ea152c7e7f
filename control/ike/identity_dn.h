#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/bytes/bytes.h"

// Distinguished names (RFC 5280 4.1.2.4) in DER, by way of OpenSSL. Pure and safe from any thread.
namespace culvert::ike {

// "C=CH, O=Example, CN=gw" or "/C=CH/O=Example/CN=gw", the form for values that hold commas; blanks around types and values
// are dropped. nullopt for an unknown attribute type, an empty list, or a part without '='.
std::optional<Bytes> DnFromText(std::string_view text);

// "C=CH, O=Example, CN=gw", attributes of one RDN joined by '+', unknown types as dotted OIDs. Values are the peer's, not
// escaped. nullopt where `der` is not exactly one name.
std::optional<std::string> DnToText(ByteView der);

// The DN rule of identity.h's Matches(); false where either is not a name.
bool DnMatches(ByteView pattern, ByteView id);

}  // namespace culvert::ike
