#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "dataplane/watch/filter.h"

namespace culvert::dp {

// What a client of the control socket asks to see: {"watch": {"kind": "trace", ...}}.
//
//   kind        trace, capture or stages
//   seconds     1 to 3600; 10, of stages 1
//   count       packets, 1 to 1000000; 100
//   port sa spi drop protocol from from_port to to_port
//               see WatchFilter; sa: a child's or connection's name; drop: a reason, or "any"; protocol: a name or a number
//   snap        capture: octets of a frame, 64 to 9300; 2048
//   clear_text  capture: false
struct WatchRequest {
  enum class Kind : uint8_t { kTrace, kCapture, kStages };
  Kind kind = Kind::kTrace;
  WatchFilter filter;      // but for `sas`
  std::string sa;          // empty: any
  bool clear_text = false;
  uint16_t snap = 2048;
  uint32_t count = 100, seconds = 10;
};

const char* Name(WatchRequest::Kind k);  // "trace"

// A key it does not know is an error: a filter that is not obeyed would show too much. `ports` by their index.
absl::StatusOr<WatchRequest> ReadWatchRequest(const nlohmann::json& request, const std::vector<std::string>& ports);

}  // namespace culvert::dp
