#pragma once

#include <nlohmann/json.hpp>

#include "common/vici/message.h"

namespace culvert::ctl {

// A VICI tree as JSON: sections become objects, lists arrays, values strings; "-" in names becomes "_". Numbers are
// numbers, "yes" is true.
nlohmann::ordered_json ToJson(const vici::Section& section);

}  // namespace culvert::ctl
