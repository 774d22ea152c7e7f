#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace culvert::config {

// What an entry of local_addrs or remote_addrs stands for: one address, which can be called; several (%any, a prefix, a range);
// or whatever address a name leads to.
enum class PeerAddress : uint8_t { kOne, kSeveral, kHost };

// Of an entry that was accepted as one.
PeerAddress KindOf(std::string_view entry);

// Whether one of the entries can be called: all others only say who may call.
bool NamesSomebody(const std::vector<std::string>& entries);

// RFC 1123 2.1: labels of letters, digits and hyphens, some letter among them, at most 253 octets in all.
bool IsHostName(std::string_view text);

}  // namespace culvert::config
