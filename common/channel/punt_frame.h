#pragma once

#include "common/channel/wire_types.h"

// IKE datagrams, both ways: punted (from the wire to culvert-ike) and injected (from culvert-ike to the wire).
namespace culvert::channel {

inline constexpr size_t kPuntSlot = 2048;         // octets of one slot, head included

// The first slot of a datagram starts with this head; a longer datagram goes on in successive slots, published at once.
struct PuntHead {
  uint64_t epoch;
  uint32_t length;           // octets of the UDP payload, at most 65,507; a non-ESP marker is stripped and told by `marker`
  uint16_t slots;            // that this datagram takes, head's slot included
  uint8_t marker;            // 1: arrived with, or is to be sent with, the four zero octets of RFC 3948 2.2
  uint8_t dscp;
  uint8_t ttl;               // received; 0 when injecting: the port's default
  uint8_t zero[3];
  uint32_t vrf;              // 0
  WireEndpoint local, remote;
  uint32_t zero2[2];
};
static_assert(sizeof(PuntHead) == 88);

}  // namespace culvert::channel
