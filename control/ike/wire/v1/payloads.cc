#include "control/ike/wire/v1/payloads.h"

#include "absl/log/check.h"
#include "common/base/limits.h"

namespace culvert::ike::v1 {
namespace {

constexpr uint8_t kLastFragment = 1;
constexpr size_t kCookies = 16;   // octets of both

// The layout has been read: what it makes, unless the cursor ran out.
template <typename P>
Decoded<Payload> Whole(const Reader& r, P payload) {
  if (!r.ok()) return std::unexpected(r.error());
  return payload;
}

//  0                   1                   2                   3      RFC 2407 4.6.2
// |   ID Type     |  Protocol ID  |             Port              |
// |                     Identification Data                       |
Decoded<Payload> DecodeId(Reader& r) {
  IdPayload id{.type = static_cast<IdType>(r.U8()), .protocol = r.U8(), .port = r.U16(), .data = r.Rest()};
  if (id.data.size() > kMaxIdentity) return Refuse(Malformed::kBadLength, r.offset());
  return Whole(r, id);
}

//  0                   1                   2                   3      RFC 2408 3.14
// |              Domain of Interpretation  (DOI)                  |
// |  Protocol-ID  |   SPI Size    |      Notify Message Type      |
// |               Security Parameter Index (SPI)                  |
// |                       Notification Data                       |
Decoded<Payload> DecodeNotify(Reader& r) {
  NotifyPayload n;
  n.doi = r.U32();
  n.protocol = static_cast<ProtocolId>(r.U8());
  const uint8_t spi_size = r.U8();
  n.type = static_cast<NotifyType>(r.U16());
  n.spi = r.Take(spi_size);
  n.data = r.Rest();
  return Whole(r, n);
}

//  0                   1                   2                   3      RFC 2408 3.15
// |              Domain of Interpretation  (DOI)                  |
// |  Protocol-Id  |   SPI Size    |           # of SPIs           |
// |               Security Parameter Index(es) (SPI)              |
Decoded<Payload> DecodeDelete(Reader& r) {
  DeletePayload d;
  d.doi = r.U32();
  d.protocol = static_cast<ProtocolId>(r.U8());
  const uint8_t spi_size = r.U8();
  const uint16_t count = r.U16();
  if (!r.ok()) return std::unexpected(r.error());
  if (spi_size != (d.protocol == ProtocolId::kIsakmp ? kCookies : 4)) return Refuse(Malformed::kBadLength, r.offset());
  if (r.remaining() != size_t{spi_size} * count) return Refuse(Malformed::kBadLength, r.offset());
  for (unsigned i = 0; i < count; ++i) d.spis.push_back(r.Take(spi_size));
  return Whole(r, std::move(d));
}

//  0                   1                   2                   3      mode-cfg 3.2
// |     Type      |   RESERVED    |          Identifier           |
// |                           Attributes                          |
Decoded<Payload> DecodeAttributesPayload(Reader& r) {
  AttributesPayload a;
  a.type = static_cast<TransactionType>(r.U8());
  r.Skip(1);
  a.id = r.U16();
  if (!r.ok()) return std::unexpected(r.error());
  auto list = DecodeAttributes(r);
  if (!list) return std::unexpected(list.error());
  a.attributes = *std::move(list);
  return Whole(r, std::move(a));
}

//  0                   1                   2                   3      RFC 3947 5.2
// |    ID Type    |                    RESERVED                   |
// |                      IPv4 or IPv6 address                     |
Decoded<Payload> DecodeNatOa(PayloadType type, Reader& r) {
  NatOaPayload oa{.payload = type, .type = static_cast<IdType>(r.U8()), .address = {}};
  r.Skip(3);
  oa.address = r.Rest();
  const size_t size = oa.type == IdType::kIpv4 ? 4 : 16;
  const bool fits = (oa.type == IdType::kIpv4 || oa.type == IdType::kIpv6) && oa.address.size() == size;
  if (r.ok() && !fits) return Refuse(Malformed::kBadValue, r.offset());
  return Whole(r, oa);
}

//  0                   1                   2                   3
// |          Fragment ID          | Fragment Num  |     Flags     |   flags: 1 the last
Decoded<Payload> DecodeFragment(Reader& r) {
  FragmentPayload f{.id = r.U16(), .number = r.U8(), .last = (r.U8() & kLastFragment) != 0, .data = r.Rest()};
  // B45
  if (r.ok() && (f.id == 0 || f.number == 0 || f.data.empty())) return Refuse(Malformed::kBadValue, r.offset());
  return Whole(r, f);
}

Decoded<Payload> DecodeCert(PayloadType type, Reader& r) {
  CertPayload c{.type = type, .encoding = r.U8(), .data = r.Rest()};
  return Whole(r, c);
}

struct BodyEncoder {
  Writer& w;

  void operator()(const SaPayload& p) const { Encode(p, w); }
  void operator()(const OpaquePayload& p) const { w.Put(p.data); }
  void operator()(const IdPayload& p) const {
    w.U8(static_cast<uint8_t>(p.type));
    w.U8(p.protocol);
    w.U16(p.port);
    w.Put(p.data);
  }
  void operator()(const CertPayload& p) const {
    w.U8(p.encoding);
    w.Put(p.data);
  }
  void operator()(const NotifyPayload& p) const {
    CHECK_LE(p.spi.size(), 0xffu);
    w.U32(p.doi);
    w.U8(static_cast<uint8_t>(p.protocol));
    w.U8(static_cast<uint8_t>(p.spi.size()));
    w.U16(static_cast<uint16_t>(p.type));
    w.Put(p.spi);
    w.Put(p.data);
  }
  void operator()(const DeletePayload& p) const {
    w.U32(p.doi);
    w.U8(static_cast<uint8_t>(p.protocol));
    w.U8(static_cast<uint8_t>(p.protocol == ProtocolId::kIsakmp ? kCookies : 4));
    w.U16(static_cast<uint16_t>(p.spis.size()));
    for (ByteView spi : p.spis) w.Put(spi);
  }
  void operator()(const AttributesPayload& p) const {
    w.U8(static_cast<uint8_t>(p.type));
    w.U8(0);
    w.U16(p.id);
    for (const Attribute& a : p.attributes) Encode(a, w);
  }
  void operator()(const NatOaPayload& p) const {
    w.U8(static_cast<uint8_t>(p.type));
    w.Zeros(3);
    w.Put(p.address);
  }
  void operator()(const FragmentPayload& p) const {
    w.U16(p.id);
    w.U8(p.number);
    w.U8(p.last ? kLastFragment : 0);
    w.Put(p.data);
  }
};

struct TypeVisitor {
  PayloadType operator()(const SaPayload&) const { return PayloadType::kSa; }
  PayloadType operator()(const IdPayload&) const { return PayloadType::kId; }
  PayloadType operator()(const CertPayload& p) const { return p.type; }
  PayloadType operator()(const NotifyPayload&) const { return PayloadType::kNotify; }
  PayloadType operator()(const DeletePayload&) const { return PayloadType::kDelete; }
  PayloadType operator()(const AttributesPayload&) const { return PayloadType::kAttributes; }
  PayloadType operator()(const NatOaPayload& p) const { return p.payload; }
  PayloadType operator()(const FragmentPayload&) const { return PayloadType::kFragment; }
  PayloadType operator()(const OpaquePayload& p) const { return p.type; }
};

Decoded<Payload> DecodeSaPayload(Reader& r) {
  auto sa = DecodeSa(r);
  if (!sa) return std::unexpected(sa.error());
  return *std::move(sa);
}

}  // namespace

PayloadType TypeOf(const Payload& p) { return std::visit(TypeVisitor{}, p); }

Decoded<Payload> DecodeBody(PayloadType type, Reader body) {
  switch (type) {
    case PayloadType::kSa: return DecodeSaPayload(body);
    case PayloadType::kId: return DecodeId(body);
    case PayloadType::kCert:
    case PayloadType::kCertReq: return DecodeCert(type, body);
    case PayloadType::kNotify: return DecodeNotify(body);
    case PayloadType::kDelete: return DecodeDelete(body);
    case PayloadType::kAttributes: return DecodeAttributesPayload(body);
    case PayloadType::kNatOa:
    case PayloadType::kNatOaDraft: return DecodeNatOa(type, body);
    case PayloadType::kFragment: return DecodeFragment(body);
    default: return OpaquePayload{type, body.Rest()};
  }
}

void EncodeBody(const Payload& p, Writer& w) { std::visit(BodyEncoder{w}, p); }

}  // namespace culvert::ike::v1
