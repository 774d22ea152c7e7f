#include <rte_ip.h>

#include <algorithm>

#include "common/base/limits.h"
#include "dataplane/sa/install.h"
#include "dataplane/stage/accept.h"
#include "dataplane/stage/esp_worker.h"
#include "dataplane/stage/inner_header.h"

// What SAs that a device has as a whole have in common, whether it is a port (inline_protocol.cc) or not (lend_whole.cc).
namespace culvert::dp {

// As devices have it: no extension headers before ESP.
bool EspWorker::IsPlainFront(const Packet& p, const OutboundSa& sa, uint32_t front) {
  return !IsTransport(sa.form) || p.family == 4 || front == sizeof(rte_ipv6_hdr);
}

// A genuine packet, `lane.sequence` its number, that a device has taken out of its ESP, in which it had `text` octets.
// `outer_tos`: DSCP and ECN of what it came in, to be carried in here; nullopt: the device has.
bool EspWorker::AcceptUncovered(WorkerContext& ctx, const OpenLane& lane, uint32_t text, std::optional<uint8_t> outer_tos) {
  Packet& p = *lane.packet;
  auto drop = [&](Drop why) {
    ctx.Drop(p, why);
    return false;
  };
  InboundSa& sa = *lane.sa;
  if (!sa.window.Commit(sa.words(), lane.sequence)) return drop(Drop::kReplayed);
  sa.packets.Add(1);
  sa.bytes.Add(text);
  sa.last_use.Set(ctx.now);
  if (p.length == 0) {  // RFC 4303 2.6: traffic flow confidentiality; it ends here by design
    ctx.Consume(p);
    return false;
  }
  if (IsTransport(sa.form)) return AcceptAtEnd(ctx, sa, p);
  const uint16_t length = p.length;
  if (!ParseUsualV4(rte_pktmbuf_mtod(p.m, const uint8_t*), length, p)) {
    if (auto why = ParseIp(p)) return drop(*why);
  } else if (p.length != length) {  // RFC 4303 2.7: padding against traffic analysis lies behind the packet
    p.m->data_len = p.length;
    p.m->pkt_len = p.length;
  }
  if (!MatchesSelectors(sa, p)) return drop(Drop::kInnerMismatch);
  if (outer_tos && !CarryTos(sa, *outer_tos, rte_pktmbuf_mtod(p.m, uint8_t*), p.family)) return drop(Drop::kEcn);
  p.opened = true;
  p.next_hop = 0;
  p.sa = nullptr;
  return true;
}

// The numbers go on where the device cannot have been, and where a receiver's window takes them as new.
void EspWorker::LeaveNumbers(OutboundSa& sa) {
  if (offload::HasWhole(sa.engine)) {
    const uint64_t used = sa.sequence.get();
    const uint64_t jump = std::min<uint64_t>(kOutboundJump, sa.last_sequence - std::min(used, sa.last_sequence));
    sa.sequence.Set(used + jump);
    sa.first_sequence.Set(sa.first_sequence.get() + jump);
    ArmAlarms(sa);
    auto* page = tables_.page.load(std::memory_order_acquire);
    const bool told = page != nullptr && sa.sa_index < kSaIndexLimit;
    if (told) page->outbound[sa.sa_index].store(used + jump, std::memory_order_relaxed);
  }
  sa.engine = offload::Engine::kCpu;
}

// The session goes back when nothing of the SA is with the device, or else with the SA.
void EspWorker::LeaveDevice(WorkerContext& ctx, InboundSa& sa) {
  sa.engine = offload::Engine::kCpu;
  if (sa.in_flight == 0) (void)Report(ctx, WorkerReport::kLeftDevice, sa);
}

void EspWorker::LeaveDevice(WorkerContext& ctx, OutboundSa& sa) {
  LeaveNumbers(sa);
  if (sa.in_flight == 0) (void)Report(ctx, WorkerReport::kLeftDevice, sa);
}

void EspWorker::LeaveDeviceAt(WorkerContext& ctx, Packet& p, OutboundSa& sa) {
  LeaveDevice(ctx, sa);
  if (sa.sequence.get() >= sa.last_sequence) ctx.Drop(p, Drop::kSequenceExhausted);
}

}  // namespace culvert::dp
