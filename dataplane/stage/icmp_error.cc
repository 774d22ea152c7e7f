#include "dataplane/stage/icmp_error.h"

#include <rte_icmp.h>
#include <rte_ip.h>

#include <algorithm>
#include <cstring>

#include "dataplane/stage/host.h"
#include "dataplane/stage/route.h"

namespace culvert::dp {
namespace {

constexpr uint8_t kIcmpV4 = 1, kIcmpV6 = 58;
constexpr uint8_t kInternetControl = 0xc0;  // RFC 1812 4.3.2.5: precedence of an ICMP error
constexpr unsigned kMaxV4Error = 576;       // octets, RFC 1812 4.3.2.3
constexpr unsigned kMaxV6Error = 1280;      // octets, RFC 4443 2.4 (c)

struct TypeCode {
  uint8_t type, code;
};
constexpr TypeCode kV4[] = {{11, 0}, {3, 0}, {3, 1}, {3, 13}, {3, 4}, {3, 3}};  // RFC 792; 13 is RFC 1812 5.2.7.1
constexpr TypeCode kV6[] = {{3, 0}, {1, 0}, {1, 3}, {1, 1}, {2, 0}, {1, 4}};    // RFC 4443 3

// RFC 1122 3.2.2: an error never answers an error, a redirect counting as one.
bool IsErrorV4(uint8_t type) { return type == 3 || type == 4 || type == 5 || type == 11 || type == 12; }
bool IsErrorV6(uint8_t type) { return type < 128 || type == 137; }

bool MayAnswerV4(const WorkerContext& ctx, const rte_ipv4_hdr* ip) {
  const auto* src = reinterpret_cast<const uint8_t*>(&ip->src_addr);
  const auto* dst = reinterpret_cast<const uint8_t*>(&ip->dst_addr);
  bool source_unique = src[0] != 0 && src[0] != 127 && src[0] < 224 && !ctx.fib->IsBroadcast(src);
  return source_unique && dst[0] < 224 && !ctx.fib->IsBroadcast(dst);
}

bool MayAnswerV6(const rte_ipv6_hdr* ip) {
  const uint8_t* src = ip->src_addr.a;
  bool unspecified = std::all_of(src, src + 16, [](uint8_t b) { return b == 0; });
  return !unspecified && src[0] != 0xff && ip->dst_addr.a[0] != 0xff;
}

bool MayAnswer(const WorkerContext& ctx, const Packet& p) {
  if ((p.local_origin && !p.from_host) || p.link_broadcast || (p.fragment && !p.first_fragment)) return false;
  const auto* data = rte_pktmbuf_mtod(p.m, const uint8_t*);
  bool icmp = p.protocol == (p.family == 4 ? kIcmpV4 : kIcmpV6);
  if (icmp) {
    if (p.length <= p.l4) return false;
    if (p.family == 4 ? IsErrorV4(data[p.l4]) : IsErrorV6(data[p.l4])) return false;
  }
  return p.family == 4 ? MayAnswerV4(ctx, reinterpret_cast<const rte_ipv4_hdr*>(data))
                       : MayAnswerV6(reinterpret_cast<const rte_ipv6_hdr*>(data));
}

// The address the error speaks from. Of a packet out of a tunnel it is the one of the port its destination lies behind: it is
// the address the policy of that tunnel is most likely to let back in. A stack takes nothing from its own addresses: to the
// host the destination is said to have spoken itself.
std::optional<IpAddress> Speaker(const WorkerContext& ctx, const Packet& p, const uint8_t* sender,
                                 const uint8_t* destination) {
  if (p.from_host) return IpAddress::FromBytes({destination, p.family == 4 ? size_t{4} : size_t{16}});
  uint16_t port = p.port;
  if (p.opened) {
    Packet towards = p;
    if (RouteTo(ctx, p.family, destination, towards) != nullptr) port = towards.out_port;
  }
  const OwnAddress* own = ctx.fib->SourceFor(port, p.family, sender);
  if (own == nullptr) return std::nullopt;
  return own->address;
}

void FillV4(WorkerContext& ctx, uint8_t* out, const IpAddress& from, unsigned total, const uint8_t* offending) {
  auto* ip = reinterpret_cast<rte_ipv4_hdr*>(out);
  *ip = {};
  ip->version_ihl = 0x45;
  ip->type_of_service = kInternetControl;
  ip->total_length = rte_cpu_to_be_16(static_cast<uint16_t>(total));
  ip->packet_id = rte_cpu_to_be_16(ctx.ip_id++);
  ip->time_to_live = 64;
  ip->next_proto_id = kIcmpV4;
  std::memcpy(&ip->src_addr, from.octets.data(), 4);
  std::memcpy(&ip->dst_addr, offending + offsetof(rte_ipv4_hdr, src_addr), 4);
  ip->hdr_checksum = rte_ipv4_cksum(ip);
}

void FillV6(uint8_t* out, const IpAddress& from, unsigned total, const uint8_t* offending) {
  auto* ip = reinterpret_cast<rte_ipv6_hdr*>(out);
  *ip = {};
  ip->vtc_flow = rte_cpu_to_be_32(6u << 28);
  ip->payload_len = rte_cpu_to_be_16(static_cast<uint16_t>(total - sizeof *ip));
  ip->proto = kIcmpV6;
  ip->hop_limits = 64;
  std::memcpy(ip->src_addr.a, from.octets.data(), 16);
  std::memcpy(ip->dst_addr.a, offending + offsetof(rte_ipv6_hdr, src_addr), 16);
}

// RFC 792 and RFC 4443 2.1: type, code, checksum, four octets whose end is the MTU where there is one, then the quote.
void FillIcmp(uint8_t* icmp, TypeCode tc, uint32_t mtu, unsigned size, const uint8_t* v6_header) {
  icmp[0] = tc.type;
  icmp[1] = tc.code;
  uint32_t be = rte_cpu_to_be_32(v6_header == nullptr ? std::min(mtu, 0xffffu) : mtu);
  std::memcpy(icmp + 2, "\0\0", 2);
  std::memcpy(icmp + 4, &be, 4);
  uint16_t sum;
  if (v6_header != nullptr) {
    sum = rte_ipv6_udptcp_cksum(reinterpret_cast<const rte_ipv6_hdr*>(v6_header), icmp);
  } else {
    sum = static_cast<uint16_t>(~rte_raw_cksum(icmp, size));
  }
  std::memcpy(icmp + 2, &sum, 2);
}

}  // namespace

void SendIcmpError(WorkerContext& ctx, const Packet& p, IcmpError what, uint32_t mtu) {
  if (ctx.originated.full() || !MayAnswer(ctx, p) || !ctx.icmp_errors.Take(ctx.now)) return;
  const auto* offending = rte_pktmbuf_mtod(p.m, const uint8_t*);
  bool v4 = p.family == 4;
  const uint8_t* sender = offending + (v4 ? offsetof(rte_ipv4_hdr, src_addr) : offsetof(rte_ipv6_hdr, src_addr));
  const uint8_t* destination = offending + (v4 ? offsetof(rte_ipv4_hdr, dst_addr) : offsetof(rte_ipv6_hdr, dst_addr));
  std::optional<IpAddress> from = Speaker(ctx, p, sender, destination);
  if (!from) return;
  unsigned head = v4 ? sizeof(rte_ipv4_hdr) : sizeof(rte_ipv6_hdr);
  unsigned quote = std::min<unsigned>(p.length, (v4 ? kMaxV4Error : kMaxV6Error) - head - 8);
  rte_mbuf* m = rte_pktmbuf_alloc(ctx.pool);
  if (m == nullptr) return;
  unsigned total = head + 8 + quote;
  auto* out = reinterpret_cast<uint8_t*>(rte_pktmbuf_append(m, static_cast<uint16_t>(total)));
  if (out == nullptr) return rte_pktmbuf_free(m);
  std::memcpy(out + head + 8, offending, quote);
  auto tc = (v4 ? kV4 : kV6)[static_cast<size_t>(what)];
  if (v4) {
    FillV4(ctx, out, *from, total, offending);
    FillIcmp(out + head, tc, mtu, 8 + quote, nullptr);
  } else {
    FillV6(out, *from, total, offending);
    FillIcmp(out + head, tc, mtu, 8 + quote, out);
  }
  Packet& error = ctx.slots.New();
  error.m = m;
  error.port = p.port;
  error.family = p.family;
  error.protocol = v4 ? kIcmpV4 : kIcmpV6;
  error.l4 = static_cast<uint16_t>(head);
  error.length = static_cast<uint16_t>(total);
  error.local_origin = true;
  ctx.counters.injected.Add(1);
  if (p.from_host) return GiveToHost(ctx, error, p.port);
  ctx.originated.Add(error);
}

}  // namespace culvert::dp
