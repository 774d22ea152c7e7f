#include "control/ike/wire/v2/sa_payload.h"

#include "common/base/limits.h"
#include "tests/control/ike/wire/body_cases.h"

namespace culvert::ike {
namespace {

constexpr auto kSa = PayloadType::kSa;

// One transform; `more` is the first octet.
Bytes TransformOctets(bool more, uint8_t type, uint16_t id, std::string_view attributes = "") {
  Bytes attr = Octets(attributes);
  Writer w;
  w.U8(more ? 3 : 0);
  w.U8(0);
  w.U16(static_cast<uint16_t>(8 + attr.size()));
  w.U8(type);
  w.U8(0);
  w.U16(id);
  w.Put(attr);
  return w.Release();
}

struct ProposalOctets {
  bool more = false;
  uint8_t number = 1, protocol = 1;
  Bytes spi = {};
  std::vector<Bytes> transforms = {TransformOctets(false, 1, 20, "800e0100")};
  int count_is = -1;   // what the count says, where it lies
};
Bytes Encoded(const ProposalOctets& p) {
  Writer w;
  w.U8(p.more ? 2 : 0);
  w.U8(0);
  w.U16(0);
  w.U8(p.number);
  w.U8(p.protocol);
  w.U8(static_cast<uint8_t>(p.spi.size()));
  w.U8(static_cast<uint8_t>(p.count_is < 0 ? static_cast<int>(p.transforms.size()) : p.count_is));
  w.Put(p.spi);
  for (const auto& t : p.transforms) w.Put(t);
  w.PatchU16(2, static_cast<uint16_t>(w.size()));
  return w.Release();
}
Bytes Encoded(std::vector<ProposalOctets> proposals) {
  Bytes out;
  for (const auto& p : proposals) Append(out, Encoded(p));
  return out;
}

std::vector<ProposalOctets> Numbered(size_t n) {
  std::vector<ProposalOctets> out(n);
  for (size_t i = 0; i < n; ++i) {
    out[i].number = static_cast<uint8_t>(i + 1);
    out[i].more = i + 1 < n;
  }
  return out;
}

Bytes With(Bytes b, size_t at, uint8_t value) {
  b[at] = value;
  return b;
}

TEST(SaPayload, RoundTrips) {
  SaPayload sa;
  for (uint8_t n = 1; n <= 3; ++n) {
    sa.proposals.push_back({.number = n, .protocol = IpsecProtocol::kEsp, .spi = {0xc0, 0, 0, n}, .transforms = {
        {.type = TransformType::kEncr, .id = 20, .key_bits = 256}, {.type = TransformType::kEncr, .id = 28},
        {.type = TransformType::kEsn, .id = 1}}});
  }
  ExpectRoundTrip(sa);
}

TEST(SaPayload, Proposals) {
  Bytes one = Encoded(ProposalOctets{});
  Bytes two = Encoded(Numbered(2));
  Bytes esp_spi = Octets("c0000001");
  Bytes many_transforms;
  const BodyCase cases[] = {
      {"one", one},
      {"two", two},
      {"none", {}, Malformed::kTruncated},
      {"an answer keeps the accepted number", With(one, 4, 7)},
      {"number 0", With(one, 4, 0), Malformed::kBadValue},
      {"an offer that starts at 2", Encoded({{.more = true, .number = 2}, {.number = 3}}), Malformed::kBadValue},
      {"a repeated number", Encoded({{.more = true, .number = 1}, {.number = 1}}), Malformed::kBadValue},
      {"a skipped number", Encoded({{.more = true, .number = 1}, {.number = 3}}), Malformed::kBadValue},
      {"254 proposals", Encoded(Numbered(kMaxProposals - 1))},
      {"255 proposals", Encoded(Numbered(kMaxProposals))},
      {"256 proposals", Encoded(Numbered(kMaxProposals + 1)), Malformed::kTooMany},
      {"last says more", With(one, 0, 2), Malformed::kBadValue},
      {"first of two says last", With(two, 0, 0), Malformed::kBadValue},
      {"first of two says transform", With(two, 0, 3), Malformed::kBadValue},
      {"length 0", With(one, 3, 0), Malformed::kBadLength},
      {"length 3", With(one, 3, 3), Malformed::kBadLength},
      {"length of the header alone", With(one, 3, 4), Malformed::kBadValue},
      {"length one short", With(one, 3, static_cast<uint8_t>(one.size() - 1)), Malformed::kBadValue},
      {"length past the payload", With(one, 3, static_cast<uint8_t>(one.size() + 1)), Malformed::kTruncated},
      {"no transforms", Encoded(ProposalOctets{.transforms = {}})},
      {"count one more than there are", Encoded(ProposalOctets{.count_is = 2}), Malformed::kTruncated},
      {"count one less than there are", Encoded(ProposalOctets{.count_is = 0}), Malformed::kTrailing},
      {"reserved octet", With(one, 1, 0xff), std::nullopt, one},
  };
  ExpectBodies(kSa, cases);
  ExpectPrefixesRefused(kSa, two);
}

// RFC 7296 3.3.1; B20, B43
TEST(SaPayload, SpiSizes) {
  struct Row { uint8_t protocol; size_t size; bool accepted; };
  std::vector<BodyCase> cases;
  for (Row row : {Row{1, 0, true}, Row{1, 4, false}, Row{1, 7, false}, Row{1, 8, true}, Row{1, 9, false}, Row{1, 255, false},
                  Row{3, 0, false}, Row{3, 3, false}, Row{3, 4, true}, Row{3, 5, false}, Row{3, 8, false}, Row{2, 4, true},
                  Row{2, 0, false}, Row{0, 8, true}, Row{4, 0, true}, Row{4, 9, false}, Row{255, 255, false}}) {
    cases.push_back({"protocol " + std::to_string(row.protocol) + ", " + std::to_string(row.size) + " octets",
                     Encoded(ProposalOctets{.protocol = row.protocol, .spi = Bytes(row.size, 0xc1)}),
                     row.accepted ? std::nullopt : std::optional(Malformed::kBadLength)});
  }
  cases.push_back({"SPI past the proposal", With(Encoded(ProposalOctets{}), 6, 255), Malformed::kTruncated});
  ExpectBodies(kSa, cases);
}

TEST(SaPayload, ReservedSpis) {
  auto esp = [](std::string_view spi) { return Encoded(ProposalOctets{.protocol = 3, .spi = Octets(spi)}); };
  const BodyCase cases[] = {
      {"0", esp("00000000"), Malformed::kBadValue},
      {"1", esp("00000001"), Malformed::kBadValue},
      {"255", esp("000000ff"), Malformed::kBadValue},
      {"256", esp("00000100")},
      {"highest", esp("ffffffff")},
      {"AH", Encoded(ProposalOctets{.protocol = 2, .spi = Octets("000000ff")}), Malformed::kBadValue},
      {"IKE", Encoded(ProposalOctets{.spi = Bytes(8, 0)}), Malformed::kBadValue},
      {"IKE 1", Encoded(ProposalOctets{.spi = Octets("0000000000000001")})},
  };
  ExpectBodies(kSa, cases);
}

TEST(SaPayload, Transforms) {
  Bytes one = Encoded(ProposalOctets{});
  std::vector<Bytes> most(kMaxTransformsPerProposal, TransformOctets(true, 1, 20));
  most.back() = TransformOctets(false, 1, 20);
  constexpr size_t kFirst = 8;  // octets before the first transform
  const BodyCase cases[] = {
      {"255", Encoded(ProposalOctets{.transforms = most})},
      {"last says more", With(one, kFirst, 3), Malformed::kBadValue},
      {"last says proposal", With(one, kFirst, 2), Malformed::kBadValue},
      {"first of two says last", Encoded(ProposalOctets{.transforms = {TransformOctets(false, 1, 20), TransformOctets(false, 2, 5)}}),
       Malformed::kBadValue},
      {"length 3", With(one, kFirst + 3, 3), Malformed::kBadLength},
      {"length without the identifier", With(one, kFirst + 3, 7), Malformed::kBadValue},
      {"length past the proposal", With(one, kFirst + 3, 13), Malformed::kTruncated},
      {"reserved octets", With(With(one, kFirst + 1, 0xff), kFirst + 5, 0xff), std::nullopt, one},
      {"unknown type and identifier", Encoded(ProposalOctets{.transforms = {TransformOctets(false, 255, 65535)}})},
  };
  ExpectBodies(kSa, cases);
}

// B21: what is wrong with a key length makes a transform that is never chosen, not a message that is dropped.
TEST(SaPayload, Attributes) {
  struct Row {
    const char* what;
    std::string_view attributes;
    uint16_t key_bits;
    bool unusable;
  };
  for (const Row& row : {Row{"none", "", 0, false}, Row{"key length", "800e 0100", 256, false},
                         Row{"any key length", "800e 007f", 127, false}, Row{"largest", "800e ffff", 65535, false},
                         Row{"zero", "800e 0000", 0, true}, Row{"twice", "800e 0080 800e 0080", 128, true},
                         Row{"key length as TLV", "000e 0002 0100", 0, true}, Row{"unknown TV", "800d 0001", 0, true},
                         Row{"unknown TLV", "000d 0003 010203", 0, true}, Row{"empty TLV", "000d 0000", 0, true},
                         Row{"TLV, then key length", "000d 0001 ff 800e 0100", 256, true}}) {
    SCOPED_TRACE(row.what);
    Bytes body = Encoded(ProposalOctets{.transforms = {TransformOctets(false, 1, 20, row.attributes)}});
    Reader r(body);
    auto sa = DecodeSa(r);
    ASSERT_TRUE(sa) << Name(sa.error().what);
    const Transform& t = sa->proposals[0].transforms[0];
    EXPECT_EQ(t.key_bits, row.key_bits);
    EXPECT_EQ(t.unknown_attribute, row.unusable);
  }
  std::vector<BodyCase> cases;
  for (std::string_view cut : {"80", "800e", "800e 01", "000d 0002 01", "000d ffff", "800e 0100 00"}) {
    cases.push_back({std::string(cut), Encoded(ProposalOctets{.transforms = {TransformOctets(false, 1, 20, cut)}}),
                     Malformed::kTruncated});
  }
  ExpectBodies(kSa, cases);
}

TEST(SaPayload, ErrorsSayWhere) {
  Bytes body = With(Encoded(ProposalOctets{}), 8, 2);  // the first transform's marker
  auto r = DecodeChain(kSa, ChainOf(body));
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().offset, kGenericHeaderSize + 8);
}

}  // namespace
}  // namespace culvert::ike
