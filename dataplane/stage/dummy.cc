#include <rte_ip.h>
#include <rte_random.h>

#include <algorithm>
#include <cstring>

#include "dataplane/stage/esp_worker.h"

// Dummy packets (RFC 4303 2.6): what says nothing is sealed as what says something, so that who listens does not learn when
// there is something to say. Receivers end them in silence; ours does in esp_open.cc.
namespace culvert::dp {
namespace {

constexpr uint8_t kNoNextHeader = 59, kDontFragment = 0x40;
constexpr uint32_t kShortest = 40, kLongest = 1400;  // octets of what is inside; lengths in between are all as likely

// Around one interval, so that no clock shows through.
uint64_t Gap(uint64_t interval) { return interval / 2 + rte_rand_max(interval + 1); }

// What transport mode goes around, or stands for a packet in a tunnel: nobody reads more of it than DSCP and DF.
uint16_t WriteInside(uint8_t* at, const OutboundSa& sa) {
  if (!IsTransport(sa.form) || sa.family == 4) {
    rte_ipv4_hdr ip{};
    if (IsTransport(sa.form)) std::memcpy(&ip, sa.header, sizeof ip);
    ip.version_ihl = 0x45;
    ip.next_proto_id = kNoNextHeader;
    std::memcpy(at, &ip, sizeof ip);
    at[offsetof(rte_ipv4_hdr, fragment_offset)] = kDontFragment;
    return sizeof ip;
  }
  std::memcpy(at, sa.header, sizeof(rte_ipv6_hdr));
  at[offsetof(rte_ipv6_hdr, proto)] = kNoNextHeader;
  return sizeof(rte_ipv6_hdr);
}

}  // namespace

void EspWorker::StartDummies(OutboundSa& sa) {
  if (sa.dummy_packets == 0) return;
  dummies_.push_back({.sa = &sa});
  dummies_due_ = 0;
}

void EspWorker::StopDummies(const OutboundSa& sa) {
  std::erase_if(dummies_, [&sa](const DummySource& d) { return d.sa == &sa; });
}

void EspWorker::MakeDummies(WorkerContext& ctx, Burst& seal) {
  if (dummies_.empty() || ctx.now < dummies_due_) [[likely]]
    return;
  uint64_t due = UINT64_MAX;
  for (DummySource& d : dummies_) {
    OutboundSa& sa = *d.sa;
    if (sa.notices & kHardReported) continue;
    const uint64_t interval = ctx.tsc_hz / sa.dummy_packets;
    // After a second without a turn there is nothing to make up for.
    if (d.next == 0 || ctx.now - std::min(ctx.now, d.next) > ctx.tsc_hz) d.next = ctx.now + Gap(interval);
    for (; d.next <= ctx.now && !seal.full(); d.next += Gap(interval)) {
      if (Packet* p = MakeDummy(ctx, sa)) seal.Add(*p);
    }
    due = std::min(due, d.next);
  }
  dummies_due_ = due;
}

// As long as chance will have it, and as the path takes; where packets are padded, so is this. Null: there is no way now.
Packet* EspWorker::MakeDummy(WorkerContext& ctx, OutboundSa& sa) {
  rte_mbuf* m = rte_pktmbuf_alloc(ctx.pool);
  if (m == nullptr) return nullptr;
  auto* data = reinterpret_cast<uint8_t*>(rte_pktmbuf_append(m, kLongest));
  if (data == nullptr) {
    rte_pktmbuf_free(m);
    return nullptr;
  }
  std::memset(data, 0, kLongest);
  Packet& p = ctx.slots.New();
  p.m = m;
  p.sa = &sa;
  p.l4 = WriteInside(data, sa);
  p.family = p.l4 == sizeof(rte_ipv4_hdr) ? 4 : 6;
  p.protocol = kNoNextHeader;
  p.local_origin = p.dummy = true;
  uint32_t mtu = sa.route_mtu;
  const bool stale = sa.route_generation != ctx.fib->generation();
  if (stale && Reroute(ctx, p, sa, mtu) != Drop::kCount) mtu = 0;
  const uint32_t fits = std::min(InnerMtu(sa, p, mtu), kLongest);
  if (fits < kShortest) {
    rte_pktmbuf_free(m);
    return nullptr;
  }
  const auto more = static_cast<uint32_t>(rte_rand_max(kLongest - kShortest + 1));
  p.length = static_cast<uint16_t>(std::min(kShortest + (sa.tfc_padding != 0 ? 0 : more), fits));
  m->data_len = p.length;
  m->pkt_len = p.length;
  ctx.counters.injected.Add(1);
  return &p;
}

}  // namespace culvert::dp
