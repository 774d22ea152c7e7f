#pragma once

#include <cstdint>

#include "common/base/limits.h"

namespace culvert {

// Our inbound SPIs, one table for ESP and AH:   | bucket 8 | random 10 | slot 14 |
// The bucket is what a fleet will move between nodes; the random bits make a stale SPI of a reused slot miss; (bucket, slot)
// is the worker's pair of array indices. Values below 256 are reserved (RFC 4303 2.1) and never drawn. Host byte order.
using Spi = uint32_t;

inline constexpr Spi kFirstSpi = 256;  // the lowest not reserved
inline constexpr unsigned kSpiSlotBits = 14, kSpiRandomBits = 10;
inline constexpr uint32_t kSlotsPerBucket = 1u << kSpiSlotBits;
inline constexpr uint32_t kSaIndexLimit = 256u << kSpiSlotBits;   // one past the largest sa_index

inline constexpr Spi MakeSpi(uint8_t bucket, uint32_t random10, uint32_t slot) {
  return Spi{bucket} << 24 | (random10 & 0x3ff) << kSpiSlotBits | (slot & (kSlotsPerBucket - 1));
}
inline constexpr uint32_t SpiSlot(Spi s) { return s & (kSlotsPerBucket - 1); }
inline constexpr uint8_t SpiBucket(Spi s) { return static_cast<uint8_t>(s >> 24); }
// bucket << 14 | slot: names both directions of one Child SA in channel messages, tables and the state page.
inline constexpr uint32_t SaIndex(Spi s) { return uint32_t{SpiBucket(s)} << kSpiSlotBits | SpiSlot(s); }

// IKE SPIs carry the bucket in their top 8 bits; an IKE SA's children and successors keep it.
inline constexpr uint8_t IkeSpiBucket(uint64_t ike_spi) { return static_cast<uint8_t>(ike_spi >> 56); }

// The 8-byte IV of every counter-mode cipher, in ESP and in IKE's SK{}:  | node slot 6 | generation 10 | counter 48 |.
// It never repeats under one key: the generation rises at each later install of the same key, the counter is the extended
// sequence number (or IKE's message counter).
inline constexpr unsigned kMaxIvGeneration = (1u << 10) - 1;
inline constexpr uint64_t MakeIv(uint8_t node, uint16_t generation, uint64_t counter) {
  return uint64_t{node & 0x3fu} << 58 | uint64_t{generation & 0x3ffu} << 48 | (counter & ((uint64_t{1} << 48) - 1));
}

}  // namespace culvert
