#include "dataplane/stage/classify.h"

#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_prefetch.h>

#include "dataplane/stage/local.h"
#include "dataplane/stage/parse.h"

namespace culvert::dp {
namespace {

constexpr uint16_t kPrefetchAhead = 4;  // frames

const uint8_t* Destination(const Packet& p) {
  return rte_pktmbuf_mtod_offset(p.m, const uint8_t*,
                                 p.family == 4 ? offsetof(rte_ipv4_hdr, dst_addr) : offsetof(rte_ipv6_hdr, dst_addr));
}

const uint8_t* Source(const Packet& p) {
  return rte_pktmbuf_mtod_offset(p.m, const uint8_t*,
                                 p.family == 4 ? offsetof(rte_ipv4_hdr, src_addr) : offsetof(rte_ipv6_hdr, src_addr));
}

// Where an IP packet goes that starts at the mbuf's data and has been parsed.
void Sort(WorkerContext& ctx, Packet& p, Burst* esp, Burst& plain) {
  const uint8_t* destination = Destination(p);
  bool multicast = p.family == 4 ? destination[0] >> 4 == 0xe : destination[0] == 0xff;
  if (multicast) return LocalMulticast(ctx, p);
  // Before the martian check: duplicate address detection asks from the unspecified address.
  if (ctx.fib->IsOwn(p.family, destination, p.port)) return Local(ctx, p, esp);
  if (IsMartian(p) || ctx.fib->IsOwn(p.family, Source(p), p.port)) return ctx.Drop(p, Drop::kMartian);
  if (p.link_broadcast || (p.family == 4 && ctx.fib->IsBroadcast(destination))) return ctx.Drop(p, Drop::kNotForUs);
  if (!ctx.forwarding_open) return ctx.Drop(p, Drop::kNotSynced);
  plain.Add(p);
}

// Brings a frame to one contiguous, unshared buffer. False: dropped.
bool MakeFlat(WorkerContext& ctx, Packet& p) {
  if (p.m->nb_segs == 1) [[likely]] return true;
  ctx.counters.slow_path.Add(1);
  if (rte_pktmbuf_linearize(p.m) == 0) return true;
  ctx.Drop(p, Drop::kNoMbuf);
  return false;
}

void ClassifyIp(WorkerContext& ctx, Packet& p, uint8_t family, Burst& esp, Burst& plain) {
  rte_pktmbuf_adj(p.m, sizeof(rte_ether_hdr));
  if (auto why = ParseIp(p)) return ctx.Drop(p, *why);
  if (p.family != family) return ctx.Drop(p, Drop::kBadHeader);
  Sort(ctx, p, &esp, plain);
}

void ClassifyFrame(WorkerContext& ctx, Packet& p, const rte_ether_addr& mac, Burst& esp, Burst& plain) {
  if (!MakeFlat(ctx, p)) return;
  if (rte_pktmbuf_data_len(p.m) < sizeof(rte_ether_hdr)) return ctx.Drop(p, Drop::kRunt);
  const auto* eth = rte_pktmbuf_mtod(p.m, const rte_ether_hdr*);
  if (!rte_is_same_ether_addr(&eth->dst_addr, &mac)) {
    if (!rte_is_multicast_ether_addr(&eth->dst_addr)) return ctx.Drop(p, Drop::kNotForUs);
    p.link_broadcast = true;
  }
  switch (rte_be_to_cpu_16(eth->ether_type)) {
    case RTE_ETHER_TYPE_IPV4: return ClassifyIp(ctx, p, 4, esp, plain);
    case RTE_ETHER_TYPE_IPV6: return ClassifyIp(ctx, p, 6, esp, plain);
    case RTE_ETHER_TYPE_ARP:
      p.framed = true;
      return ctx.ToMain(MainKind::kNeighbour, p);
    case RTE_ETHER_TYPE_VLAN:
    case RTE_ETHER_TYPE_QINQ: return ctx.Drop(p, Drop::kVlan);
    default: return ctx.Drop(p, Drop::kUnknownEthertype);
  }
}

}  // namespace

void Classify(WorkerContext& ctx, uint16_t port, rte_mbuf** frames, uint16_t n, Burst& esp, Burst& plain) {
  const rte_ether_addr mac = ctx.ports[port].port->mac;
  for (uint16_t i = 0; i < n && i < kPrefetchAhead; ++i) rte_prefetch0(rte_pktmbuf_mtod(frames[i], void*));
  for (uint16_t i = 0; i < n; ++i) {
    if (i + kPrefetchAhead < n) rte_prefetch0(rte_pktmbuf_mtod(frames[i + kPrefetchAhead], void*));
    Packet& p = ctx.slots.New();
    p.m = frames[i];
    p.port = port;
    ClassifyFrame(ctx, p, mac, esp, plain);
  }
  ctx.counters.received.Add(n);
}

void ClassifyOpened(WorkerContext& ctx, Burst& opened, Burst& plain) {
  for (uint16_t i = 0; i < opened.n; ++i) Sort(ctx, *opened.p[i], nullptr, plain);
  opened.n = 0;
}

}  // namespace culvert::dp
