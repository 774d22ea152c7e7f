#include "control/ike/crypto/random.h"

#include <climits>

#include <openssl/rand.h>

#include "absl/log/check.h"

namespace culvert::ike {

void SystemRandom::Fill(ByteSpan out) {
  CHECK_LE(out.size(), static_cast<size_t>(INT_MAX));
  CHECK_EQ(RAND_bytes(out.data(), static_cast<int>(out.size())), 1) << "the random generator failed";
}

}  // namespace culvert::ike
