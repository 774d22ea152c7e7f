#pragma once

#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace culvert::config {

// Joins text and integers. (Debian's Abseil is built with a string_view of its own, which std::string_view does not become.)
template <typename... Parts>
std::string Cat(const Parts&... parts) {
  std::string out;
  auto add = [&out](const auto& part) {
    if constexpr (std::is_arithmetic_v<std::decay_t<decltype(part)>>) out += std::to_string(part);
    else out += part;
  };
  (add(parts), ...);
  return out;
}

std::string_view Trim(std::string_view text);                       // without blanks, tabs and line ends at both ends
std::vector<std::string_view> Split(std::string_view text, char separator);  // at least one part; parts may be empty
char Lower(char c);                                                 // ASCII only, whatever the locale
bool EqualIgnoringCase(std::string_view a, std::string_view b);     // ASCII only

}  // namespace culvert::config
