#pragma once

#include <algorithm>

#include <gtest/gtest.h>
#include <openssl/evp.h>

#include "common/bytes/hex.h"
#include "control/ike/crypto/random.h"

namespace culvert::ike {

// Hexadecimal digits of a table; spaces are for the eye.
inline Bytes Unhex(std::string_view digits) {
  std::string dense;
  std::ranges::copy_if(digits, std::back_inserter(dense), [](char c) { return c != ' '; });
  auto bytes = FromHex(dense);
  EXPECT_TRUE(bytes) << digits;
  return bytes.value_or(Bytes{});
}

inline std::string Sha256Hex(ByteView data) {
  uint8_t digest[32];
  EXPECT_EQ(EVP_Digest(data.data(), data.size(), digest, nullptr, EVP_sha256(), nullptr), 1);
  return ToHex(digest);
}

// Reproducible, and never the same octets twice.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(uint64_t seed) : state_(seed * 2 + 1) {}
  void Fill(ByteSpan out) override {
    for (uint8_t& b : out) b = static_cast<uint8_t>(Next() >> 56);
  }
  uint64_t Next() {  // xorshift64*
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return state_ * 0x2545f4914f6cdd1dULL;
  }
  uint32_t Below(uint32_t n) { return static_cast<uint32_t>((Next() >> 32) % n); }

 private:
  uint64_t state_;
};

// Gives the same octets every time.
class FixedRandom final : public Random {
 public:
  explicit FixedRandom(Bytes octets) : octets_(std::move(octets)) {}
  void Fill(ByteSpan out) override {
    ASSERT_LE(out.size(), octets_.size());
    std::copy_n(octets_.begin(), out.size(), out.begin());
  }

 private:
  Bytes octets_;
};

}  // namespace culvert::ike
