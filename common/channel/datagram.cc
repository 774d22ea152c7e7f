#include "common/channel/datagram.h"

namespace culvert::channel {

Violation DecodeHead(const PuntHead& head, uint64_t epoch, size_t available, DatagramInfo& out) {
  if (head.epoch != epoch) return Violation::kEpoch;
  if (head.length > kMaxDatagram || head.slots != SlotsFor(head.length) || head.slots > available) return Violation::kLength;
  if (head.zero[0] || head.zero[1] || head.zero[2] || head.zero2[0] || head.zero2[1]) return Violation::kPadding;
  if (head.marker > 1 || head.dscp > 63 || head.vrf != 0) return Violation::kValue;
  if (!FromWire(head.local, out.local) || !FromWire(head.remote, out.remote)) return Violation::kValue;
  if (out.local.address.family != out.remote.address.family) return Violation::kValue;
  out.marker = head.marker != 0;
  out.dscp = head.dscp;
  out.ttl = head.ttl;
  return Violation::kNone;
}

}  // namespace culvert::channel
