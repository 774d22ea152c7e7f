#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

namespace culvert::config {

// One complaint, ready to print: "culvert.conf:12: dataplane.ports.wan.mtu: 70000 is not between 576 and 9216".
struct Complaint {
  enum class Level : uint8_t { kWarning, kError } level = Level::kError;
  std::string text;
};
using Complaints = std::vector<Complaint>;

inline bool HasErrors(const Complaints& c) {
  return std::ranges::any_of(c, [](const Complaint& x) { return x.level == Complaint::Level::kError; });
}

}  // namespace culvert::config
