#include "control/ike/wire/v2/ts_payload.h"

#include "absl/log/check.h"
#include "common/base/limits.h"

//  0                   1                   2                   3      RFC 7296 3.13
// | Number of TSs |                 RESERVED                      |
// |                       <Traffic Selectors>                     |
//
// Traffic Selector (3.13.1)
// |   TS Type     |IP Protocol ID |       Selector Length         |
// |           Start Port          |           End Port            |
// |                         Starting Address                      |
// |                         Ending Address                        |
namespace culvert::ike {
namespace {

constexpr uint8_t kIpv4Range = 7, kIpv6Range = 8;
constexpr size_t kSelectorHeader = 4;  // octets: type, protocol, length

Decoded<TrafficSelector> DecodeRange(Reader& r, Family family, uint8_t protocol) {
  size_t at = r.offset();
  size_t address = family == Family::kV4 ? 4 : 16;
  if (r.remaining() != 4 + 2 * address) return Refuse(Malformed::kBadLength, at);
  TrafficSelector ts;
  ts.protocol = protocol;
  ts.port_first = r.U16();
  ts.port_last = r.U16();
  ts.addresses.first = *IpAddress::FromBytes(r.Take(address));
  ts.addresses.last = *IpAddress::FromBytes(r.Take(address));
  // RFC 7296 3.13.1: a start past its end means nothing, but for OPAQUE ports (65535 to 0).
  if (ts.port_first > ts.port_last && !ts.opaque()) return Refuse(Malformed::kBadValue, at);
  if (ts.addresses.last < ts.addresses.first) return Refuse(Malformed::kBadValue, at);
  return ts;
}

void Encode(const TrafficSelector& ts, Writer& w) {
  const auto& a = ts.addresses;
  bool v4 = a.first.family == Family::kV4;
  w.U8(v4 ? kIpv4Range : kIpv6Range);
  w.U8(ts.protocol);
  w.U16(static_cast<uint16_t>(kSelectorHeader + 4 + 2 * a.first.size()));
  w.U16(ts.port_first);
  w.U16(ts.port_last);
  w.Put(a.first.bytes());
  w.Put(a.last.bytes());
}

}  // namespace

Decoded<TsPayload> DecodeTs(PayloadType type, Reader& body) {
  TsPayload out;
  out.type = type;
  size_t at = body.offset();
  uint8_t count = body.U8();
  body.Skip(3);
  if (!body.ok()) return std::unexpected(body.error());
  if (count == 0) return Refuse(Malformed::kBadValue, at);
  for (unsigned i = 0; i < count; ++i) {
    at = body.offset();
    uint8_t ts_type = body.U8();
    uint8_t protocol = body.U8();
    uint16_t length = body.U16();
    if (!body.ok()) return std::unexpected(body.error());
    if (length < kSelectorHeader) return Refuse(Malformed::kBadLength, at);
    Reader rest = body.Sub(length - kSelectorHeader);
    if (!body.ok()) return std::unexpected(body.error());
    if (ts_type != kIpv4Range && ts_type != kIpv6Range) {
      out.skipped_unknown = true;
      continue;
    }
    auto ts = DecodeRange(rest, ts_type == kIpv4Range ? Family::kV4 : Family::kV6, protocol);
    if (!ts) return std::unexpected(ts.error());
    out.selectors.push_back(*ts);
  }
  return out;
}

void Encode(const TsPayload& ts, Writer& w) {
  CHECK(!ts.selectors.empty());
  CHECK_LE(ts.selectors.size(), kMaxSelectorsPerSa);
  w.U8(static_cast<uint8_t>(ts.selectors.size()));
  w.Zeros(3);
  for (const auto& s : ts.selectors) Encode(s, w);
}

}  // namespace culvert::ike
