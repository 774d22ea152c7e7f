#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "dataplane/main/watch_parts.h"
#include "dataplane/sa/database.h"
#include "dataplane/watch/watch.h"

// What is told of watched packets, as JSON. Main thread.
namespace culvert::dp {

struct WatchNames {
  std::vector<std::string> ports;  // by index
  std::function<std::optional<SaLabel>(channel::Direction, uint32_t sa_index)> label;
};

// One packet: {"packet": id, "path": [{"stage", "worker", "cycles", ...}, ..., {"exit", ...}]}; cycles since the entry before.
nlohmann::ordered_json PathReport(std::span<PathPart* const> parts, const WatchNames& names);

// Between a worker's clock and the wall's, taken when the watching began.
struct WallClock {
  uint64_t tsc = 0, hz = 1;
  int64_t nanos = 0;
  int64_t At(uint64_t then) const {
    return nanos + static_cast<int64_t>(static_cast<double>(static_cast<int64_t>(then - tsc)) * 1e9 / static_cast<double>(hz));
  }
};

// The frames of one packet that have not been told yet, as a capture has them: interface (a port's index; behind them "inside",
// whose packets begin at the IP header), direction, time, octets, and a comment that names the SA. What an SA does not encipher
// is cut behind the headers, unless the clear text was asked for.
std::vector<nlohmann::ordered_json> FrameReports(std::span<PathPart* const> parts, const WatchNames& names,
                                                 const WallClock& clock, bool clear_text);

// Cycles and packets by pass, of each worker and of all; passes that did nothing are left out.
struct WorkerUse {
  const Watch* watch;
  uint64_t polls, empty_polls;  // meanwhile
};
nlohmann::ordered_json StagesReport(std::span<const WorkerUse> workers, uint64_t tsc_hz);

}  // namespace culvert::dp
