#include "dataplane/policy/spd_publisher.h"

#include <utility>

namespace culvert::dp {

void SpdPublisher::Poll() {
  for (;;) {
    if (!half_.empty()) {
      if (!grace_.Passed(token_)) return;
      auto done = std::exchange(half_, {});
      for (Change& c : done) c.apply(standby());
      standby().generation = generation_;
      for (Change& c : done) {
        if (c.settled) c.settled();
      }
    }
    if (waiting_.empty()) return;
    half_.assign(std::make_move_iterator(waiting_.begin()), std::make_move_iterator(waiting_.end()));
    waiting_.clear();
    bool policies = false;
    for (Change& c : half_) {
      c.apply(standby());
      policies |= c.policies;
    }
    if (policies && ++generation_ == 0) generation_ = 1;
    standby().generation = generation_;
    current_.store(&standby(), std::memory_order_release);
    token_ = grace_.Begin();
    // A callback may call Poll's owner back, but never Poll: half_ stays as it is.
    for (size_t i = 0; i < half_.size(); ++i) {
      if (half_[i].published) half_[i].published();
    }
  }
}

}  // namespace culvert::dp
