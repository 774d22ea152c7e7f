#include "dataplane/stage/inner_header.h"

#include "dataplane/stage/outer_header.h"

namespace culvert::dp {
namespace {

// RFC 1624 eqn. 3: the IPv4 header checksum after one 16-bit word of the header changed.
void AdjustChecksum(uint8_t* data, uint16_t before, uint16_t after) {
  auto sum = static_cast<uint16_t>(data[10] << 8 | data[11]);
  auto next = static_cast<uint16_t>(~FoldSum(static_cast<uint16_t>(~sum) + uint64_t{static_cast<uint16_t>(~before)} + after));
  data[10] = static_cast<uint8_t>(next >> 8);
  data[11] = static_cast<uint8_t>(next);
}

uint16_t Word(const uint8_t* at) { return static_cast<uint16_t>(at[0] << 8 | at[1]); }

}  // namespace

void SetTos(uint8_t* data, uint8_t family, uint8_t tos) {
  if (family != 4) {
    data[0] = static_cast<uint8_t>((data[0] & 0xf0) | tos >> 4);
    data[1] = static_cast<uint8_t>((data[1] & 0x0f) | tos << 4);
    return;
  }
  uint16_t before = Word(data);
  data[1] = tos;
  AdjustChecksum(data, before, Word(data));
}

bool DecapsulateEcn(uint8_t outer, uint8_t& inner) {
  if (outer == kCe) {
    if (inner == 0) return false;
    inner = kCe;
  } else if (outer == kEct1 && inner == kEct0) {
    inner = kEct1;
  }
  return true;
}

}  // namespace culvert::dp
