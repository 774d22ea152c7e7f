#pragma once

#include <rte_byteorder.h>

#include <cstdint>
#include <cstring>

// Numbers of packets: network byte order, at any address.
namespace culvert::dp {

inline uint16_t LoadBe16(const uint8_t* at) {
  uint16_t v;
  std::memcpy(&v, at, 2);
  return rte_be_to_cpu_16(v);
}

inline uint32_t LoadBe32(const uint8_t* at) {
  uint32_t v;
  std::memcpy(&v, at, 4);
  return rte_be_to_cpu_32(v);
}

// The low 16 bits of `v`.
inline void StoreBe16(uint8_t* at, uint32_t v) {
  auto be = rte_cpu_to_be_16(static_cast<uint16_t>(v));
  std::memcpy(at, &be, 2);
}

}  // namespace culvert::dp
