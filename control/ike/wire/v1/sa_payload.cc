#include "control/ike/wire/v1/sa_payload.h"

#include <optional>

#include "absl/log/check.h"
#include "common/base/limits.h"
#include "common/ipsec/spi.h"
#include "control/ike/wire/substructure.h"

//  0                   1                   2                   3      RFC 2408 3.4, RFC 2407 4.6.1
// |              Domain of Interpretation  (DOI)                  |
// |                           Situation                           |
// |                           <Proposals>                         |
//
// Proposal (RFC 2408 3.5)
// | Next Payload  |   RESERVED    |         Payload Length        |   next: 0 last, 2 more
// |  Proposal #   |  Protocol-Id  |    SPI Size   |# of Transforms|
// |                        SPI (variable)                         |
// |                        <Transforms>                           |
//
// Transform (RFC 2408 3.6)
// | Next Payload  |   RESERVED    |         Payload Length        |   next: 0 last, 3 more
// |  Transform #  |  Transform-Id |           RESERVED2           |
// |                        SA Attributes                          |
namespace culvert::ike::v1 {
namespace {

constexpr size_t kMostSpi = 16;            // octets: phase 1 senders put both cookies there
constexpr size_t kMostTransforms = 1024;   // of a message: a proposal for each suite of a large policy is some hundred

Decoded<Transform> DecodeTransform(Reader& r) {
  Transform t;
  t.number = r.U8();
  t.id = r.U8();
  r.Skip(2);
  if (!r.ok()) return std::unexpected(r.error());
  auto attributes = DecodeAttributes(r);
  if (!attributes) return std::unexpected(attributes.error());
  t.attributes = *std::move(attributes);
  return t;
}

bool SpiFits(ProtocolId protocol, ByteView spi) {
  // RFC 4302 2.4, RFC 4303 2.1: 0 to 255 are reserved.
  if (protocol == ProtocolId::kAh || protocol == ProtocolId::kEsp) return spi.size() == 4 && Reader(spi).U32() >= kFirstSpi;
  return spi.size() <= kMostSpi;
}

Decoded<Proposal> DecodeProposal(Reader& r, size_t& transforms_left) {
  Proposal p;
  p.number = r.U8();
  p.protocol = static_cast<ProtocolId>(r.U8());
  const uint8_t spi_size = r.U8(), transforms = r.U8();
  const size_t spi_at = r.offset();
  p.spi = r.Take(spi_size);
  if (!r.ok()) return std::unexpected(r.error());
  if (!SpiFits(p.protocol, p.spi)) return Refuse(Malformed::kBadValue, spi_at);
  for (unsigned i = 0; i < transforms; ++i) {
    if (transforms_left-- == 0) return Refuse(Malformed::kTooMany, r.offset());
    auto body = NextSubstructure(r, kMoreTransforms);
    if (!body) return std::unexpected(body.error());
    auto t = DecodeTransform(*body);
    if (!t) return std::unexpected(t.error());
    p.transforms.push_back(*std::move(t));
  }
  if (!r.done()) return Refuse(Malformed::kTrailing, r.offset());
  return p;
}

void EncodeProposal(const Proposal& p, Writer& w) {
  CHECK_LE(p.transforms.size(), 0xffu);
  CHECK_LE(p.spi.size(), kMostSpi);
  w.U8(p.number);
  w.U8(static_cast<uint8_t>(p.protocol));
  w.U8(static_cast<uint8_t>(p.spi.size()));
  w.U8(static_cast<uint8_t>(p.transforms.size()));
  w.Put(p.spi);
  for (const Transform& t : p.transforms) {
    EncodeSubstructure(&t == &p.transforms.back() ? 0 : kMoreTransforms, w, [&] {
      w.U8(t.number);
      w.U8(t.id);
      w.U16(0);
      for (const Attribute& a : t.attributes) Encode(a, w);
    });
  }
}

}  // namespace

Decoded<SaPayload> DecodeSa(Reader& body) {
  SaPayload sa;
  sa.doi = body.U32();
  sa.situation = body.U32();
  if (!body.ok()) return std::unexpected(body.error());
  // RFC 2407 4.2: with secrecy or integrity labels follow, of which nobody says how long they are without knowing them.
  if (sa.doi != kIpsecDoi || sa.situation != kSitIdentityOnly) {
    (void)body.Rest();
    return sa;
  }
  size_t transforms_left = kMostTransforms;
  do {
    if (sa.proposals.size() == kMaxProposals) return Refuse(Malformed::kTooMany, body.offset());
    const size_t at = body.offset();
    auto rest = NextSubstructure(body, kMoreProposals);
    if (!rest) return std::unexpected(rest.error());
    auto p = DecodeProposal(*rest, transforms_left);
    if (!p) return std::unexpected(p.error());
    // RFC 2408 4.2: numbers rise, and are the same where proposals belong together.
    if (!sa.proposals.empty() && p->number < sa.proposals.back().number) return Refuse(Malformed::kBadValue, at);
    sa.proposals.push_back(*std::move(p));
  } while (!body.done());
  return sa;
}

void Encode(const SaPayload& sa, Writer& w) {
  w.U32(sa.doi);
  w.U32(sa.situation);
  for (const Proposal& p : sa.proposals) {
    EncodeSubstructure(&p == &sa.proposals.back() ? 0 : kMoreProposals, w, [&] { EncodeProposal(p, w); });
  }
}

}  // namespace culvert::ike::v1
