#pragma once

#include <cstdint>

#include "dataplane/sa/sa_tables.h"

namespace culvert::dp {

// One installation of an SA, where a pointer may not be kept: in Packet::tag, and in what a device is told of a session. An
// index is used again, an installation never in this process.
struct SaTag {
  uint32_t sa_index, installation;

  static constexpr SaTag Of(uint64_t word) { return {static_cast<uint32_t>(word), static_cast<uint32_t>(word >> 32)}; }
  constexpr uint64_t word() const { return uint64_t{installation} << 32 | sa_index; }
};

// Null: it is there no more. For the pass in hand.
inline OutboundSa* FindOutbound(const SaTables& tables, SaTag tag) {
  OutboundSa* sa = tag.sa_index < kSaSlots ? tables.outbound.Get(tag.sa_index) : nullptr;
  return sa != nullptr && sa->installation == tag.installation ? sa : nullptr;
}
inline InboundSa* FindInbound(const SaTables& tables, SaTag tag) {
  InboundSa* sa = tag.sa_index < kSaSlots ? tables.inbound.Get(tag.sa_index) : nullptr;
  return sa != nullptr && sa->generation == tag.installation ? sa : nullptr;
}

}  // namespace culvert::dp
