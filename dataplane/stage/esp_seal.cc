#include <rte_ip.h>
#include <rte_udp.h>

#include <algorithm>
#include <cstring>

#include "dataplane/sa/sa_tag.h"
#include "dataplane/stage/esp_worker.h"
#include "dataplane/stage/esp_write.h"
#include "dataplane/stage/inner_header.h"
#include "dataplane/stage/outer_header.h"
#include "dataplane/stage/route.h"
#include "dataplane/stage/writable.h"

// Sealing a burst in tunnel mode (RFC 4303 3.3):
//   1 limits, way out, size; headers, trailer, nonce and AAD of every packet
//   2 encipher, ICV
//   3 what is in transport mode or AH (seal_others.cc)
//   4 UDP checksum over IPv6; what is too long for its path and may go in fragments is put aside (path.cc)
// The SAs' lines were asked for when the policy was applied.
namespace culvert::dp {
namespace {

constexpr uint8_t kIpv4 = 4, kIpv6 = 41, kEsp = 50, kTcp = 6, kUdp = 17;

constexpr uint32_t kMostFraming = RTE_ETHER_HDR_LEN + RTE_VLAN_HLEN;  // octets before the outer header

uint32_t FrontOf(const OutboundSa& sa) { return sa.header_length + 4u + sa.iv_length; }

}  // namespace

// Another worker found the SA, this one owns it, or did then. Where it is gone, the packet goes by what the policy says now.
OutboundSa* EspWorker::ResolveHandedOver(WorkerContext& ctx, Packet& p) {
  OutboundSa* sa = FindOutbound(tables_, SaTag::Of(p.tag));
  if (sa == nullptr) {
    FlowVerdict v = Decide(ctx, *tables_.spd.current(), p);
    if (v.out() != FlowVerdict::kSeal) {
      ctx.Drop(p, Drop::kRetired);
      return nullptr;
    }
    sa = v.sa();
  }
  if (IsMine(*sa)) return sa;
  SealAtOwner(ctx, *sa, p);
  return nullptr;
}

inline EspWorker::SealPlan EspWorker::PlanFor(const OutboundSa& sa, uint32_t length) {
  SealPlan plan;
  plan.front = FrontOf(sa);
  plan.pad = (0u - (length + kEspTrailer)) & (sa.pad_to - 1u);
  plan.text = length + plan.pad + kEspTrailer;
  plan.total = plan.front + plan.text + sa.icv_length;
  return plan;
}

[[gnu::always_inline]] inline Drop EspWorker::AdmitSeal(WorkerContext& ctx, Packet& p, OutboundSa& sa, const SealPlan& plan) {
  if (sa.sequence.get() >= sa.alarm_sequence || sa.bytes.get() >= sa.alarm_bytes || ctx.now >= sa.alarm_at) [[unlikely]] {
    // RFC 4303 3.3.3: the counter must not cycle; the IV's must not either.
    if (!CheckLimits(ctx, sa)) return sa.sequence.get() >= sa.last_sequence ? Drop::kSequenceExhausted : Drop::kExpired;
  }
  // The way to the peer is kept in the SA for as long as the routes stay as they are and the neighbour is the same.
  uint32_t mtu = sa.route_mtu;
  if (sa.route_generation == ctx.fib->generation() && ctx.neighbours->Current(sa.next_hop)) [[likely]] {
    p.next_hop = sa.next_hop;
    p.out_port = sa.out_port;
  } else if (Drop why = Reroute(ctx, p, sa, mtu); why != Drop::kCount) {
    return why;
  }
  if (plan.total > mtu) [[unlikely]] {
    if (Drop why = TooLong(ctx, p, sa, plan, mtu); why != Drop::kCount) return why;
  }
  uint32_t behind = plan.total - plan.front - p.length + kTrailerReach;
  return MakeWritable(ctx, p, plan.front + kMostFraming, behind) ? Drop::kCount : Drop::kNoMbuf;
}

Drop EspWorker::AdmitOther(WorkerContext& ctx, Packet& p, OutboundSa& sa, const SealPlan& plan) {
  return AdmitSeal(ctx, p, sa, plan);
}

Drop EspWorker::Reroute(WorkerContext& ctx, Packet& p, OutboundSa& sa, uint32_t& mtu) {
  Packet way;
  way.port = sa.zone;
  const uint8_t* destination =
      sa.header + (sa.family == 4 ? offsetof(rte_ipv4_hdr, dst_addr) : offsetof(rte_ipv6_hdr, dst_addr));
  const RouteTarget* target = RouteTo(ctx, sa.family, destination, way);
  if (target == nullptr) return Drop::kNoRoute;
  p.next_hop = way.next_hop;
  p.out_port = way.out_port;
  const uint16_t path = sa.over == nullptr ? sa.path_mtu : sa.over->path_mtu;
  mtu = (path != 0 ? std::min(path, target->mtu) : target->mtu) - sa.over_length;
  // A neighbour still unknown is asked for again with each packet.
  sa.route_generation = way.next_hop != 0 ? ctx.fib->generation() : 0;
  sa.next_hop = way.next_hop;
  sa.out_port = way.out_port;
  sa.route_mtu = static_cast<uint16_t>(mtu);
  return Drop::kCount;
}

[[gnu::always_inline]] inline void EspWorker::WriteSealed(WorkerContext& ctx, Packet& p, OutboundSa& sa, const SealPlan& plan,
                                                          crypto::CryptoOp& op) {
  rte_mbuf* m = p.m;
  auto* inner = rte_pktmbuf_mtod(m, uint8_t*);
  uint8_t inner_tos = GetTos(inner, p.family);
  // RFC 6040 4.1: normal mode copies the ECN field, compatibility mode clears it.
  auto tos = static_cast<uint8_t>(inner_tos & sa.tos_mask);
  uint8_t df = GetDf(inner, p.family) & sa.df_mask;
  WriteTrailer(inner + p.length, plan.pad, p.family == 4 ? kIpv4 : kIpv6);
  uint8_t* outer = inner - plan.front;
  uint64_t begin;  // of the packet: where no IV lies between, WriteOuter's last word reaches into it
  std::memcpy(&begin, inner, sizeof begin);
  uint64_t sequence = TakeNumber(ctx, sa, plan.text);
  WriteOuter(outer, sa, tos, df, plan.total, sequence);

  uint8_t* esp = outer + sa.header_length - 4;
  uint32_t low = rte_cpu_to_be_32(static_cast<uint32_t>(sequence));
  std::memcpy(esp + 4, &low, 4);
  op.suite = sa.suite;
  if (crypto::IsSaltedAead(sa.suite)) {
    FillAead(op, sa, esp, sequence);
  } else {
    FillOther(op, sa, esp, sequence, *engine_);
    if (sa.iv_length == 0) std::memcpy(inner, &begin, sizeof begin);
  }
  op.text = inner;
  op.key = sa.key;
  op.text_length = plan.text;

  m->data_off = static_cast<uint16_t>(m->data_off - plan.front);
  m->data_len = static_cast<uint16_t>(plan.total);
  m->pkt_len = plan.total;
  p.length = static_cast<uint16_t>(plan.total);
  p.l4 = static_cast<uint16_t>(IpHeader(sa.family));
  p.family = sa.family;
  p.protocol = sa.encap ? kUdp : kEsp;
  BecomeSealed(p);
}

void EspWorker::WritePadded(WorkerContext& ctx, Packet& p, OutboundSa& sa, const SealPlan& plan, crypto::CryptoOp& op) {
  uint32_t length = plan.text - plan.pad - kEspTrailer;
  std::memset(rte_pktmbuf_mtod_offset(p.m, uint8_t*, p.length), 0, length - p.length);
  p.length = static_cast<uint16_t>(length);
  WriteSealed(ctx, p, sa, plan, op);
}

void EspWorker::Seal(WorkerContext& ctx, Burst& seal, Burst& sealed) {
  uint16_t n = 0, first = sealed.n;
  bool checksums = false;
  for (uint16_t i = 0; i < seal.n; ++i) {
    Packet& p = *seal.p[i];
    if (p.sa == nullptr && (p.sa = ResolveHandedOver(ctx, p)) == nullptr) continue;
    auto& sa = *static_cast<OutboundSa*>(p.sa);
    checksums |= sa.family == 6 && sa.encap;
    if (sa.form != SaForm::kEspTunnel || sa.engine != offload::Engine::kCpu) [[unlikely]] {
      others_.Add(p);
      continue;
    }
    SealPlan plan = PlanFor(sa, p.length);
    if (Drop why = AdmitSeal(ctx, p, sa, plan); why != Drop::kCount) [[unlikely]] {
      if (p.m != nullptr) ctx.Drop(p, why);
      continue;
    }
    if (p.protocol == kTcp && options_.mss != 0) ClampOut(sa, p);
    WriteSealed(ctx, p, sa, plan, ops_[n]);
    if (n < crypto::MbEngine::kPrefetchAhead) engine_->PrefetchKey(ops_[n]);
    ++n;
    sealed.Add(p);
  }
  ctx.Enter(Stage::kEncipher, n);
  engine_->Seal(ops_, n);
  if (others_.n != 0) SealOthers(ctx, sealed);
  for (uint16_t i = first; checksums && i < sealed.n; ++i) {
    FillChecksum(*sealed.p[i], *static_cast<const OutboundSa*>(sealed.p[i]->sa));
  }
  if (cut_sealed_) [[unlikely]]
    CutSealed(ctx, sealed, first);
  seal.n = 0;
}

}  // namespace culvert::dp
