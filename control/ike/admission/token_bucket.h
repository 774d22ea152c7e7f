#pragma once

#include <algorithm>

#include "common/base/time.h"

namespace culvert::ike {

// Allows `burst` events at once and `per_second` sustained.
class TokenBucket {
 public:
  TokenBucket(double burst, double per_second) : burst_(burst), rate_(per_second), tokens_(burst) {}

  bool Take(Time now) {
    if (now > at_) {
      tokens_ = std::min(burst_, tokens_ + std::chrono::duration<double>(now - at_).count() * rate_);
      at_ = now;
    }
    if (tokens_ < 1) return false;
    tokens_ -= 1;
    return true;
  }

 private:
  double burst_, rate_, tokens_;
  Time at_{};
};

}  // namespace culvert::ike
