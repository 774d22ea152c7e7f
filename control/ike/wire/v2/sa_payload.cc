#include "control/ike/wire/v2/sa_payload.h"

#include "absl/log/check.h"
#include "common/base/limits.h"
#include "common/ipsec/spi.h"
#include "control/ike/wire/substructure.h"

//  0                   1                   2                   3      RFC 7296 3.3
// |                          <Proposals>                          |
//
// Proposal (3.3.1)
// | Last Substruc |   RESERVED    |        Proposal Length        |   last: 0 last, 2 more
// | Proposal Num  |  Protocol ID  |    SPI Size   |Num  Transforms|
// |                        SPI (variable)                         |
// |                        <Transforms>                           |
//
// Transform (3.3.2)
// | Last Substruc |   RESERVED    |        Transform Length       |   last: 0 last, 3 more
// |Transform Type |   RESERVED    |          Transform ID         |
// |                      Transform Attributes                     |
//
// Attribute (3.3.5)
// |A|       Attribute Type        |  AF=0: Attribute Length       |   AF=0: the value follows
// |F|                             |  AF=1: Attribute Value        |
namespace culvert::ike {
namespace {

constexpr uint16_t kAttributeIsTv = 0x8000;
constexpr uint16_t kKeyLengthAttribute = 14;

Decoded<Transform> DecodeTransform(Reader& r) {
  Transform t;
  t.type = static_cast<TransformType>(r.U8());
  r.Skip(1);
  t.id = r.U16();
  while (!r.done()) {
    uint16_t attribute = r.U16();
    uint16_t value_or_length = r.U16();
    if (attribute == (kAttributeIsTv | kKeyLengthAttribute) && t.key_bits == 0 && value_or_length != 0) {
      t.key_bits = value_or_length;
      continue;
    }
    // A zero, repeated or TLV-form key length is no better than an attribute never heard of.
    t.unknown_attribute = true;
    if (!(attribute & kAttributeIsTv)) r.Skip(value_or_length);
  }
  if (!r.ok()) return std::unexpected(r.error());
  return t;
}

// RFC 7296 3.3.1: 8 octets for IKE or none in an initial negotiation; 4 for AH and ESP.
bool SpiSizeFits(IpsecProtocol protocol, size_t size) {
  switch (protocol) {
    case IpsecProtocol::kIke: return size == 0 || size == 8;
    case IpsecProtocol::kAh:
    case IpsecProtocol::kEsp: return size == 4;
  }
  return size <= 8;
}

bool SpiIsReserved(IpsecProtocol protocol, ByteView spi) {
  Reader r(spi);
  // RFC 7296 3.1: an IKE SPI is never zero once chosen. RFC 4302 2.4, RFC 4303 2.1: 0 to 255 are reserved.
  if (protocol == IpsecProtocol::kIke) return spi.size() == 8 && r.U64() == 0;
  if (protocol == IpsecProtocol::kAh || protocol == IpsecProtocol::kEsp) return r.U32() < kFirstSpi;
  return false;
}

Decoded<Proposal> DecodeProposal(Reader& r) {
  Proposal p;
  p.number = r.U8();
  p.protocol = static_cast<IpsecProtocol>(r.U8());
  uint8_t spi_size = r.U8();
  uint8_t transforms = r.U8();
  size_t spi_at = r.offset();
  ByteView spi = r.Take(spi_size);
  if (!r.ok()) return std::unexpected(r.error());
  if (!SpiSizeFits(p.protocol, spi_size)) return Refuse(Malformed::kBadLength, spi_at);
  if (SpiIsReserved(p.protocol, spi)) return Refuse(Malformed::kBadValue, spi_at);
  p.spi = ToBytes(spi);
  for (unsigned i = 0; i < transforms; ++i) {
    auto body = NextSubstructure(r, kMoreTransforms);
    if (!body) return std::unexpected(body.error());
    auto t = DecodeTransform(*body);
    if (!t) return std::unexpected(t.error());
    p.transforms.push_back(*t);
  }
  if (!r.done()) return Refuse(Malformed::kTrailing, r.offset());
  return p;
}

void EncodeTransform(const Transform& t, Writer& w) {
  w.U8(static_cast<uint8_t>(t.type));
  w.U8(0);
  w.U16(t.id);
  if (t.key_bits) {
    w.U16(kAttributeIsTv | kKeyLengthAttribute);
    w.U16(t.key_bits);
  }
}

void EncodeProposal(const Proposal& p, Writer& w) {
  CHECK_LE(p.transforms.size(), kMaxTransformsPerProposal);
  CHECK_LE(p.spi.size(), 8u);
  w.U8(p.number);
  w.U8(static_cast<uint8_t>(p.protocol));
  w.U8(static_cast<uint8_t>(p.spi.size()));
  w.U8(static_cast<uint8_t>(p.transforms.size()));
  w.Put(p.spi);
  for (const Transform& t : p.transforms) {
    EncodeSubstructure(&t == &p.transforms.back() ? 0 : kMoreTransforms, w, [&] { EncodeTransform(t, w); });
  }
}

}  // namespace

Decoded<SaPayload> DecodeSa(Reader& body) {
  SaPayload sa;
  do {
    if (sa.proposals.size() == kMaxProposals) return Refuse(Malformed::kTooMany, body.offset());
    size_t at = body.offset();
    auto rest = NextSubstructure(body, kMoreProposals);
    if (!rest) return std::unexpected(rest.error());
    auto p = DecodeProposal(*rest);
    if (!p) return std::unexpected(p.error());
    // RFC 7296 3.3.1: an offer counts from 1 in steps of one; an answer is one proposal under the accepted number.
    if (p->number == 0) return Refuse(Malformed::kBadValue, at);
    if (!sa.proposals.empty() && (sa.proposals[0].number != 1 || p->number != sa.proposals.back().number + 1)) {
      return Refuse(Malformed::kBadValue, at);
    }
    sa.proposals.push_back(*std::move(p));
  } while (!body.done());
  return sa;
}

void Encode(const SaPayload& sa, Writer& w) {
  CHECK(!sa.proposals.empty());
  for (const Proposal& p : sa.proposals) {
    EncodeSubstructure(&p == &sa.proposals.back() ? 0 : kMoreProposals, w, [&] { EncodeProposal(p, w); });
  }
}

}  // namespace culvert::ike
