#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "dataplane/policy/spd.h"
#include "dataplane/worker/grace.h"

namespace culvert::dp {

// Keeps two copies of the SPD: workers read one, main changes the other, then they change places. A change is made to the
// second copy once no worker can still be reading it. Main thread, but for current().
class SpdPublisher {
 public:
  explicit SpdPublisher(Grace& grace) : grace_(grace) {}

  struct Change {
    std::function<void(Spd&)> apply;  // twice, once to each copy
    bool policies = false;            // changes the policy set: what workers have cached is stale
    std::function<void()> published;  // workers that begin a pass from now on see it; may be null
    std::function<void()> settled;    // no worker sees a copy without it; may be null
  };
  void Enqueue(Change c) { waiting_.push_back(std::move(c)); }
  // Takes what is waiting as far as the workers' grace points allow. A callback may enqueue.
  void Poll();
  bool idle() const { return waiting_.empty() && half_.empty(); }

  // Workers, once a pass: valid until its end.
  const Spd* current() const { return current_.load(std::memory_order_acquire); }
  // Main: the newest published state.
  const Spd& newest() const { return *current_.load(std::memory_order_relaxed); }

 private:
  Spd& standby() { return current_.load(std::memory_order_relaxed) == &copies_[0] ? copies_[1] : copies_[0]; }

  Grace& grace_;
  Spd copies_[2];
  std::atomic<const Spd*> current_{&copies_[0]};
  std::deque<Change> waiting_;  // in neither copy
  std::vector<Change> half_;    // published, not yet in the standby copy
  uint64_t token_ = 0;          // of the grace period half_ waits for
  uint32_t generation_ = 1;
};

}  // namespace culvert::dp
