#pragma once

#include <rte_byteorder.h>
#include <rte_ip.h>

#include <cstring>

#include "dataplane/stage/esp_worker.h"
#include "dataplane/stage/inner_header.h"
#include "dataplane/stage/octets.h"
#include "dataplane/stage/parse.h"

// What opening ends in, of ESP and AH alike: inline, as the passes of both have it in their loops.
namespace culvert::dp {

// `size`: a multiple of 4.
inline bool SameOctets(const uint8_t* a, const uint8_t* b, size_t size) {
  uint32_t difference = 0;
  for (size_t i = 0; i < size; i += 4) {
    uint32_t x, y;
    std::memcpy(&x, a + i, 4);
    std::memcpy(&y, b + i, 4);
    difference |= x ^ y;
  }
  return difference == 0;
}

inline bool EspWorker::IsKnownPeer(const InboundSa& sa, const OpenLane& lane, const uint8_t* outer) {
  const Packet& p = *lane.packet;
  if (sa.peer_family != p.family) return false;
  if (lane.encap && sa.encap && sa.peer_port != (outer[p.l4] << 8 | outer[p.l4 + 1])) return false;
  if (p.family == 4) return SameOctets(outer + offsetof(rte_ipv4_hdr, src_addr), sa.peer_address, 4);
  return SameOctets(outer + offsetof(rte_ipv6_hdr, src_addr), sa.peer_address, 16);
}

// The packet is genuine and new.
inline void EspWorker::Count(WorkerContext& ctx, OpenLane& lane, uint32_t octets) {
  InboundSa& sa = *lane.sa;
  sa.packets.Add(1);
  sa.bytes.Add(octets);
  sa.last_use.Set(ctx.now);
  auto* outer = rte_pktmbuf_mtod(lane.packet->m, const uint8_t*);
  if (!IsKnownPeer(sa, lane, outer)) [[unlikely]]
    NotePeer(ctx, sa, lane, outer);
}

// RFC 4301 5.2 step 4: what came out must be what the SA was negotiated for.
inline bool EspWorker::MatchesSelectors(const InboundSa& sa, const Packet& p) {
  if (!sa.plain_selectors || p.family != 4) return sa.selectors->MatchesInbound(Flow::Of(p));
  const auto* data = rte_pktmbuf_mtod(p.m, const uint8_t*);
  uint32_t source = LoadBe32(data + offsetof(rte_ipv4_hdr, src_addr)),
           destination = LoadBe32(data + offsetof(rte_ipv4_hdr, dst_addr));
  return sa.source_first <= source && source <= sa.source_last && sa.destination_first <= destination &&
         destination <= sa.destination_last;
}

// RFC 6040 4.2, RFC 4301 5.1.2: what of the outer header goes into the inner one. False: it must be dropped.
[[gnu::always_inline]] inline bool CarryTos(const InboundSa& sa, uint8_t outer_tos, uint8_t* data, uint8_t family) {
  uint8_t tos = GetTos(data, family), ecn = tos & kEcnMask;
  bool may_change = sa.copy_ecn && (outer_tos & kEct1) != 0;  // ECT(1) or CE: the two columns of the table that do anything
  if (may_change && !DecapsulateEcn(outer_tos & kEcnMask, ecn)) return false;
  auto wanted = static_cast<uint8_t>(((sa.copy_dscp ? outer_tos : tos) & ~kEcnMask) | ecn);
  if (wanted != tos) SetTos(data, family, wanted);
  return true;
}

inline bool EspWorker::AcceptInner(WorkerContext& ctx, const OpenLane& lane, const Stripped& s) {
  constexpr uint8_t kIpv4 = 4, kIpv6 = 41;
  Packet& p = *lane.packet;
  auto drop = [&](Drop why) {
    ctx.Drop(p, why);
    return false;
  };
  const InboundSa& sa = *lane.sa;
  if (s.next != kIpv4 && s.next != kIpv6) return drop(Drop::kInnerMismatch);
  auto* outer = rte_pktmbuf_mtod(p.m, const uint8_t*);
  uint8_t outer_tos = GetTos(outer, p.family);
  p.m->data_off = static_cast<uint16_t>(p.m->data_off + s.cut);
  p.m->data_len = s.length;
  p.m->pkt_len = s.length;
  if (!ParseUsualV4(outer + s.cut, s.length, p)) {
    if (auto why = ParseIp(p)) return drop(*why);
  } else if (p.length != s.length) {  // RFC 4303 2.7: padding against traffic analysis lies behind the packet
    p.m->data_len = p.length;
    p.m->pkt_len = p.length;
  }
  if (p.family != (s.next == kIpv4 ? 4 : 6) || !MatchesSelectors(sa, p)) return drop(Drop::kInnerMismatch);
  if (!CarryTos(sa, outer_tos, rte_pktmbuf_mtod(p.m, uint8_t*), p.family)) return drop(Drop::kEcn);
  p.opened = true;
  p.next_hop = 0;
  p.sa = nullptr;
  return true;
}

}  // namespace culvert::dp
