#include "dataplane/stage/nat_checksum.h"

#include <rte_byteorder.h>

#include <cstring>

#include "dataplane/stage/outer_header.h"

namespace culvert::dp {
namespace {

constexpr uint8_t kTcp = 6, kUdp = 17, kDccp = 33, kIcmpV6 = 58, kUdpLite = 136;

uint16_t Word(const uint8_t* at) {
  uint16_t v;
  std::memcpy(&v, at, 2);
  return v;
}

// Of the checksum in the upper-layer header, 0: none that has addresses in it.
uint16_t OffsetOf(const Packet& p) {
  switch (p.protocol) {
    case kTcp: return 16;
    case kUdp:
    case kUdpLite:
    case kDccp: return 6;
    case kIcmpV6: return p.family == 6 ? 2 : 0;
    default: return 0;
  }
}

}  // namespace

// Words as they lie in memory: a ones' complement sum is the same in either byte order (RFC 1071 2).
uint16_t AddressDifference(const uint8_t* before, const uint8_t* after, uint8_t family) {
  uint32_t sum = 0;
  for (size_t i = 0; i < (family == 4 ? 4u : 16u); i += 2) {
    sum += static_cast<uint16_t>(~Word(before + i));
    sum += Word(after + i);
  }
  return SumOfDifferences(FoldSum(sum), 0);
}

uint16_t PortDifference(uint16_t before, uint16_t after) {
  return SumOfDifferences(static_cast<uint16_t>(~rte_cpu_to_be_16(before)), rte_cpu_to_be_16(after));
}

uint16_t SumOfDifferences(uint16_t a, uint16_t b) {
  uint16_t sum = FoldSum(uint32_t{a} + b);
  return sum == 0xffff ? 0 : sum;  // the other zero
}

void MendChecksum(Packet& p, uint16_t difference) {
  uint16_t offset = OffsetOf(p);
  if (offset == 0 || p.length < p.l4 + offset + 2u) return;
  auto* at = rte_pktmbuf_mtod_offset(p.m, uint8_t*, p.l4 + offset);
  uint16_t sum = Word(at);
  if (p.protocol == kUdp && sum == 0) return;  // RFC 768: none was made
  sum = static_cast<uint16_t>(~FoldSum(static_cast<uint16_t>(~sum) + uint32_t{difference}));
  if (p.protocol == kUdp && sum == 0) sum = 0xffff;
  std::memcpy(at, &sum, sizeof sum);
}

}  // namespace culvert::dp
