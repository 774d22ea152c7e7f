#include "dataplane/main/neighbour_messages.h"

#include <rte_ip.h>

#include <algorithm>
#include <cstring>

#include "common/bytes/reader.h"
#include "common/bytes/writer.h"

namespace culvert::dp {
namespace {

constexpr uint16_t kArp = 0x0806, kIpv6 = 0x86dd;
constexpr uint8_t kIcmpV6 = 58, kSolicitation = 135, kAdvertisement = 136;
constexpr uint8_t kSourceMac = 1, kTargetMac = 2;  // RFC 4861 4.6.1
constexpr uint8_t kRouter = 0x80, kSolicited = 0x40, kOverride = 0x20;
constexpr rte_ether_addr kEverybody = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};

rte_ether_addr TakeMac(Reader& r) {
  rte_ether_addr mac{};
  ByteView b = r.Take(6);
  if (r.ok()) std::memcpy(mac.addr_bytes, b.data(), 6);
  return mac;
}

IpAddress TakeAddress(Reader& r, size_t size) {
  return IpAddress::FromBytes(r.Take(size)).value_or(IpAddress::Any(size == 4 ? Family::kV4 : Family::kV6));
}

void Put(Writer& w, const rte_ether_addr& mac) { w.Put({mac.addr_bytes, 6}); }

void PutEthernet(Writer& w, const rte_ether_addr& to, const rte_ether_addr& from, uint16_t type) {
  Put(w, to);
  Put(w, from);
  w.U16(type);
}

Decoded<NeighbourMessage> DecodeArp(Reader& r) {
  NeighbourMessage m;
  uint16_t hardware = r.U16(), protocol = r.U16();
  uint8_t hardware_size = r.U8(), protocol_size = r.U8();
  uint16_t operation = r.U16();
  rte_ether_addr sender_mac = TakeMac(r);
  IpAddress sender = TakeAddress(r, 4);
  r.Skip(6);
  IpAddress target = TakeAddress(r, 4);
  if (!r.ok()) return std::unexpected(r.error());
  bool fits = hardware == 1 && protocol == 0x0800 && hardware_size == 6 && protocol_size == 4;
  if (!fits || (operation != 1 && operation != 2)) return std::unexpected(r.error(Malformed::kBadValue));
  if (rte_is_multicast_ether_addr(&sender_mac) || sender.is_multicast()) return std::unexpected(r.error(Malformed::kBadValue));
  m.request = operation == 1;
  m.sender = sender;
  m.target = m.request ? target : sender;
  m.mac = sender_mac;
  m.solicited = !m.request && sender != target;
  m.override_mac = true;
  return m;
}

// RFC 4861 4.6: options until the end, lengths in units of eight octets. False: malformed.
bool TakeOptions(Reader& r, uint8_t wanted, std::optional<rte_ether_addr>& mac) {
  while (!r.done()) {
    uint8_t type = r.U8(), units = r.U8();
    if (units == 0) return false;
    Reader body = r.Sub(units * 8u - 2);
    if (!r.ok()) return false;
    if (type != wanted) continue;
    mac = TakeMac(body);
    if (!body.ok() || rte_is_multicast_ether_addr(&*mac)) return false;
  }
  return r.ok();
}

struct V6Header {
  IpAddress source, destination;
};

Decoded<NeighbourMessage> DecodeIcmp(Reader& r, const V6Header& ip) {
  NeighbourMessage m;
  uint8_t type = r.U8(), code = r.U8();
  r.Skip(2);
  uint8_t flags = r.U8();
  r.Skip(3);
  m.target = TakeAddress(r, 16);
  if (!r.ok()) return std::unexpected(r.error());
  if (code != 0 || m.target.is_multicast() || (type != kSolicitation && type != kAdvertisement)) {
    return std::unexpected(r.error(Malformed::kBadValue));
  }
  m.request = type == kSolicitation;
  m.sender = ip.source;
  if (!TakeOptions(r, m.request ? kSourceMac : kTargetMac, m.mac)) return std::unexpected(r.error(Malformed::kBadLength));
  if (m.request) {
    // RFC 4861 7.1.1: from the unspecified address only to the solicited-node group and without a source MAC.
    bool group = ip.destination.octets[0] == 0xff;
    if (ip.source.is_unspecified() && (!group || m.mac)) return std::unexpected(r.error(Malformed::kBadValue));
  } else {
    m.solicited = (flags & kSolicited) != 0;
    m.override_mac = (flags & kOverride) != 0;
    // RFC 4861 7.1.2.
    if (m.solicited && ip.destination.is_multicast()) return std::unexpected(r.error(Malformed::kBadValue));
  }
  return m;
}

Decoded<NeighbourMessage> DecodeV6(ByteView packet) {
  Reader r(packet);
  r.Skip(4);
  uint16_t length = r.U16();
  uint8_t next = r.U8();
  r.Skip(1);
  V6Header ip{TakeAddress(r, 16), TakeAddress(r, 16)};
  Reader body = r.Sub(length);
  if (!r.ok()) return std::unexpected(r.error());
  if (next != kIcmpV6) return std::unexpected(r.error(Malformed::kUnexpected));
  const auto* header = reinterpret_cast<const rte_ipv6_hdr*>(packet.data());
  if (rte_ipv6_udptcp_cksum_verify(header, packet.data() + sizeof *header) != 0) {
    return std::unexpected(r.error(Malformed::kBadValue));
  }
  return DecodeIcmp(body, ip);
}

IpAddress SolicitedNode(const IpAddress& target) {
  IpAddress a{Family::kV6, {0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff}};
  std::copy_n(target.octets.begin() + 13, 3, a.octets.begin() + 13);
  return a;
}

rte_ether_addr GroupMac(const IpAddress& group) {  // RFC 2464 7
  const auto& o = group.octets;
  return {{0x33, 0x33, o[12], o[13], o[14], o[15]}};
}

struct IcmpFields {
  uint8_t type, flags;
  IpAddress target;
  uint8_t option;
};

Bytes EncodeV6(const rte_ether_addr& to_mac, const NeighbourSpeaker& us, const IpAddress& to, const IcmpFields& f) {
  Writer w;
  PutEthernet(w, to_mac, us.mac, kIpv6);
  w.U32(0x60000000);
  w.U16(32);
  w.U8(kIcmpV6);
  w.U8(255);
  w.Put(us.address.bytes());
  w.Put(to.bytes());
  w.U8(f.type);
  w.U8(0);
  w.U16(0);
  w.U32(uint32_t{f.flags} << 24);
  w.Put(f.target.bytes());
  w.U8(f.option);
  w.U8(1);
  Put(w, us.mac);
  Bytes frame = w.Release();
  auto* ip = reinterpret_cast<rte_ipv6_hdr*>(frame.data() + sizeof(rte_ether_hdr));
  uint16_t sum = rte_ipv6_udptcp_cksum(ip, ip + 1);
  std::memcpy(frame.data() + sizeof(rte_ether_hdr) + sizeof *ip + 2, &sum, 2);
  return frame;
}

struct ArpFields {
  uint16_t operation;
  rte_ether_addr target_mac;
  IpAddress target;
};

Bytes EncodeArp(const rte_ether_addr& to, const NeighbourSpeaker& us, const ArpFields& f) {
  Writer w;
  PutEthernet(w, to, us.mac, kArp);
  w.U16(1);
  w.U16(0x0800);
  w.U8(6);
  w.U8(4);
  w.U16(f.operation);
  Put(w, us.mac);
  w.Put(us.address.bytes());
  Put(w, f.target_mac);
  w.Put(f.target.bytes());
  return w.Release();
}

}  // namespace

Decoded<NeighbourMessage> DecodeNeighbour(ByteView frame) {
  Reader r(frame);
  r.Skip(12);
  uint16_t type = r.U16();
  if (!r.ok()) return std::unexpected(r.error());
  if (type == kArp) return DecodeArp(r);
  if (type == kIpv6) return DecodeV6(r.Rest());
  return std::unexpected(r.error(Malformed::kBadValue));
}

Bytes EncodeRequest(const NeighbourSpeaker& us, const IpAddress& target, const rte_ether_addr* to) {
  if (target.family == Family::kV4) return EncodeArp(to != nullptr ? *to : kEverybody, us, {1, {}, target});
  IpAddress group = SolicitedNode(target);
  return EncodeV6(to != nullptr ? *to : GroupMac(group), us, to != nullptr ? target : group,
                  {kSolicitation, 0, target, kSourceMac});
}

Bytes EncodeReply(const NeighbourSpeaker& us, const Asker* asker) {
  if (us.address.family == Family::kV4) {
    // RFC 5227 3: an announcement is a request for the own address.
    if (asker == nullptr) return EncodeArp(kEverybody, us, {1, {}, us.address});
    return EncodeArp(asker->mac, us, {2, asker->mac, asker->address});
  }
  static constexpr IpAddress kAllNodes{Family::kV6, {0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};
  bool known = asker != nullptr && !asker->address.is_unspecified();
  uint8_t flags = kRouter | kOverride | (known ? kSolicited : 0);
  return EncodeV6(known ? asker->mac : GroupMac(kAllNodes), us, known ? asker->address : kAllNodes,
                  {kAdvertisement, flags, us.address, kTargetMac});
}

IpAddress LinkLocalOf(const rte_ether_addr& mac) {
  const uint8_t* m = mac.addr_bytes;
  return {Family::kV6,
          {0xfe, 0x80, 0, 0, 0, 0, 0, 0, static_cast<uint8_t>(m[0] ^ 2), m[1], m[2], 0xff, 0xfe, m[3], m[4], m[5]}};
}

}  // namespace culvert::dp
