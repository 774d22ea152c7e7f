#include "dataplane/stage/classify.h"

#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_prefetch.h>

#include <array>
#include <cstring>

#include "dataplane/stage/inline_protocol.h"
#include "dataplane/stage/local.h"
#include "dataplane/stage/parse.h"
#include "dataplane/stage/ttl.h"
#include "dataplane/stage/writable.h"
#include "dataplane/watch/watch.h"

namespace culvert::dp {
namespace {

// First octets of IPv4 addresses that a packet between two hosts does not have: this network, loopback, multicast, class E.
constexpr std::array<bool, 256> kUnusualOctet = [] {
  std::array<bool, 256> t{};
  for (size_t i = 0; i < t.size(); ++i) t[i] = i == 0 || i == 127 || i >= 224;
  return t;
}();

constexpr uint64_t kMacMask = (uint64_t{1} << 48) - 1;  // of eight octets read as one word

uint64_t MacWord(const rte_ether_addr& mac) {
  uint64_t word = 0;
  std::memcpy(&word, mac.addr_bytes, sizeof mac.addr_bytes);
  return word;
}

enum class Whose : uint8_t { kForward, kOwn, kUnusual };

// Whose an IPv4 packet is, for addresses with nothing special about them. `p.m`'s data begins at the header.
Whose WhoseV4(const Forwarding& fib, const uint8_t* header) {
  uint32_t source, destination;
  std::memcpy(&source, header + offsetof(rte_ipv4_hdr, src_addr), 4);
  std::memcpy(&destination, header + offsetof(rte_ipv4_hdr, dst_addr), 4);
  if (kUnusualOctet[source & 255] || kUnusualOctet[destination & 255] || fib.MaybeSpecial(source)) return Whose::kUnusual;
  if (!fib.MaybeSpecial(destination)) return Whose::kForward;
  return fib.IsOwnV4(destination) ? Whose::kOwn : Whose::kUnusual;
}

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
  if (LowerTtl(ctx, p)) plain.Add(p);
}

// IEEE 802.1Q: takes the tag off a frame that has one, and finds the port of that VLAN; a tag that is for priority alone leaves
// the frame where it is. False: dropped.
bool TakeTag(WorkerContext& ctx, Packet& p) {
  constexpr uint16_t kVid = 0x0fff;
  constexpr size_t kMacs = 2 * RTE_ETHER_ADDR_LEN;
  if (rte_pktmbuf_data_len(p.m) < sizeof(rte_ether_hdr) + sizeof(rte_vlan_hdr)) {
    ctx.Drop(p, Drop::kRunt);
    return false;
  }
  auto* frame = rte_pktmbuf_mtod(p.m, uint8_t*);
  auto vid = static_cast<uint16_t>((frame[14] << 8 | frame[15]) & kVid);
  uint16_t port = p.port;
  for (uint16_t i = 0; vid != 0 && i < ctx.port_count; ++i) {
    if (ctx.ports[i].vlan == vid && ctx.ports[i].parent == p.port) port = i;
  }
  if (vid != 0 && port == p.port) {
    ctx.Drop(p, Drop::kVlan);
    return false;
  }
  p.port = port;
  std::memmove(frame + sizeof(rte_vlan_hdr), frame, kMacs);
  rte_pktmbuf_adj(p.m, sizeof(rte_vlan_hdr));
  return true;
}

void ClassifyIp(WorkerContext& ctx, Packet& p, uint8_t family, Burst& esp, Burst& plain) {
  rte_pktmbuf_adj(p.m, sizeof(rte_ether_hdr));
  if (auto why = ParseIp(p)) return ctx.Drop(p, *why);
  if (p.family != family) return ctx.Drop(p, Drop::kBadHeader);
  Sort(ctx, p, &esp, plain);
}

void ClassifyFrame(WorkerContext& ctx, Packet& p, const rte_ether_addr& mac, Burst& esp, Burst& plain) {
  if (rte_pktmbuf_data_len(p.m) < sizeof(rte_ether_hdr)) return ctx.Drop(p, Drop::kRunt);
  const auto* eth = rte_pktmbuf_mtod(p.m, const rte_ether_hdr*);
  if (!rte_is_same_ether_addr(&eth->dst_addr, &mac)) {
    if (!rte_is_multicast_ether_addr(&eth->dst_addr)) return ctx.Drop(p, Drop::kNotForUs);
    p.link_broadcast = true;
  }
  switch (rte_be_to_cpu_16(eth->ether_type)) {
    case RTE_ETHER_TYPE_IPV4: return ClassifyIp(ctx, p, 4, esp, plain);
    case RTE_ETHER_TYPE_IPV6: return ClassifyIp(ctx, p, 6, esp, plain);
    case RTE_ETHER_TYPE_ARP: p.framed = true; return ctx.ToMain(MainKind::kNeighbour, p);
    case RTE_ETHER_TYPE_VLAN:
    case RTE_ETHER_TYPE_QINQ: return ctx.Drop(p, Drop::kVlan);
    default: return ctx.Drop(p, Drop::kUnknownEthertype);
  }
}

}  // namespace

// The frames that nearly all traffic is made of, in one go: to our MAC, IPv4 without options, whole, between two addresses with
// nothing special about them. False, with nothing done, for any other: it takes the long way, which alone knows every rule.
inline bool ClassifyUsual(WorkerContext& ctx, Packet& p, uint64_t mac, Burst& esp, Burst& plain) {
  rte_mbuf* m = p.m;
  constexpr uint32_t kLeast = sizeof(rte_ether_hdr) + sizeof(rte_ipv4_hdr);
  if (!IsSole(m) || m->data_len < kLeast) return false;
  auto* frame = rte_pktmbuf_mtod(m, uint8_t*);
  uint64_t to;
  uint16_t type;
  std::memcpy(&to, frame, 8);
  std::memcpy(&type, frame + offsetof(rte_ether_hdr, ether_type), 2);
  if ((to & kMacMask) != mac || type != RTE_BE16(RTE_ETHER_TYPE_IPV4)) return false;
  uint8_t* header = frame + sizeof(rte_ether_hdr);
  if (!ParseUsualV4(header, m->data_len - static_cast<uint32_t>(sizeof(rte_ether_hdr)), p)) return false;
  Whose whose = WhoseV4(*ctx.fib, header);
  bool is_esp = whose == Whose::kOwn && p.protocol == IPPROTO_ESP;
  if (!is_esp && (whose != Whose::kForward || !ctx.forwarding_open || !LowerUsualTtl(header))) return false;
  m->data_off = static_cast<uint16_t>(m->data_off + sizeof(rte_ether_hdr));
  m->data_len = p.length;
  m->pkt_len = p.length;
  (is_esp ? esp : plain).Add(p);
  return true;
}

// What the usual way does not know. Headers are read and changed in place, so a frame in several segments, or that somebody
// else holds too, is copied first.
void ClassifyUnusual(WorkerContext& ctx, Packet& p, const rte_ether_addr& mac, Burst& esp, Burst& plain) {
  if (!IsSole(p.m) && !CopyToWritable(ctx, p, 0, 0)) return;
  const auto* eth = rte_pktmbuf_mtod(p.m, const rte_ether_hdr*);
  if (rte_pktmbuf_data_len(p.m) >= sizeof *eth && eth->ether_type == RTE_BE16(RTE_ETHER_TYPE_VLAN)) {
    if (!TakeTag(ctx, p) || ClassifyUsual(ctx, p, MacWord(mac), esp, plain)) return;
  }
  ClassifyFrame(ctx, p, mac, esp, plain);
}

void Classify(WorkerContext& ctx, uint16_t port, rte_mbuf** frames, uint16_t n, Burst& esp, Burst& plain) {
  const rte_ether_addr mac = ctx.ports[port].port->mac;
  const uint64_t mac_word = MacWord(mac);
  // Where the data of a buffer of our own pool begins, without waiting for the mbuf that says so.
  constexpr size_t kData = sizeof(rte_mbuf) + RTE_PKTMBUF_HEADROOM;
  for (uint16_t i = 0; i < n; ++i) {
    rte_prefetch0(frames[i]);
    rte_prefetch0(reinterpret_cast<const uint8_t*>(frames[i]) + kData);
  }
  uint32_t path = ctx.watch != nullptr ? ctx.watch->Received(port, frames, n) : 0;
  const uint32_t next = path != 0 ? 1 : 0;
  ctx.Enter(Stage::kClassify, n);
  const bool opens = ctx.ports[port].opens;
  for (uint16_t i = 0; i < n; ++i, path += next) {
    Packet& p = ctx.slots.New();
    p.m = frames[i];
    p.port = port;
    p.path = path;
    if (opens && (p.m->ol_flags & RTE_MBUF_F_RX_SEC_OFFLOAD) != 0) [[unlikely]] {
      if (ClassifyOpenedByPort(ctx, p, esp)) continue;
    }
    if (!ClassifyUsual(ctx, p, mac_word, esp, plain)) [[unlikely]]
      ClassifyUnusual(ctx, p, mac, esp, plain);
  }
  ctx.counters.received.Add(n);
}

void ClassifyOpened(WorkerContext& ctx, Burst& opened, Burst& plain) {
  for (uint16_t i = 0; i < opened.n; ++i) {
    Packet& p = *opened.p[i];
    bool usual = p.family == 4 && ctx.forwarding_open &&
                 WhoseV4(*ctx.fib, rte_pktmbuf_mtod(p.m, const uint8_t*)) == Whose::kForward && !p.link_broadcast;
    if (usual && LowerUsualTtl(rte_pktmbuf_mtod(p.m, uint8_t*))) [[likely]]
      plain.Add(p);
    else
      Sort(ctx, p, nullptr, plain);
  }
  opened.n = 0;
}

}  // namespace culvert::dp
