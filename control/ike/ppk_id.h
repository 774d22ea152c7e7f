#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/bytes/bytes.h"

namespace culvert::ike {

// What a post-quantum pre-shared key goes by, as PPK_IDENTITY carries it (RFC 8784 5.1): one octet of type, then octets that
// both sides compare as they are.
enum class PpkIdType : uint8_t { kOpaque = 1, kFixed = 2 };

// swanctl.conf's spelling: an identity (control/ike/identity.h), of which the octets count and not the type, as with charon; of
// type kFixed, or kOpaque with "opaque:" in front. nullopt for what names no single one.
std::optional<Bytes> ParsePpkId(std::string_view text);

// Whether it has a type of those above and something behind it.
bool IsPpkId(ByteView id);

// For a log line: escaped; "opaque:" in front where it is of that type, hex where it has no readable form.
std::string PpkIdToString(ByteView id);

}  // namespace culvert::ike
