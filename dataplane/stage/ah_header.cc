#include "dataplane/stage/ah_header.h"

#include <rte_ip.h>

#include <algorithm>
#include <cstring>

#include "dataplane/stage/ip_front.h"

namespace culvert::dp {
namespace {

// RFC 4302 A1: security (RFC 1108), its extension and the commercial one, router alert, sender directed delivery. Every other
// one, known or not, is zero in the ICV.
bool IsImmutableOption(uint8_t type) {
  return type == 130 || type == 133 || type == 134 || type == 148 || type == 149;
}

bool MuteOptionsV4(uint8_t* at, uint8_t* end) {
  constexpr uint8_t kEnd = 0, kNoOperation = 1;
  while (at < end && *at != kEnd) {
    if (*at == kNoOperation) {
      ++at;
      continue;
    }
    if (end - at < 2 || at[1] < 2 || at[1] > end - at) return false;
    uint8_t* next = at + at[1];
    if (!IsImmutableOption(*at)) std::fill(at, next, uint8_t{0});
    at = next;
  }
  return true;
}

// RFC 4302 3.3.3.1.2.2: type and length of an option always count, its data where the third bit says that no router changes it
// (RFC 8200 4.2).
bool MuteOptionsV6(uint8_t* at, uint8_t* end) {
  constexpr uint8_t kPad1 = 0, kMayChange = 0x20;
  while (at < end) {
    if (*at == kPad1) {
      ++at;
      continue;
    }
    if (end - at < 2 || at[1] > end - at - 2) return false;
    uint8_t* next = at + 2 + at[1];
    if (*at & kMayChange) std::fill(at + 2, next, uint8_t{0});
    at = next;
  }
  return true;
}

bool MuteV6(uint8_t* data, uint16_t front) {
  // RFC 4302 3.3.3.1.2.1: class, flow label and hop limit.
  data[0] = 0x60;
  data[1] = data[2] = data[3] = 0;
  data[offsetof(rte_ipv6_hdr, hop_limits)] = 0;
  uint8_t next = data[offsetof(rte_ipv6_hdr, proto)];
  for (uint32_t at = sizeof(rte_ipv6_hdr); at < front;) {
    // Reassembly would have taken it away, and one before a whole packet no sender of AH leaves there (RFC 8021).
    if (next == kFragmentHeader) return false;
    uint32_t size = ExtensionSize(data + at, next);
    bool options = next == kHopByHop || next == kDestinationOptions;
    if (options && !MuteOptionsV6(data + at + 2, data + at + size)) return false;
    next = data[at];
    at += size;
  }
  return true;
}

}  // namespace

bool MuteFront(uint8_t* data, uint8_t family, uint16_t front) {
  if (family != 4) return MuteV6(data, front);
  // RFC 4302 3.3.3.1.1: DSCP and ECN, flags and offset, TTL, checksum.
  auto* ip = reinterpret_cast<rte_ipv4_hdr*>(data);
  ip->type_of_service = 0;
  ip->fragment_offset = 0;
  ip->time_to_live = 0;
  ip->hdr_checksum = 0;
  return MuteOptionsV4(data + sizeof *ip, data + front);
}

}  // namespace culvert::dp
