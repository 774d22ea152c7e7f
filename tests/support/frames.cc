#include "tests/support/frames.h"

#include <cstdlib>

#include "common/bytes/hex.h"
#include "common/bytes/reader.h"
#include "common/bytes/writer.h"

namespace culvert::testing {

uint16_t Checksum(ByteView data) {
  uint32_t sum = 0;
  for (size_t i = 0; i < data.size(); ++i) sum += i % 2 == 0 ? uint32_t{data[i]} << 8 : data[i];
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(~sum);
}

uint16_t PseudoChecksum(const IpAddress& from, const IpAddress& to, uint8_t protocol, ByteView payload) {
  Writer w;
  w.Put(from.bytes());
  w.Put(to.bytes());
  w.U32(static_cast<uint32_t>(payload.size()));
  w.U32(protocol);
  w.Put(payload);
  return Checksum(w.view());
}

std::string MacText(const rte_ether_addr& mac) {
  std::string text;
  for (uint8_t b : mac.addr_bytes) text += (text.empty() ? "" : ":") + ToHex({&b, 1});
  return text;
}

Bytes Ethernet(const rte_ether_addr& to, const rte_ether_addr& from, uint16_t type, ByteView payload) {
  Writer w;
  w.Put({to.addr_bytes, 6});
  w.Put({from.addr_bytes, 6});
  w.U16(type);
  w.Put(payload);
  return w.Release();
}

Bytes IpPacket(const IpAddress& from, const IpAddress& to, uint8_t protocol, ByteView payload, const IpOptions& o) {
  Writer w;
  bool fragment = o.more || o.offset != 0;
  if (from.family == Family::kV4) {
    w.U8(0x45);
    w.U8(o.tos);
    w.U16(static_cast<uint16_t>(20 + payload.size()));
    w.U16(o.id);
    w.U16(static_cast<uint16_t>((o.df ? 0x4000 : 0) | (o.more ? 0x2000 : 0) | o.offset / 8));
    w.U8(o.ttl);
    w.U8(protocol);
    w.U16(0);
    w.Put(from.bytes());
    w.Put(to.bytes());
    w.PatchU16(10, Checksum(w.view()));
  } else {
    w.U32(uint32_t{6} << 28 | uint32_t{o.tos} << 20);
    w.U16(static_cast<uint16_t>(payload.size() + (fragment ? 8 : 0)));
    w.U8(fragment ? 44 : protocol);
    w.U8(o.ttl);
    w.Put(from.bytes());
    w.Put(to.bytes());
    if (fragment) {
      w.U8(protocol);
      w.U8(0);
      w.U16(static_cast<uint16_t>(o.offset | (o.more ? 1 : 0)));
      w.U32(o.id);
    }
  }
  w.Put(payload);
  return w.Release();
}

Bytes UdpDatagram(const IpAddress& from, const IpAddress& to, Ports ports, ByteView payload) {
  Writer w;
  w.U16(ports.from);
  w.U16(ports.to);
  w.U16(static_cast<uint16_t>(8 + payload.size()));
  w.U16(0);
  w.Put(payload);
  uint16_t sum = PseudoChecksum(from, to, 17, w.view());
  w.PatchU16(6, sum == 0 ? 0xffff : sum);
  return w.Release();
}

Bytes EchoRequest(const IpAddress& from, const IpAddress& to, ByteView payload) {
  Writer w;
  bool v4 = from.family == Family::kV4;
  w.U8(v4 ? 8 : 128);
  w.U8(0);
  w.U16(0);
  w.U16(0x1234);
  w.U16(1);
  w.Put(payload);
  w.PatchU16(2, v4 ? Checksum(w.view()) : PseudoChecksum(from, to, 58, w.view()));
  return w.Release();
}

Seen Read(ByteView frame) {
  Seen s;
  Reader r(frame);
  auto mac = [&] {
    rte_ether_addr m{};
    ByteView b = r.Take(6);
    std::copy(b.begin(), b.end(), m.addr_bytes);
    return MacText(m);
  };
  s.to = mac();
  s.from = mac();
  s.type = r.U16();
  s.packet = ToBytes(r.Rest());
  if (s.type != 0x0800 && s.type != 0x86dd) return s;
  Reader ip(s.packet);
  if (s.type == 0x0800) {
    size_t header = (ip.U8() & 15u) * 4;
    ip.Skip(1);
    size_t total = ip.U16();
    ip.Skip(4);
    s.ttl = ip.U8();
    s.protocol = ip.U8();
    ip.Skip(2);
    s.source = *IpAddress::FromBytes(ip.Take(4));
    s.destination = *IpAddress::FromBytes(ip.Take(4));
    if (!ip.ok() || total != s.packet.size() || Checksum(ByteView(s.packet).first(header)) != 0) std::abort();
    s.payload = ToBytes(ByteView(s.packet).subspan(header));
    return s;
  }
  ip.Skip(4);
  size_t length = ip.U16();
  s.protocol = ip.U8();
  s.ttl = ip.U8();
  s.source = *IpAddress::FromBytes(ip.Take(16));
  s.destination = *IpAddress::FromBytes(ip.Take(16));
  if (!ip.ok() || length != ip.remaining()) std::abort();
  if (s.protocol == 44) {
    s.protocol = ip.U8();
    ip.Skip(7);
  }
  s.payload = ToBytes(ip.Rest());
  return s;
}

}  // namespace culvert::testing
