#include "common/bytes/secret.h"

#include <string.h>

namespace culvert {

void WipeBytes(ByteSpan b) {
  if (!b.empty()) explicit_bzero(b.data(), b.size());
}

bool EqualConstantTime(ByteView a, ByteView b) {
  if (a.size() != b.size()) return false;
  uint8_t diff = 0;
  for (size_t i = 0; i < a.size(); ++i) diff = static_cast<uint8_t>(diff | (a[i] ^ b[i]));
  // The barrier keeps the loop from being turned into an early-exit compare.
  asm volatile("" : "+r"(diff));
  return diff == 0;
}

}  // namespace culvert
