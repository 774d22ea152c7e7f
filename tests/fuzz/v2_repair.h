#pragma once

#include "common/bytes/bytes.h"
#include "control/ike/wire/chain.h"

// Length fields after a blind mutation: without this nearly every mutation dies at the first length check. Defined by
// libFuzzer and by replay_main.cc:
extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

namespace culvert::ike {

// Makes the first payload that does not fit the last one and has it reach exactly to the end.
inline void RepairChain(ByteSpan chain) {
  for (size_t at = 0; chain.size() - at >= kGenericHeaderSize;) {
    const size_t left = chain.size() - at;
    const size_t length = static_cast<size_t>(chain[at + 2]) << 8 | chain[at + 3];
    const bool another_fits = length >= kGenericHeaderSize && length + kGenericHeaderSize <= left;
    if (chain[at] == 0 || !another_fits) {
      if (!another_fits && length != left) chain[at] = 0;
      chain[at + 2] = static_cast<uint8_t>(left >> 8);
      chain[at + 3] = static_cast<uint8_t>(left);
      return;
    }
    at += length;
  }
}

}  // namespace culvert::ike
