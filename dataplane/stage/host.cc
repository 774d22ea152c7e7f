#include "dataplane/stage/host.h"

#include <rte_ip.h>

#include "dataplane/stage/ike_ports.h"
#include "dataplane/stage/parse.h"

namespace culvert::dp {
namespace {

constexpr uint8_t kUdp = 17, kRouting = 43, kIcmpV6 = 58;

const uint8_t* Source(const Packet& p) {
  return rte_pktmbuf_mtod_offset(p.m, const uint8_t*,
                                 p.family == 4 ? offsetof(rte_ipv4_hdr, src_addr) : offsetof(rte_ipv6_hdr, src_addr));
}

const uint8_t* Destination(const Packet& p) {
  return rte_pktmbuf_mtod_offset(p.m, const uint8_t*,
                                 p.family == 4 ? offsetof(rte_ipv4_hdr, dst_addr) : offsetof(rte_ipv6_hdr, dst_addr));
}

bool SpeaksAsIke(const Packet& p) {
  if (p.protocol != kUdp) return false;
  auto ports = PortsOf(p);
  return ports && IsIkePort(ports->source);
}

// Router and neighbour discovery (RFC 4861 4) are the port's own, and no policy looks at them.
bool SpeaksAsNeighbour(const Packet& p) {
  if (p.family != 6 || p.protocol != kIcmpV6 || p.length <= p.l4 || (p.fragment && !p.first_fragment)) return false;
  uint8_t type = rte_pktmbuf_mtod_offset(p.m, const uint8_t*, p.l4)[0];
  return type >= 133 && type <= 137;
}

// What keeps a parsed packet of the host's from going on; kCount: nothing does.
Drop RefuseFromHost(const WorkerContext& ctx, const Packet& p) {
  const uint8_t* destination = Destination(p);
  bool v4 = p.family == 4;
  if ((v4 ? destination[0] >> 4 == 0xe : destination[0] == 0xff) || (v4 && ctx.fib->IsBroadcast(destination)))
    return Drop::kNotForUs;
  const OwnAddress* from = ctx.fib->FindOwn(p.family, Source(p), p.port);
  if (from == nullptr || from->port == kNoPort || !ctx.ports[from->port].tap || SpeaksAsIke(p)) return Drop::kHostSource;
  if (IsMartian(p) || ctx.fib->IsOwn(p.family, destination, p.port)) return Drop::kMartian;
  if (SpeaksAsNeighbour(p)) return Drop::kIcmpIgnored;
  return ctx.forwarding_open ? Drop::kCount : Drop::kNotSynced;
}

}  // namespace

std::optional<uint16_t> HostPortOf(const WorkerContext& ctx, const Packet& p) {
  const OwnAddress* own = ctx.fib->FindOwn(p.family, Destination(p), p.port);
  if (own == nullptr || own->port == kNoPort || !ctx.ports[own->port].tap) return std::nullopt;
  return own->port;
}

Drop AdmitToHost(WorkerContext& ctx, const Packet& p) {
  if (p.link_broadcast) return Drop::kNotForUs;
  // What lies behind a routing header was not read here, so the host's stack shall not read it either.
  if (p.protocol == kRouting) return Drop::kUnconsumed;
  if (!ctx.forwarding_open) return Drop::kNotSynced;
  return ctx.ipsec == nullptr ? Drop::kCount : ctx.ipsec->RefuseToHost(ctx, p);
}

void GiveToHost(WorkerContext& ctx, Packet& p, uint16_t port) {
  p.out_port = port;
  if (!ctx.ToHost(p)) ctx.host_dropped[port].Add(1);
}

bool AdmitFromHost(WorkerContext& ctx, Packet& p) {
  auto why = ParseIp(p);
  Drop refused = why ? *why : RefuseFromHost(ctx, p);
  if (refused == Drop::kCount) return true;
  ctx.host_dropped[p.port].Add(1);
  ctx.Drop(p, refused);
  return false;
}

}  // namespace culvert::dp
