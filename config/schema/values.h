#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/bytes/secret.h"
#include "config/model.h"
#include "config/tree.h"

// The value syntaxes of swanctl.conf and culvert.conf. Pure; an error says what was expected, never the value where it may
// be a secret.
namespace culvert::config {

template <typename T>
using Parsed = std::expected<T, std::string>;

std::optional<bool> ParseBool(std::string_view text);                              // yes true enabled 1, no false disabled 0
Parsed<uint64_t> ParseInteger(std::string_view text, uint64_t min, uint64_t max);  // decimal, or 0x hexadecimal
Parsed<double> ParseFraction(std::string_view text, double min, double max);       // "1.8"
Parsed<uint64_t> ParseTime(std::string_view text);                                 // seconds; suffix s, m, h or d
Parsed<uint64_t> ParseSize(std::string_view text);  // octets or packets; suffix k, m or g (powers of 1024)
Parsed<Ts> ParseSelector(std::string_view text);    // "10.0.0.0/8[tcp/80]", "dynamic"
// An address, a host name, a prefix, a range, %any, %any4 or %any6: what an IKE endpoint may be. Text as written.
Parsed<std::string> ParsePeerAddress(std::string_view text);
Parsed<IpPrefix> ParsePortAddress(std::string_view text);  // "192.0.2.1/24", host bits kept
Parsed<SecretBytes> ParseSecret(std::string_view text);    // 0x hexadecimal, 0s base64, else the text itself
Parsed<std::vector<unsigned>> ParseCores(std::string_view text, unsigned cores);  // "2" is the last two; "1, 4-6" names them

// The parts between commas, trimmed, empty ones dropped; of a list that came as one, its items.
std::vector<std::string> Items(const Value& value);

}  // namespace culvert::config
