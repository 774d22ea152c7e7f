#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "common/base/time.h"
#include "dataplane/worker/grace.h"
#include "drivers/port/port.h"

namespace culvert::dp {

// Restarts a port that has gone deaf: frames come to it, says its device or the kernel's interface under it, its worker asks
// for them, and none arrives. Resets one whose device asks for it. Main thread.
//
//   well ── frames come and none arrives for kDeaf ──→ resting ── every worker has passed ──→ restarted, or reset, well again
//     └──────────── its device asks for a reset ──────────↑              │ that failed
//                                                         └──────────────┘ 1 s later, then 2, up to a minute
//
// One that stays deaf, or asks again, waits ever longer too: the cause may not be one that this takes away.
class PortWatchdog {
 public:
  static constexpr Duration kDeaf = std::chrono::seconds(1);
  static constexpr Duration kLongest = std::chrono::minutes(1);  // between two in vain

  // `passes`: how often the worker that receives on a port has asked it. `buffers`: whether there are any for what comes; a
  // port without is not deaf. Everything is borrowed.
  PortWatchdog(const std::vector<std::unique_ptr<Port>>& ports, Grace& grace, std::function<uint64_t(uint16_t port)> passes,
               std::function<bool()> buffers);

  void Tick(Time now);  // about every 100 ms
  uint64_t restarts(uint16_t port) const { return watched_[port].restarts; }
  uint64_t resets(uint16_t port) const { return watched_[port].resets; }

 private:
  struct Watched {
    Port::Stats last;
    uint64_t last_passes = 0;
    std::optional<Time> deaf_since;
    Time rests_until{};               // nothing is done before
    bool asked = false;               // for a reset: a restart is not enough
    std::optional<uint64_t> token;    // of Grace, since it rests
    Duration patience = kDeaf;
    uint64_t restarts = 0, resets = 0;
  };
  void Look(uint16_t index, Watched& w, Time now);
  void LayToRest(uint16_t index, Watched& w);
  void BringBack(uint16_t index, Watched& w, Time now);

  const std::vector<std::unique_ptr<Port>>& ports_;
  Grace& grace_;
  std::function<uint64_t(uint16_t)> passes_;
  std::function<bool()> buffers_;
  std::vector<Watched> watched_;
};

}  // namespace culvert::dp
