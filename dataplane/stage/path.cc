#include <rte_byteorder.h>
#include <rte_ip.h>

#include <algorithm>
#include <cstring>

#include "dataplane/stage/esp_worker.h"
#include "dataplane/stage/fragment.h"
#include "dataplane/stage/icmp_error.h"
#include "dataplane/stage/inner_header.h"
#include "dataplane/stage/mss.h"
#include "dataplane/stage/path_mtu.h"

// How long a packet may be on its way to the peer, and what becomes of a longer one.
namespace culvert::dp {
namespace {

// An error may quote a packet that many numbers back: what a fast SA sends while an error is on its way. A stranger would have
// to guess SPI and number.
constexpr uint32_t kQuotable = 1u << 20;
constexpr uint32_t kEspSequence = 4, kUdpHeader = 8;  // octets
constexpr uint8_t kEsp = 50;

}  // namespace

//   in a tunnel   DF inside   told; RFC 4301 8.2.1
//                 clear       cut, then sealed; but sealed, then cut where ports are selectors, which only first fragments have
//                 IPv6        told; but up to 1,280 octets, which a link of IPv6 has to carry, sealed, then cut (RFC 2473 7.1)
//   copy_df = no              sealed, then cut
//   under AH, sealed already  sealed, then cut: who is to be told has been
//   transport     DF          told
//                 clear       sealed, then cut (RFC 4303 3.3.4); IPv6 as above
Drop EspWorker::TooLong(WorkerContext& ctx, Packet& p, const OutboundSa& sa, const SealPlan& plan, uint32_t mtu) {
  bool may_cut = MayFragment(rte_pktmbuf_mtod(p.m, const uint8_t*), p.family), transport = IsTransport(sa.form);
  bool least_v6 = p.family == 6 && p.length <= kLeastV6Path;
  bool under_ah = p.local_origin && !p.from_host && p.protocol == kEsp && IsAh(sa.form);
  bool after = under_ah || (sa.cut_after && !transport) || least_v6 || (may_cut && (transport || sa.has_ports));
  if (after && plan.total <= UINT16_MAX) {
    cut_sealed_ = true;
    return Drop::kCount;
  }
  uint32_t fits = InnerMtu(sa, p, mtu);
  if (may_cut && !transport) {
    SplitLater(ctx, p, fits);
    return Drop::kFragmentNeeded;
  }
  if (p.family == 6) fits = std::max(fits, kLeastV6Path);
  SendIcmpError(ctx, p, IcmpError::kTooBig, fits);
  return Drop::kTooBig;
}

void EspWorker::CutSealed(WorkerContext& ctx, Burst& sealed, uint16_t first) {
  cut_sealed_ = false;
  uint16_t kept = first;
  for (uint16_t i = first; i < sealed.n; ++i) {
    Packet& p = *sealed.p[i];
    const auto& sa = *static_cast<const OutboundSa*>(p.sa);
    if (p.length <= sa.route_mtu) {
      sealed.p[kept++] = &p;
      continue;
    }
    // A tunnel's packet that was not to be cut has no ID yet; AH's has, and the ICV is over it.
    auto* data = rte_pktmbuf_mtod(p.m, uint8_t*);
    if (p.family == 4 && sa.form < SaForm::kEspTransport) {
      uint32_t sequence;
      std::memcpy(&sequence, data + p.l4 + (sa.encap ? kUdpHeader : 0) + kEspSequence, sizeof sequence);
      uint16_t id = rte_cpu_to_be_16(sa.IdOf(rte_be_to_cpu_32(sequence)));
      std::memcpy(data + offsetof(rte_ipv4_hdr, packet_id), &id, sizeof id);
    }
    p.sa = nullptr;
    SplitLater(ctx, p, sa.route_mtu);
  }
  sealed.n = kept;
}

void EspWorker::ClampOut(const OutboundSa& sa, Packet& p) const {
  uint32_t mtu = options_.mss == kMssAuto ? InnerMtu(sa, p, sa.route_mtu) : 0;
  ClampMss(p, options_.mss == kMssAuto ? MssOf(p.family, mtu) : options_.mss);
}

// What comes in is answered by the other half of the pair, which is this worker's too but for the moment in which they move one
// after the other.
void EspWorker::ClampIn(WorkerContext& ctx, const InboundSa& sa, Packet& p) {
  constexpr uint8_t kTcp = 6;
  if (p.protocol != kTcp) return;
  if (options_.mss != kMssAuto) return ClampMss(p, options_.mss);
  OutboundSa* back = tables_.outbound.Get(sa.sa_index);
  if (back == nullptr || !IsMine(*back)) return;
  uint32_t mtu = back->route_mtu;
  Packet way;
  if (back->route_generation != ctx.fib->generation() && Reroute(ctx, way, *back, mtu) != Drop::kCount) return;
  ClampMss(p, MssOf(p.family, InnerMtu(*back, p, mtu)));
}

bool EspWorker::PathTooBig(WorkerContext& ctx, const TooBigNotice& notice) {
  WorkerReport r{};
  r.kind = WorkerReport::kTooBig;
  r.direction = channel::Direction::kOutbound;
  r.too_big = notice;
  return Send(ctx, r);
}

// RFC 4301 8.2.1, RFC 8201 4: never raised by an error, and lowered only by one about what was sent not long ago.
uint16_t EspWorker::SetPathMtu(WorkerContext& ctx, const WorkerOrder& o) {
  OutboundSa& sa = *o.out;
  if (o.path.mtu != 0) {
    uint32_t mtu = sa.route_mtu, age = static_cast<uint32_t>(sa.sequence.get()) - o.path.sequence;
    Packet way;
    if (sa.route_generation != ctx.fib->generation() && Reroute(ctx, way, sa, mtu) != Drop::kCount) return 0;
    if (age >= kQuotable || o.path.mtu >= mtu) return 0;
  }
  sa.path_mtu = o.path.mtu;
  sa.route_generation = 0;
  return o.path.mtu;
}

}  // namespace culvert::dp
