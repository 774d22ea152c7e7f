#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"

namespace culvert::ike {

// absl::StrCat that takes std::string_view: Debian's Abseil has a string_view type of its own.
inline absl::string_view ForCat(std::string_view s) { return {s.data(), s.size()}; }
inline absl::string_view ForCat(const std::string& s) { return {s.data(), s.size()}; }
inline absl::string_view ForCat(const char* s) { return s; }
template <typename T>
const T& ForCat(const T& v) {
  return v;
}
template <typename... Parts>
std::string Cat(const Parts&... parts) {
  return absl::StrCat(ForCat(parts)...);
}

// The texts, with `separator` between them.
inline std::string Join(const std::vector<std::string>& texts, std::string_view separator) {
  std::string out;
  for (const auto& t : texts) out += (out.empty() ? std::string() : std::string(separator)) + t;
  return out;
}

}  // namespace culvert::ike
