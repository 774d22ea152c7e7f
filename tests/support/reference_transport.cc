#include "tests/support/reference_transport.h"

#include <stdexcept>

#include "common/bytes/writer.h"

namespace culvert::test {
namespace {

constexpr uint8_t kUdp = 17, kEsp = 50, kAh = 51, kHop = 0, kRouting = 43, kDestination = 60;

bool IsV4(ByteView ip) { return ip[0] >> 4 == 4; }

struct Extension {
  uint8_t kind;
  size_t at, size;
};

// The extension headers of a packet that has no fragment header.
std::vector<Extension> Extensions(ByteView ip, uint8_t& upper) {
  std::vector<Extension> all;
  upper = ip[6];
  size_t at = 40;
  while (upper == kHop || upper == kRouting || upper == kDestination) {
    size_t size = (ip[at + 1] + 1u) * 8;
    all.push_back({upper, at, size});
    upper = ip[at];
    at += size;
  }
  return all;
}

CutPacket CutAt(ByteView ip, size_t length, uint8_t next) {
  return {ToBytes(ip.first(length)), next, ToBytes(ip.subspan(length))};
}

void ZeroOptionsV4(Bytes& front) {
  for (size_t at = 20; at < front.size();) {
    uint8_t type = front[at];
    if (type == 0) return;
    if (type == 1) {
      ++at;
      continue;
    }
    size_t size = front[at + 1];
    switch (type) {
      case 130:  // RFC 4302 A1, "immutable"
      case 133:
      case 134:
      case 148:
      case 149: break;
      default: std::fill_n(front.begin() + static_cast<long>(at), size, uint8_t{0});
    }
    at += size;
  }
}

void ZeroOptionsV6(Bytes& front, const Extension& e) {
  for (size_t at = e.at + 2; at < e.at + e.size;) {
    if (front[at] == 0) {
      ++at;
      continue;
    }
    size_t size = front[at + 1];
    if (front[at] >> 5 & 1) std::fill_n(front.begin() + static_cast<long>(at) + 2, size, uint8_t{0});
    at += 2 + size;
  }
}

// RFC 4302 3.3.3.1: what the ICV has of the headers before AH.
Bytes Muted(ByteView headers) {
  Bytes front = ToBytes(headers);
  if (IsV4(front)) {
    for (size_t at : {1, 6, 7, 8, 10, 11}) front[at] = 0;
    ZeroOptionsV4(front);
    return front;
  }
  front[0] = 0x60;
  for (size_t at : {1, 2, 3, 7}) front[at] = 0;
  uint8_t upper;
  for (const Extension& e : Extensions(front, upper)) {
    if (e.kind != kRouting) ZeroOptionsV6(front, e);
  }
  return front;
}

// RFC 4543 4: AES-GMAC has an IV in the field of the ICV, before it.
size_t IvOf(const ReferenceSa& sa) { return IsGmac(sa.suite.integ) ? 8 : 0; }

size_t IcvFieldOf(const ReferenceSa& sa) {
  return IvOf(sa) + ReferenceMac(sa.suite.integ, sa.integ_key, {}, Bytes(IvOf(sa))).size();
}

Bytes IcvOf(const ReferenceSa& sa, ByteView front, ByteView ah_with_zero, ByteView rest, uint32_t high, ByteView iv) {
  Writer w;
  w.Put(Muted(front));
  w.Put(ah_with_zero);
  w.Put(rest);
  if (sa.suite.esn) w.U32(high);
  return ReferenceMac(sa.suite.integ, sa.integ_key, w.view(), iv);
}

Bytes PutAh(const ReferenceSa& sa, CutPacket cut, const SealChoices& c) {
  size_t icv = IcvFieldOf(sa);
  size_t granule = IsV4(cut.front) && !c.wide_ah ? 4 : 8;
  size_t size = (12 + icv + granule - 1) / granule * granule;
  Writer ah;
  ah.U8(cut.next);
  ah.U8(static_cast<uint8_t>(size / 4 - 2));
  ah.U16(0);
  ah.U32(sa.spi);
  ah.U32(static_cast<uint32_t>(c.sequence));
  while (ah.size() < size) ah.U8(0);
  Bytes header = ToBytes(ah.view());
  Bytes with_zero = header;
  Append(with_zero, cut.rest);
  // The header's lengths and protocol are those of what is sent.
  Bytes whole = Join({cut.front, kAh, with_zero});
  ByteView front = ByteView(whole).first(cut.front.size());
  Bytes field = IvOf(sa) != 0 ? c.iv : Bytes{};
  Append(field, IcvOf(sa, front, header, cut.rest, static_cast<uint32_t>(c.sequence >> 32), field));
  std::copy(field.begin(), field.end(), whole.begin() + static_cast<long>(cut.front.size()) + 12);
  return whole;
}

// `rest` of what AH covers comes out in out.inner.
void TakeAh(const ReferenceSa& sa, const CutPacket& cut, uint32_t high, ReferenceOpened& out) {
  auto fail = [&out](const char* why) { out.error = why; };
  size_t icv = IcvFieldOf(sa);
  Reader r(cut.rest);
  out.next_header = r.U8();
  size_t size = (r.U8() + 2u) * 4;
  if (r.U16() != 0) return fail("reserved");
  if (r.U32() != sa.spi) return fail("SPI");
  out.sequence = r.U32();
  if (sa.suite.esn) out.sequence |= static_cast<uint64_t>(high) << 32;
  size_t granule = IsV4(cut.front) ? 4 : 8;
  if (size != (12 + icv + granule - 1) / granule * granule || cut.rest.size() < size) return fail("AH length");
  out.iv = ToBytes(r.Take(IvOf(sa)));
  Bytes sent = ToBytes(r.Take(icv - IvOf(sa)));
  for (uint8_t pad : r.Take(size - 12 - icv)) {
    if (pad != 0) return fail("ICV padding");
  }
  Bytes header(cut.rest.begin(), cut.rest.begin() + static_cast<long>(size));
  std::fill(header.begin() + 12, header.end(), uint8_t{0});
  out.inner = ToBytes(r.Rest());
  if (!Equal(IcvOf(sa, cut.front, header, out.inner, high, out.iv), sent)) return fail("ICV");
}

bool CheckHeader(ByteView ip, ReferenceOpened& out) {
  bool v4 = IsV4(ip);
  size_t header = v4 ? (ip[0] & 15u) * 4 : 40;
  size_t length = v4 ? ip[2] << 8 | ip[3] : 40 + (ip[4] << 8 | ip[5]);
  if (length != ip.size()) return out.error = "length", false;
  if (v4 && InternetChecksum(ip.first(header)) != 0) return out.error = "header checksum", false;
  return true;
}

}  // namespace

CutPacket CutToSeal(ByteView ip) {
  if (IsV4(ip)) return CutAt(ip, (ip[0] & 15u) * 4, ip[9]);
  uint8_t upper, next = ip[6];
  size_t length = 40;
  for (const Extension& e : Extensions(ip, upper)) {
    if (e.kind == kDestination) continue;
    length = e.at + e.size;
    next = ip[e.at];
  }
  return CutAt(ip, length, next);
}

CutPacket CutAtIpsec(ByteView ip) {
  if (IsV4(ip)) return CutAt(ip, (ip[0] & 15u) * 4, ip[9]);
  uint8_t upper;
  auto all = Extensions(ip, upper);
  return CutAt(ip, all.empty() ? 40 : all.back().at + all.back().size, upper);
}

Bytes Join(const CutPacket& c) {
  Bytes out = c.front;
  Append(out, c.rest);
  if (IsV4(out)) {
    out[9] = c.next;
    out[2] = static_cast<uint8_t>(out.size() >> 8);
    out[3] = static_cast<uint8_t>(out.size());
    out[10] = out[11] = 0;
    uint16_t sum = InternetChecksum(ByteView(out).first(c.front.size()));
    out[10] = static_cast<uint8_t>(sum >> 8);
    out[11] = static_cast<uint8_t>(sum);
    return out;
  }
  out[4] = static_cast<uint8_t>((out.size() - 40) >> 8);
  out[5] = static_cast<uint8_t>(out.size() - 40);
  size_t name = 6;
  for (size_t at = 40; at < c.front.size(); at += (out[at + 1] + 1u) * 8) name = at;
  out[name] = c.next;
  return out;
}

Bytes ReferenceSealAny(const ReferenceSa& sa, ByteView packet, const SealChoices& c) {
  if (!sa.transport && !sa.ah) return ReferenceSeal(sa, packet, c);
  SealChoices with = c;
  if (!sa.transport) {
    CutPacket cut = CutAtIpsec(WrapIp(sa, packet, kAh, c));
    cut.next = c.next_header != 0 ? c.next_header : packet[0] >> 4 == 6 ? uint8_t{41} : uint8_t{4};
    cut.rest = ToBytes(packet);
    return PutAh(sa, cut, c);
  }
  CutPacket cut = CutToSeal(packet);
  if (c.next_header != 0) cut.next = c.next_header;
  if (sa.ah) return PutAh(sa, cut, c);
  with.next_header = cut.next;
  Bytes esp = EspPacket(sa, cut.rest, with);
  if (sa.encap) {
    ReferenceSa ends = sa;  // as the packet has them, which may be another's
    size_t size = IsV4(packet) ? 4 : 16, at = IsV4(packet) ? 12 : 8;
    ends.source.address = *IpAddress::FromBytes(packet.subspan(at, size));
    ends.destination.address = *IpAddress::FromBytes(packet.subspan(at + size, size));
    esp = WrapUdp(ends, std::move(esp), !IsV4(packet) || c.udp_checksum);
  }
  return Join({cut.front, sa.encap ? kUdp : kEsp, esp});
}

ReferenceOpened ReferenceOpenAny(const ReferenceSa& sa, ByteView outer, uint32_t high) {
  if (!sa.transport && !sa.ah) return ReferenceOpen(sa, outer, high);
  ReferenceOpened out;
  if (!CheckHeader(outer, out)) return out;
  CutPacket cut = CutAtIpsec(outer);
  out.tos = IsV4(outer) ? outer[1] : static_cast<uint8_t>(outer[0] << 4 | outer[1] >> 4);
  if (cut.next != (sa.encap ? kUdp : sa.ah ? kAh : kEsp)) return out.error = "protocol", out;
  Reader r(cut.rest);
  if (!sa.transport) {
    Reader header(outer);
    if (!UnwrapIp(sa, header, outer, out)) return out;
  }
  if (sa.encap && !UnwrapUdp(sa, r, out)) return out;
  if (sa.ah)
    TakeAh(sa, cut, high, out);
  else
    OpenEsp(sa, r.Rest(), high, out);
  if (!sa.transport || !out.error.empty()) return out;
  out.inner = Join({cut.front, out.next_header, out.inner});
  if (CutToSeal(out.inner).front.size() != cut.front.size()) out.error = "place";
  return out;
}

Bytes SealAgain(const ReferenceSa& sa, const ReferenceOpened& o) {
  SealChoices c;
  c.sequence = o.sequence;
  c.iv = o.iv;
  c.tos = o.tos;
  c.id = o.id;
  return ReferenceSealAny(sa, o.inner, c);
}

Bytes WithoutLabel(Bytes packet) {
  if (!IsV4(packet)) packet[1] &= 0xf0, packet[2] = packet[3] = 0;
  return packet;
}

}  // namespace culvert::test
