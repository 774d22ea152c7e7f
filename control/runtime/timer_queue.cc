#include "control/runtime/timer_queue.h"

namespace culvert::control {

void TimerQueue::Arm(ike::TimerId id, Time at) {
  auto [it, fresh] = by_id_.try_emplace(id, at);
  if (!fresh) {
    by_time_.erase({it->second, id});
    it->second = at;
  }
  by_time_.insert({at, id});
}

void TimerQueue::Cancel(ike::TimerId id) {
  auto it = by_id_.find(id);
  if (it == by_id_.end()) return;
  by_time_.erase({it->second, id});
  by_id_.erase(it);
}

std::optional<Time> TimerQueue::next() const {
  if (by_time_.empty()) return std::nullopt;
  return by_time_.begin()->first;
}

std::optional<ike::TimerId> TimerQueue::PopDue(Time now) {
  if (by_time_.empty() || by_time_.begin()->first > now) return std::nullopt;
  ike::TimerId id = by_time_.begin()->second;
  by_time_.erase(by_time_.begin());
  by_id_.erase(id);
  return id;
}

}  // namespace culvert::control
