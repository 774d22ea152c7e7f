#include "dataplane/main/ike_path.h"

#include <rte_ip.h>
#include <rte_udp.h>

#include <algorithm>
#include <cstring>

#include "common/bytes/reader.h"
#include "common/bytes/writer.h"

namespace culvert::dp {
namespace {

constexpr uint8_t kUdp = 17, kFragmentHeader = 44;
constexpr uint8_t kDefaultTtl = 64;
constexpr uint16_t kIkePort = 500, kNattPort = 4500;
constexpr size_t kUdpHeader = 8, kV4Header = 20, kV6Header = 40, kMarker = 4;

struct IpFields {
  IpAddress source, destination;
  uint8_t dscp = 0, ttl = 0;
};

// Of a packet the worker has parsed, so lengths and version are known to be right.
IpFields FieldsOf(ByteView packet) {
  IpFields f;
  if (packet[0] >> 4 == 4) {
    f = {*IpAddress::FromBytes(packet.subspan(12, 4)), *IpAddress::FromBytes(packet.subspan(16, 4)),
         static_cast<uint8_t>(packet[1] >> 2), packet[8]};
  } else {
    f = {*IpAddress::FromBytes(packet.subspan(8, 16)), *IpAddress::FromBytes(packet.subspan(24, 16)),
         static_cast<uint8_t>((packet[0] & 0xf) << 2 | packet[1] >> 6), packet[7]};
  }
  return f;
}

// An IP header in front of `payload` octets of `next`. RFC 6864: an atomic IPv4 packet's ID means nothing.
void PutIp(Writer& w, const IpFields& f, size_t payload, uint8_t next) {
  if (f.source.family == Family::kV4) {
    w.U8(0x45);
    w.U8(static_cast<uint8_t>(f.dscp << 2));
    w.U16(static_cast<uint16_t>(kV4Header + payload));
    w.U32(0);
    w.U8(f.ttl);
    w.U8(next);
    w.U16(0);
  } else {
    w.U32(uint32_t{6} << 28 | uint32_t{f.dscp} << 22);
    w.U16(static_cast<uint16_t>(payload));
    w.U8(next);
    w.U8(f.ttl);
  }
  w.Put(f.source.bytes());
  w.Put(f.destination.bytes());
}

void PatchV4(Writer& w, uint32_t id, uint16_t fragment) {
  w.PatchU16(4, static_cast<uint16_t>(id));
  w.PatchU16(6, fragment);
  w.PatchU16(10, 0);
  uint16_t sum = static_cast<uint16_t>(~rte_raw_cksum(w.view().data(), kV4Header));
  w.PatchU16(10, rte_be_to_cpu_16(sum));
}

// The one's complement sum over pseudo header and datagram, complemented; 0 where a checksum in it is right.
uint16_t UdpSum(const IpAddress& a, const IpAddress& b, ByteView udp) {
  Writer w;
  w.Put(a.bytes());
  w.Put(b.bytes());
  w.U32(static_cast<uint32_t>(udp.size()));
  w.U32(kUdp);
  uint32_t sum = rte_raw_cksum(w.view().data(), w.size()) + uint32_t{rte_raw_cksum(udp.data(), udp.size())};
  sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(~sum);
}

bool UdpChecksumFits(const IpAddress& a, const IpAddress& b, ByteView udp) {
  bool none = udp[6] == 0 && udp[7] == 0;
  if (none) return a.family == Family::kV4;  // RFC 768; RFC 8200 8.1 knows no datagram without
  return UdpSum(a, b, udp) == 0;
}

// The fragment header of an IPv6 packet whose fragmented part is a UDP datagram: its offset, 0 where there is none such.
size_t FindFragmentHeader(ByteView packet) {
  uint8_t next = packet[6];
  size_t at = kV6Header;
  while (next == 0 || next == 43 || next == 60) {
    if (at + 8 > packet.size()) return 0;
    next = packet[at];
    at += 8 + size_t{packet[at + 1]} * 8;
  }
  return next == kFragmentHeader && at + 8 <= packet.size() && packet[at] == kUdp ? at : 0;
}

std::optional<IkeReassembly::Fragment> FragmentOf(ByteView packet) {
  IpFields ip = FieldsOf(packet);
  IkeReassembly::Fragment f{.source = ip.source, .destination = ip.destination};
  if (ip.source.family == Family::kV4) {
    Reader r(packet.subspan(4, 4));
    f.id = r.U16();
    uint16_t field = r.U16();
    f.more = (field & RTE_IPV4_HDR_MF_FLAG) != 0;
    f.offset = (field & RTE_IPV4_HDR_OFFSET_MASK) * 8u;
    f.data = packet.subspan((packet[0] & 15u) * 4);
    return f;
  }
  size_t at = FindFragmentHeader(packet);
  if (at == 0) return std::nullopt;
  Reader r(packet.subspan(at + 2, 6));
  uint16_t field = r.U16();
  f.id = r.U32();
  f.more = (field & 1) != 0;
  f.offset = field & 0xfff8u;
  f.data = packet.subspan(at + 8);
  return f;
}

}  // namespace

void IkePath::Receive(Packet p) {
  ByteView packet{rte_pktmbuf_mtod(p.m, const uint8_t*), p.length};
  IpFields ip = FieldsOf(packet);
  channel::DatagramInfo info;
  info.local = {ip.destination, 0, ip.destination.is_link_local() ? p.port : 0u};
  info.remote = {ip.source, 0, ip.source.is_link_local() ? p.port : 0u};
  info.dscp = ip.dscp;
  info.ttl = ip.ttl;
  size_t size = size_t{packet[p.l4 + 4]} << 8 | packet[p.l4 + 5];  // checked by the worker
  ByteView udp = packet.subspan(p.l4, size);
  Deliver(info, udp);
  rte_pktmbuf_free(p.m);
}

// `udp` is whole, header included, and at least that long.
void IkePath::Deliver(channel::DatagramInfo info, ByteView udp) {
  Counters& counters = sender_.counters();
  Reader r(udp);
  info.remote.port = r.U16();
  info.local.port = r.U16();
  uint16_t length = r.U16();
  r.Skip(2);
  if (!r.ok() || length < kUdpHeader || length > udp.size()) return counters.Drop(Drop::kRunt);
  udp = udp.first(length);
  if (!UdpChecksumFits(info.remote.address, info.local.address, udp)) return counters.Drop(Drop::kBadHeader);
  ByteView payload = udp.subspan(kUdpHeader);
  if (info.local.port == kNattPort) {
    info.marker = payload.size() >= kMarker && std::ranges::all_of(payload.first(kMarker), [](uint8_t b) { return b == 0; });
    // ESP-in-UDP in fragments: the workers open whole packets only.
    if (!info.marker) return counters.Drop(Drop::kFragment);
    payload = payload.subspan(kMarker);
  } else if (info.local.port != kIkePort) {
    return counters.Drop(Drop::kUnconsumed);
  }
  if (payload.size() < 16) return counters.Drop(Drop::kRunt);
  if (sink_ && sink_(info, payload)) {
    counters.punted.Add(1);
  } else {
    counters.Drop(Drop::kPuntFull);
  }
}

// False: it is IKE's, or nobody takes it.
bool IkePath::DeliverToHost(const channel::DatagramInfo& info, ByteView udp) {
  Reader r(udp);
  r.Skip(2);
  uint16_t port = r.U16();
  if (!r.ok() || port == kIkePort || port == kNattPort || udp.size() > 65535 - kV4Header || !host_sink_) return false;
  IpFields ip{info.remote.address, info.local.address, info.dscp, info.ttl};
  Writer w;
  PutIp(w, ip, udp.size(), kUdp);
  if (ip.source.family == Family::kV4) PatchV4(w, 0, 0);
  w.Put(udp);
  return host_sink_(info.local.address, static_cast<uint16_t>(info.local.zone), w.view());
}

void IkePath::ReceiveFragment(Packet p, bool for_host, Time now) {
  Counters& counters = sender_.counters();
  ByteView packet{rte_pktmbuf_mtod(p.m, const uint8_t*), p.length};
  auto fragment = FragmentOf(packet);
  if (!fragment) {
    rte_pktmbuf_free(p.m);
    return counters.Drop(Drop::kFragment);
  }
  fragment->for_host = for_host;
  IpFields ip = FieldsOf(packet);
  auto result = reassembly_.Add(*fragment, now);
  rte_pktmbuf_free(p.m);
  counters.unparked.Add(result.consumed + result.dropped);
  counters.consumed.Add(result.consumed);
  if (result.dropped != 0) counters.Drop(Drop::kFragment, result.dropped);
  if (result.kept) return counters.parked.Add(1);
  if (!result.datagram) return counters.Drop(Drop::kFragment);
  channel::DatagramInfo info;
  info.local = {ip.destination, 0, ip.destination.is_link_local() ? p.port : 0u};
  info.remote = {ip.source, 0, ip.source.is_link_local() ? p.port : 0u};
  info.dscp = ip.dscp;
  info.ttl = ip.ttl;
  if (!result.for_host || !DeliverToHost(info, *result.datagram)) Deliver(info, *result.datagram);
}

void IkePath::Tick(Time now) {
  unsigned expired = reassembly_.Expire(now);
  if (expired == 0) return;
  sender_.counters().unparked.Add(expired);
  sender_.counters().Drop(Drop::kFragment, expired);
}

InjectStatus IkePath::Inject(const channel::DatagramInfo& info, ByteView payload, Time now) {
  const Forwarding& fib = *fib_.get();
  uint8_t family = static_cast<uint8_t>(info.remote.address.family);
  uint16_t zone = static_cast<uint16_t>(info.remote.zone);
  if (info.local.address.family != info.remote.address.family ||
      fib.FindOwn(family, info.local.address.octets.data(), zone) == nullptr) {
    return InjectStatus::kBadSource;
  }
  size_t length = kUdpHeader + (info.marker ? kMarker : 0) + payload.size();
  if (length > (family == 4 ? 65535 - kV4Header : size_t{65535})) return InjectStatus::kTooLong;
  bool link_local = family == 6 && info.remote.address.is_link_local();
  const RouteTarget* route = link_local ? fib.Link(zone) : fib.Lookup(family, info.remote.address.octets.data());
  bool to_us = fib.FindOwn(family, info.remote.address.octets.data(), zone) != nullptr;
  // IKE does not go through the tunnels it makes: its peer needs a route out of a port.
  bool leads_out = route != nullptr && !route->blackhole && route->if_id == 0;
  if (!leads_out || to_us || info.remote.address.is_multicast()) return InjectStatus::kNoRoute;
  Writer w;
  w.U16(info.local.port);
  w.U16(info.remote.port);
  w.U16(static_cast<uint16_t>(length));
  w.U16(0);
  if (info.marker) w.Zeros(kMarker);
  w.Put(payload);
  uint16_t sum = UdpSum(info.local.address, info.remote.address, w.view());
  w.PatchU16(6, rte_be_to_cpu_16(sum == 0 ? uint16_t{0xffff} : sum));  // RFC 768: zero means none
  return Send(info, *route, w.view(), now);
}

// One packet where it fits the link, else fragments (RFC 7296 2: IKE must work over UDP in fragments).
InjectStatus IkePath::Send(const channel::DatagramInfo& info, const RouteTarget& route, ByteView udp, Time now) {
  IpFields ip{info.local.address, info.remote.address, info.dscp, info.ttl != 0 ? info.ttl : kDefaultTtl};
  uint8_t family = static_cast<uint8_t>(ip.source.family);
  bool v4 = family == 4;
  NextHop hop = route.gateway != 0 ? route.gateway : table_.Find(route.port, family, ip.destination.octets.data());
  size_t header = v4 ? kV4Header : kV6Header;
  if (header + udp.size() <= route.mtu) {
    Writer w;
    PutIp(w, ip, udp.size(), kUdp);
    if (v4) PatchV4(w, 0, 0);
    w.Put(udp);
    return SendPacket(route.port, hop, w.view(), now) ? InjectStatus::kSent : InjectStatus::kNoMemory;
  }
  uint32_t id = next_id_++;
  size_t room = (route.mtu - header - (v4 ? 0 : 8)) / 8 * 8;
  for (size_t offset = 0; offset < udp.size(); offset += room) {
    ByteView piece = udp.subspan(offset, std::min(room, udp.size() - offset));
    bool more = offset + piece.size() < udp.size();
    Writer w;
    PutIp(w, ip, piece.size() + (v4 ? 0 : 8), v4 ? kUdp : kFragmentHeader);
    if (v4) {
      PatchV4(w, id, static_cast<uint16_t>((more ? RTE_IPV4_HDR_MF_FLAG : 0) | offset / 8));
    } else {
      w.U8(kUdp);
      w.U8(0);
      w.U16(static_cast<uint16_t>(offset | (more ? 1 : 0)));
      w.U32(id);
    }
    w.Put(piece);
    if (!SendPacket(route.port, hop, w.view(), now)) return InjectStatus::kNoMemory;
  }
  return InjectStatus::kSent;
}

bool IkePath::SendPacket(uint16_t port, NextHop hop, ByteView packet, Time now) {
  Packet p;
  p.m = sender_.MakePacket(packet);
  if (p.m == nullptr) return false;
  p.port = p.out_port = port;
  p.family = packet[0] >> 4;
  p.protocol = kUdp;
  p.l4 = static_cast<uint16_t>(p.family == 4 ? kV4Header : kV6Header);
  p.length = static_cast<uint16_t>(packet.size());
  p.local_origin = true;
  p.next_hop = hop;
  sender_.counters().injected.Add(1);
  rte_ether_addr mac;
  if (hop != 0 && table_.Mac(hop, table_.used(hop), mac)) {
    sender_.Give(HandOverKind::kTransmit, p);
  } else {
    neighbours_.Resolve(p, now);
  }
  return true;
}

}  // namespace culvert::dp
