#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace culvert::ike {

// A row of a registry's names.
template <typename E>
struct NameRow {
  E value;
  std::string_view name;
};

// The name, or the number in decimal.
template <typename E>
std::string LookUpName(std::span<const NameRow<E>> table, E value) {
  for (const auto& row : table) {
    if (row.value == value) return std::string(row.name);
  }
  return std::to_string(std::to_underlying(value));
}

}  // namespace culvert::ike
