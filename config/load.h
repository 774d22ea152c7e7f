#pragma once

#include <expected>

#include "config/model.h"

namespace culvert::config {

// One complaint, ready to print: "culvert.conf:12: dataplane.ports.wan.mtu: 70000 is not between 576 and 9216".
struct Complaint {
  enum class Level : uint8_t { kWarning, kError } level = Level::kError;
  std::string text;
};
using Complaints = std::vector<Complaint>;
bool HasErrors(const Complaints& c);

// Reads DIR/culvert.conf. Every problem is collected, not only the first; a value is returned only without errors.
// LoadDataplane parses nothing that `control` includes: the dataplane neither opens nor may read secrets.
std::optional<Dataplane> LoadDataplane(const std::string& dir, Complaints& complaints);
std::optional<Control> LoadControl(const std::string& dir, Complaints& complaints);

}  // namespace culvert::config
