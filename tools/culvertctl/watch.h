#pragma once

#include <absl/status/status.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "tools/culvertctl/commands.h"

// Watching a gateway's packets: questions that the data plane answers line by line.
namespace culvert::ctl {

// Which packets, and how many; empty and zero: not said.
struct WatchOptions {
  std::string port, sa, spi, drop, protocol, from, to;
  uint16_t from_port = 0, to_port = 0;
  uint32_t count = 0, seconds = 0;
  uint32_t snap = 0;           // capture
  bool clear_text = false;     // capture
};

absl::Status Trace(const Context& ctx, const WatchOptions& o);
// Into a file, or "-" for stdout.
absl::Status Capture(const Context& ctx, const WatchOptions& o, const std::string& file);
absl::Status Stages(const Context& ctx, const WatchOptions& o);

// One packet's way, as the data plane tells it, in lines of text; stages likewise.
std::string TraceText(const nlohmann::ordered_json& packet);
std::string StagesText(const nlohmann::ordered_json& stages);

}  // namespace culvert::ctl
