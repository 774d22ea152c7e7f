#pragma once

#include <absl/status/statusor.h>

#include <functional>
#include <nlohmann/json.hpp>
#include <string>

namespace culvert::ctl {

// One question to culvert-dataplane's RUN/dataplane-ctl.sock, {"get": WHAT} or {"move": {...}}: one line of JSON back.
absl::StatusOr<nlohmann::json> AskDataplane(const std::string& socket_path, const nlohmann::json& question);

// A question that is answered by as many lines as there are, each an object, up to one that has the key `last`; `each` gets
// them as they come, and ends it by an error of its own.
absl::Status AskDataplaneForMore(const std::string& socket_path, const nlohmann::json& question, const std::string& last,
                                 const std::function<absl::Status(const nlohmann::ordered_json&)>& each);

}  // namespace culvert::ctl
