#pragma once

#include <string>
#include <string_view>

#include "config/report.h"
#include "config/schema/keys.h"
#include "config/tree.h"

namespace culvert::config {

// Holds everything inside `section` against the table: unknown names, values that do not parse, verdicts. `rule_path` is the
// section's path in the table, `shown` what complaints call it. A child that another section takes from (`defaults { }`) may
// have any name: its content is checked where it is inherited.
void CheckKeys(const Section& section, std::string_view rule_path, const std::string& shown, Report& report);

// The problem with a value of that type, empty if none. Proposals and selectors are parsed too.
std::string CheckValue(const Key& key, const Value& value);

}  // namespace culvert::config
