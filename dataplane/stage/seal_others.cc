#include <rte_ip.h>
#include <rte_udp.h>

#include <algorithm>

#include "dataplane/stage/ah_header.h"
#include "dataplane/stage/esp_worker.h"
#include "dataplane/stage/esp_write.h"

// Sealing what is not plain ESP in tunnel mode, by the steps of esp_seal.cc. An SA in transport mode is found by the addresses
// of its two ends alone (sa/transport.h), so every packet of one is between them.
namespace culvert::dp {
namespace {

constexpr uint32_t kEspHeader = 8;  // octets: SPI and sequence number
constexpr uint32_t kUdpHeader = sizeof(rte_udp_hdr);
constexpr uint8_t kNoNextHeader = 59;

// Octets put before the packet or, in transport mode, behind its IP front.
uint32_t PutBefore(const OutboundSa& sa) {
  if (sa.form == SaForm::kEspTransport) return (sa.encap ? kUdpHeader : 0) + kEspHeader + sa.iv_length;
  if (sa.form == SaForm::kAhTransport) return AhLength(sa.family, IcvField(sa));
  if (sa.form == SaForm::kAhTunnel) return IpHeader(sa.family) + AhLength(sa.family, IcvField(sa));
  return sa.header_length + 4u + sa.iv_length;
}

}  // namespace

// RFC 4301 8.2.1: what fits inside, counted down from the outer path. Octets of IP packet, 0 where nothing does.
uint32_t EspWorker::InnerMtu(const OutboundSa& sa, const Packet& p, uint32_t outer) {
  uint32_t before = PutBefore(sa);
  if (IsAh(sa.form)) return outer > before ? outer - before : 0;
  IpFront at{};
  if (IsTransport(sa.form) && FindFront(p, at) != Drop::kCount) return 0;
  uint32_t around = at.length + before + sa.icv_length;
  uint32_t text = outer > around ? (outer - around) & ~(sa.pad_to - 1u) : 0;
  return text > kEspTrailer ? at.length + text - kEspTrailer : 0;
}

// RFC 4303 2.7. Not beyond what the path takes: to be told apart by its fragments would be no gain.
Drop EspWorker::PaddedLength(WorkerContext& ctx, Packet& p, OutboundSa& sa, uint32_t& length) {
  uint32_t mtu = sa.route_mtu;
  if (sa.route_generation != ctx.fib->generation()) {
    if (Drop why = Reroute(ctx, p, sa, mtu); why != Drop::kCount) return why;
  }
  uint32_t fits = InnerMtu(sa, p, mtu);
  length = std::max<uint32_t>(p.length, std::min<uint32_t>(sa.tfc_padding, fits));
  return Drop::kCount;
}

Drop EspWorker::PlanOther(WorkerContext& ctx, Packet& p, OutboundSa& sa, SealPlan& plan) {
  plan.at = {};
  uint32_t length = p.length;
  // What is known of the path is known of the SA outside: when that learns, this asks again.
  if (sa.over != nullptr && sa.over->route_generation == 0) sa.route_generation = 0;
  if (sa.form == SaForm::kEspTunnelMore) {
    if (Drop why = PaddedLength(ctx, p, sa, length); why != Drop::kCount) return why;
  }
  if (IsTransport(sa.form)) {
    if (Drop why = FindFront(p, plan.at); why != Drop::kCount) return why;
  }
  plan.front = PutBefore(sa);
  if (IsAh(sa.form)) {
    plan.pad = 0;
    plan.text = plan.total = plan.front + p.length;
    return CanMute(p, plan.at.length) ? Drop::kCount : Drop::kBadHeader;
  }
  uint32_t payload = length - plan.at.length;
  plan.pad = (0u - (payload + kEspTrailer)) & (sa.pad_to - 1u);
  plan.text = payload + plan.pad + kEspTrailer;
  plan.total = plan.at.length + plan.front + plan.text + sa.icv_length;
  return Drop::kCount;
}

void EspWorker::SealOthers(WorkerContext& ctx, Burst& sealed) {
  const uint16_t first = sealed.n;
  SealRound(ctx, sealed);
  // RFC 4301 4.2: ESP first, AH around it. AH goes under nothing, so there is no third round.
  uint16_t kept = first;
  for (uint16_t i = first; i < sealed.n; ++i) {
    Packet& p = *sealed.p[i];
    OutboundSa* over = static_cast<const OutboundSa*>(p.sa)->over;
    if (over == nullptr) {
      sealed.p[kept++] = &p;
      continue;
    }
    p.sa = over;
    others_.Add(p);
  }
  sealed.n = kept;
  if (others_.n != 0) SealRound(ctx, sealed);
}

// Seals those put aside, each by its own SA.
void EspWorker::SealRound(WorkerContext& ctx, Burst& sealed) {
  uint16_t n = 0, ah = 0, first = sealed.n;
  ctx.Enter(Stage::kSeal, others_);
  for (uint16_t i = 0; i < others_.n; ++i) {
    Packet& p = *others_.p[i];
    auto& sa = *static_cast<OutboundSa*>(p.sa);
    SealPlan plan;
    Drop why = PlanOther(ctx, p, sa, plan);
    if (why == Drop::kCount) why = AdmitOther(ctx, p, sa, plan);
    if (why != Drop::kCount) {
      if (p.m != nullptr) ctx.Drop(p, why);
      continue;
    }
    if (options_.mss != 0) ClampOut(sa, p);
    if (sa.engine == offload::Engine::kInlineProtocol && GiveToPort(ctx, p, sa, plan)) {
      sealed.Add(p);
      continue;
    }
    if (sa.engine == offload::Engine::kLookasideProtocol && LendWhole(ctx, p, sa, plan)) continue;
    if (p.m == nullptr) continue;
    if (IsAh(sa.form)) {
      WriteAh(ctx, p, sa, plan, ah++);
    } else {
      crypto::CryptoOp& op = ops_[n];
      IsTransport(sa.form) ? WriteTransport(ctx, p, sa, plan, op) : WritePadded(ctx, p, sa, plan, op);
      if (p.dummy) {
        op.text[op.text_length - 1] = kNoNextHeader;
        sa.dummies.Add(1);
      }
      if (sa.engine == offload::Engine::kLookaside) {
        LendSealed(ctx, p, sa, op);
        continue;
      }
      if (sa.engine != offload::Engine::kInlineCrypto || !MarkInline(ctx, p, sa)) ++n;
    }
    sealed.Add(p);
  }
  others_.n = 0;
  if (lent_) FlushDevices();
  ctx.Enter(Stage::kEncipher, static_cast<uint16_t>(n + ah));
  engine_->Seal(ops_, n);
  engine_->ComputeIcvs(macs_, ah);
  ah = 0;
  for (uint16_t i = first; i < sealed.n; ++i) {
    const Packet& p = *sealed.p[i];
    if (IsAh(static_cast<const OutboundSa*>(p.sa)->form)) FinishAh(p, ah++);
  }
}

// The packet is whole: what is known of it now. `front` is what precedes the IPsec header, or the UDP header before it.
void EspWorker::Sealed(Packet& p, const SealPlan& plan, const IpFront& front, uint8_t protocol) {
  p.m->data_off = static_cast<uint16_t>(p.m->data_off - plan.front);
  p.m->data_len = static_cast<uint16_t>(plan.total);
  p.m->pkt_len = plan.total;
  p.length = static_cast<uint16_t>(plan.total);
  p.l4 = front.length;
  p.family = static_cast<const OutboundSa*>(p.sa)->family;
  p.protocol = protocol;
  BecomeSealed(p);
}

}  // namespace culvert::dp
