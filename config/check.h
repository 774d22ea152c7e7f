#pragma once

#include <ostream>
#include <string>

#include "config/complaint.h"
#include "config/identity_check.h"

namespace culvert::config {

inline constexpr int kExitConfig = 78;  // sysexits.h's EX_CONFIG

// One complaint a line, "error: " or "warning: " in front. Returns kExitConfig where one is an error, else 0.
int PrintComplaints(const Complaints& complaints, std::ostream& to);

// What a program's --check does: loads its part of DIR/culvert.conf and prints what is wrong. Returns the exit code.
int CheckDataplane(const std::string& dir, std::ostream& to);
int CheckControl(const std::string& dir, IdentityCheck identities, std::ostream& to);

}  // namespace culvert::config
