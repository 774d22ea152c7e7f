#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

namespace culvert {

using Bytes = std::vector<uint8_t>;
using ByteView = std::span<const uint8_t>;   // borrows; the owner is named where a view is stored
using ByteSpan = std::span<uint8_t>;

inline ByteView AsBytes(std::string_view s) { return {reinterpret_cast<const uint8_t*>(s.data()), s.size()}; }
inline std::string_view AsString(ByteView b) { return {reinterpret_cast<const char*>(b.data()), b.size()}; }
inline Bytes ToBytes(ByteView b) { return Bytes(b.begin(), b.end()); }
inline void Append(Bytes& to, ByteView b) { to.insert(to.end(), b.begin(), b.end()); }
// Not for tags, keys or cookies: those compare with EqualConstantTime (secret.h).
inline bool Equal(ByteView a, ByteView b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size()) == 0);
}

}  // namespace culvert
