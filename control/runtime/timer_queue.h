#pragma once

#include <map>
#include <optional>
#include <set>

#include "control/ike/event.h"

namespace culvert::control {

// The core's armed timers, by deadline. Arm, Cancel and PopDue are O(log n); single-threaded.
class TimerQueue {
 public:
  void Arm(ike::TimerId id, Time at);  // replaces an armed timer of that id
  void Cancel(ike::TimerId id);        // of an unknown id: nothing
  std::optional<Time> next() const;    // earliest deadline
  std::optional<ike::TimerId> PopDue(Time now);
  size_t size() const { return by_id_.size(); }

 private:
  std::map<ike::TimerId, Time> by_id_;
  std::set<std::pair<Time, ike::TimerId>> by_time_;
};

}  // namespace culvert::control
