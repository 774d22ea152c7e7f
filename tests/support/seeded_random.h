#pragma once

#include "control/ike/crypto/random.h"

namespace culvert::ike {

// splitmix64: the same run from the same seed.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(uint64_t seed) : state_(seed) {}

  uint64_t Next() {
    uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
  }
  uint64_t Below(uint64_t n) { return Next() % n; }
  bool Chance(double p) { return static_cast<double>(Next() >> 11) * 0x1p-53 < p; }

  void Fill(ByteSpan out) override {
    for (size_t i = 0; i < out.size(); i += 8) {
      uint64_t v = Next();
      std::memcpy(out.data() + i, &v, std::min<size_t>(8, out.size() - i));
    }
  }

 private:
  uint64_t state_;
};

}  // namespace culvert::ike
