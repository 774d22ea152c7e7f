#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/bytes/bytes.h"

namespace culvert {

std::string ToHex(ByteView b);                              // lower case, no prefix
std::optional<Bytes> FromHex(std::string_view s);           // even number of digits, no prefix or separators

// A peer's string made safe for one log line: what is not printable ASCII, quotes and backslashes become \xNN; cut
// to 256 characters, "..." included (hostile.md R10, B32).
std::string Escape(std::string_view peer_text);

}  // namespace culvert
