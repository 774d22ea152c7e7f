#pragma once

#include "common/bytes/bytes.h"

namespace culvert::ike {

// The core's only source of randomness, given to it. The real one is OpenSSL's (a failure there stops negotiating, F23);
// a seeded one exists in tests only.
class Random {
 public:
  virtual ~Random() = default;
  virtual void Fill(ByteSpan out) = 0;

  uint64_t U64() {
    uint8_t b[8];
    Fill(b);
    uint64_t v;
    std::memcpy(&v, b, 8);
    return v;
  }
  Bytes Take(size_t n) {
    Bytes b(n);
    Fill(b);
    return b;
  }
};

// RAND_bytes; aborts the process when the generator fails, for there is no safe way on.
class SystemRandom final : public Random {
 public:
  void Fill(ByteSpan out) override;
};

}  // namespace culvert::ike
