#pragma once

#include <absl/status/statusor.h>

#include <nlohmann/json.hpp>
#include <string>

namespace culvert::ctl {

// One question to culvert-dataplane's RUN/dataplane-ctl.sock: {"get": WHAT} on one line, one line of JSON back.
absl::StatusOr<nlohmann::json> AskDataplane(const std::string& socket_path, const std::string& what);

}  // namespace culvert::ctl
