#include "dataplane/stage/local.h"

#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_udp.h>

#include <cstring>

#include "dataplane/stage/host.h"
#include "dataplane/stage/icmp_error.h"
#include "dataplane/stage/ike_ports.h"
#include "dataplane/stage/parse.h"
#include "dataplane/stage/path_mtu.h"
#include "dataplane/stage/reassemble.h"

namespace culvert::dp {
namespace {

constexpr uint8_t kIcmp = 1, kUdp = 17, kEsp = 50, kAh = 51, kIcmpV6 = 58;
constexpr uint8_t kHopsMade = 64;            // TTL of what is made here
constexpr unsigned kResponderSpiOffset = 8;  // of an IKE header, RFC 7296 3.1 and RFC 2408 3.1

// RFC 1624 eqn. 3 for one 16-bit word, all in network byte order.
uint16_t Adjust(uint16_t checksum, uint16_t before, uint16_t after) {
  uint32_t sum = (~checksum & 0xffffu) + (~before & 0xffffu) + after;
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(~sum);
}

// The reply is the request with its addresses exchanged and its type changed, so both checksums are adjusted, not computed:
// a damaged request stays a damaged reply.
void MakeReply(uint8_t* data, const Packet& p) {
  uint8_t* icmp = data + p.l4;
  uint16_t before, after, sum;
  std::memcpy(&before, icmp, 2);
  icmp[0] = p.family == 4 ? 0 : 129;
  std::memcpy(&after, icmp, 2);
  std::memcpy(&sum, icmp + 2, 2);
  sum = Adjust(sum, before, after);
  std::memcpy(icmp + 2, &sum, 2);
  if (p.family == 4) {
    auto* ip = reinterpret_cast<rte_ipv4_hdr*>(data);
    rte_be32_t from = ip->src_addr;
    ip->src_addr = ip->dst_addr;
    ip->dst_addr = from;
    ip->time_to_live = kHopsMade;
    ip->hdr_checksum = 0;
    ip->hdr_checksum = static_cast<uint16_t>(~rte_raw_cksum(ip, p.l4));
  } else {
    auto* ip = reinterpret_cast<rte_ipv6_hdr*>(data);
    std::swap(ip->src_addr, ip->dst_addr);
    ip->hop_limits = kHopsMade;
  }
}

void Echo(WorkerContext& ctx, Packet& p) {
  if (ctx.originated.full()) return ctx.Drop(p, Drop::kTxFull);
  MakeReply(rte_pktmbuf_mtod(p.m, uint8_t*), p);
  p.local_origin = true;
  p.opened = false;
  ctx.counters.consumed.Add(1);
  ctx.counters.injected.Add(1);
  ctx.originated.Add(p);
}

// Neighbour discovery is answered by main, which wants the frame as it came. RFC 4861 6.1 and 7.1: a hop limit of 255 shows
// that no router was in between.
void NeighbourDiscovery(WorkerContext& ctx, Packet& p) {
  const auto* ip = rte_pktmbuf_mtod(p.m, const rte_ipv6_hdr*);
  if (p.opened || p.fragment || ip->hop_limits != 255) return ctx.Drop(p, Drop::kIcmpIgnored);
  rte_pktmbuf_prepend(p.m, sizeof(rte_ether_hdr));  // the octets are still there: parse only moved the start
  p.framed = true;
  ctx.ToMain(MainKind::kNeighbour, p);
}

bool IsNeighbourDiscovery(uint8_t type) { return type == 135 || type == 136; }

// A source nobody outside can have: nothing is answered or believed.
bool BadSource(const WorkerContext& ctx, const Packet& p) {
  size_t at = p.family == 4 ? offsetof(rte_ipv4_hdr, src_addr) : offsetof(rte_ipv6_hdr, src_addr);
  return IsMartian(p) || ctx.fib->IsOwn(p.family, rte_pktmbuf_mtod_offset(p.m, const uint8_t*, at), p.port);
}

// False: dropped, because the policy does not let it in.
bool MayComeIn(WorkerContext& ctx, Packet& p) {
  Drop refused = ctx.ipsec == nullptr ? Drop::kCount : ctx.ipsec->RefuseHere(ctx, p);
  if (refused == Drop::kCount) return true;
  ctx.Drop(p, refused);
  return false;
}

// What nothing here consumes: the host's, where the port that has the address has a TAP, else dropped for `otherwise`.
void LocalRest(WorkerContext& ctx, Packet& p, Drop otherwise) {
  auto port = HostPortOf(ctx, p);
  if (!port) return ctx.Drop(p, otherwise);
  Drop refused = BadSource(ctx, p) ? Drop::kMartian : AdmitToHost(ctx, p);
  if (refused != Drop::kCount) return ctx.Drop(p, refused);
  GiveToHost(ctx, p, *port);
}

// Redirects and router discovery: where packets go is for this gateway to say, and not for the wire to tell the host.
bool SteersHosts(uint8_t family, uint8_t type) { return family == 4 ? type == 5 || type == 9 : type >= 133 && type <= 137; }

// An error about a packet sealed here is the gateway's: its sender inside hears of the path from the next one that does not
// fit (RFC 4301 8.2).
void LocalIcmpRest(WorkerContext& ctx, Packet& p) {
  if (p.opened || ctx.ipsec == nullptr || p.link_broadcast) return LocalRest(ctx, p, Drop::kIcmpIgnored);
  auto notice = ReadTooBig(p);
  if (!notice) return LocalRest(ctx, p, Drop::kIcmpIgnored);
  if (!ctx.path_errors.Take(ctx.now) || !ctx.ipsec->PathTooBig(ctx, *notice)) return ctx.Drop(p, Drop::kIcmpIgnored);
  ctx.Consume(p);
}

void LocalIcmp(WorkerContext& ctx, Packet& p) {
  if (p.fragment && !p.first_fragment) return LocalRest(ctx, p, Drop::kFragment);
  if (p.length < p.l4 + 8) return ctx.Drop(p, Drop::kRunt);
  uint8_t type = rte_pktmbuf_mtod_offset(p.m, const uint8_t*, p.l4)[0];
  if (p.family == 6 && IsNeighbourDiscovery(type)) return NeighbourDiscovery(ctx, p);
  if (SteersHosts(p.family, type)) return ctx.Drop(p, Drop::kIcmpIgnored);
  if (p.fragment) return LocalRest(ctx, p, Drop::kFragment);
  // An echo reply has exactly the request's headers, so a request behind extension headers gets none.
  bool request = p.family == 4 ? type == 8 : type == 128 && p.l4 == sizeof(rte_ipv6_hdr);
  if (BadSource(ctx, p)) return ctx.Drop(p, Drop::kMartian);
  if (!request) return LocalIcmpRest(ctx, p);
  if (p.link_broadcast) return ctx.Drop(p, Drop::kIcmpIgnored);
  if (MayComeIn(ctx, p)) Echo(ctx, p);
}

void PuntIke(WorkerContext& ctx, Packet& p, unsigned ike_offset) {
  if (p.length < ike_offset + kResponderSpiOffset + 8) return ctx.Drop(p, Drop::kRunt);
  const auto* spi = rte_pktmbuf_mtod_offset(p.m, const uint8_t*, ike_offset + kResponderSpiOffset);
  uint64_t responder;
  std::memcpy(&responder, spi, sizeof responder);
  ctx.ToMain(responder == 0 ? MainKind::kIkeNew : MainKind::kIkeKnown, p);
}

// RFC 3948 2.2 to 2.4: on 4500 a zero word marks IKE, one octet of 0xFF is a keepalive, anything else is ESP.
void LocalNatt(WorkerContext& ctx, Packet& p, unsigned payload, Burst* esp) {
  const auto* data = rte_pktmbuf_mtod_offset(p.m, const uint8_t*, payload);
  unsigned size = p.length - payload;
  if (size == 1 && data[0] == 0xff) return ctx.Consume(p);
  if (size < 4) return ctx.Drop(p, Drop::kRunt);
  uint32_t word;
  std::memcpy(&word, data, sizeof word);
  if (word == 0) return PuntIke(ctx, p, payload + 4);
  if (esp == nullptr) return ctx.Drop(p, Drop::kUnconsumed);
  esp->Add(p);
}

void FragmentToMain(WorkerContext& ctx, Packet& p) {
  bool for_host = HostPortOf(ctx, p) && AdmitToHost(ctx, p) == Drop::kCount;
  ctx.ToMain(for_host ? MainKind::kHostFragment : MainKind::kFragment, p);
}

// A fragment of what may be IPsec: with the last of them, what they make is gone on with.
void LocalIpsecFragment(WorkerContext& ctx, Packet& p, Burst* esp) {
  if (ctx.reassembly == nullptr) return p.protocol == kUdp ? FragmentToMain(ctx, p) : ctx.Drop(p, Drop::kFragment);
  if (ctx.reassembly->Add(ctx, p, FragmentToMain)) Local(ctx, p, esp);
}

// Whether a fragment is IKE's only the first one tells, and not of what comes apart from it. ESP is put together here; all
// other datagrams are by main, which gives the host only what IKE does not want. Out of an SA nothing is IKE's.
void LocalUdpFragment(WorkerContext& ctx, Packet& p, Burst* esp) {
  if (p.opened) {
    auto ports = PortsOf(p);
    bool ike = ports && IsIkePort(ports->destination);
    return ike ? ctx.Drop(p, Drop::kUnconsumed) : LocalRest(ctx, p, Drop::kFragment);
  }
  if (BadSource(ctx, p)) return ctx.Drop(p, Drop::kMartian);
  LocalIpsecFragment(ctx, p, esp);
}

void LocalUdp(WorkerContext& ctx, Packet& p, Burst* esp) {
  if (p.fragment) return LocalUdpFragment(ctx, p, esp);
  if (p.length < p.l4 + sizeof(rte_udp_hdr)) return ctx.Drop(p, Drop::kRunt);
  if (BadSource(ctx, p)) return ctx.Drop(p, Drop::kMartian);
  const auto* udp = rte_pktmbuf_mtod_offset(p.m, const rte_udp_hdr*, p.l4);
  unsigned size = rte_be_to_cpu_16(udp->dgram_len);
  if (size < sizeof *udp || p.l4 + size > p.length) return ctx.Drop(p, Drop::kRunt);
  uint16_t port = rte_be_to_cpu_16(udp->dst_port);
  unsigned payload = p.l4 + static_cast<unsigned>(sizeof *udp);
  // culvert-ike answers in clear what it gets, so IKE that came through a tunnel is not for it.
  if (!p.opened && port == kIkePort) return PuntIke(ctx, p, payload);
  if (!p.opened && port == kNattPort) return LocalNatt(ctx, p, payload, esp);
  bool ike = IsIkePort(port);
  if (!ike && HostPortOf(ctx, p)) return LocalRest(ctx, p, Drop::kUnconsumed);
  if (!MayComeIn(ctx, p)) return;
  SendIcmpError(ctx, p, IcmpError::kPortUnreachable);
  ctx.Drop(p, Drop::kUnconsumed);
}

}  // namespace

void Local(WorkerContext& ctx, Packet& p, Burst* esp) {
  switch (p.protocol) {
    case kUdp: return LocalUdp(ctx, p, esp);
    case kEsp:
    case kAh:
      if (esp == nullptr) return ctx.Drop(p, Drop::kNesting);
      if (BadSource(ctx, p)) return ctx.Drop(p, Drop::kMartian);
      if (p.fragment) return LocalIpsecFragment(ctx, p, esp);
      esp->Add(p);
      return;
    case kIcmp:
      if (p.family == 4) return LocalIcmp(ctx, p);
      break;
    case kIcmpV6:
      if (p.family == 6) return LocalIcmp(ctx, p);
      break;
    default: break;
  }
  LocalRest(ctx, p, Drop::kUnconsumed);
}

void LocalMulticast(WorkerContext& ctx, Packet& p) {
  if (p.family == 6 && p.protocol == kIcmpV6 && p.length >= p.l4 + 8) {
    if (IsNeighbourDiscovery(rte_pktmbuf_mtod_offset(p.m, const uint8_t*, p.l4)[0])) return NeighbourDiscovery(ctx, p);
  }
  ctx.Drop(p, Drop::kNotForUs);
}

}  // namespace culvert::dp
