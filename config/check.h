#pragma once

#include <ostream>
#include <string>

#include "config/complaint.h"

namespace culvert::config {

inline constexpr int kExitConfig = 78;  // sysexits.h's EX_CONFIG

// One complaint a line, "error: " or "warning: " in front. Returns kExitConfig where one is an error, else 0.
int PrintComplaints(const Complaints& complaints, std::ostream& to);

// What culvert-dataplane's --check does: loads its part of DIR/culvert.conf and prints what is wrong. Returns the exit code.
int CheckDataplane(const std::string& dir, std::ostream& to);

}  // namespace culvert::config
