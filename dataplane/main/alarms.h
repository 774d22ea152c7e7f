#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>

#include "common/stats/drop.h"

namespace culvert::dp {

// Says when packets are dropped for reasons that honest traffic does not give, and faster than a mishap would: somebody forges,
// replays or probes, or a peer has other keys or selectors. However fast they come, one line when it begins, one in ten seconds
// while it lasts and one when it is over. Main thread.
class Alarms {
 public:
  static constexpr uint64_t kThreshold = 100;  // packets in a second, of one reason
  static constexpr unsigned kReminder = 10;    // seconds

  using Drops = std::array<uint64_t, kDropReasons>;  // since the process began
  using Say = std::function<void(const std::string&)>;
  explicit Alarms(Say say) : say_(std::move(say)) {}

  void Tick(const Drops& drops);  // once a second
  bool raised() const { return seconds_ != 0; }

 private:
  Say say_;
  Drops last_{}, at_begin_{};
  unsigned seconds_ = 0;  // that it has lasted
};

}  // namespace culvert::dp
