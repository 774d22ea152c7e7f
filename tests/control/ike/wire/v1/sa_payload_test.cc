#include "control/ike/wire/v1/sa_payload.h"

#include <gtest/gtest.h>

#include "common/base/limits.h"
#include "tests/control/ike/wire/body_cases.h"

namespace culvert::ike::v1 {
namespace {

Bytes Substructure(uint8_t next, ByteView body) {
  Writer w;
  w.U8(next);
  w.U8(0);
  w.U16(static_cast<uint16_t>(body.size() + 4));
  w.Put(body);
  return w.Release();
}
Bytes TransformOctets(bool more, std::string_view attributes = "80010007") {
  Bytes body = Octets("01 0c 0000");
  Append(body, Octets(attributes));
  return Substructure(more ? 3 : 0, body);
}
struct ProposalOctets {
  bool more = false;
  uint8_t number = 1, protocol = 3;
  Bytes spi = Octets("c0000001");
  std::vector<Bytes> transforms = {TransformOctets(false)};
  int count_is = -1;   // what the count says, where it lies
};
Bytes Encoded(const std::vector<ProposalOctets>& proposals, std::string_view front = "00000001 00000001") {
  Bytes out = Octets(front);
  for (const auto& p : proposals) {
    Writer w;
    w.U8(p.number);
    w.U8(p.protocol);
    w.U8(static_cast<uint8_t>(p.spi.size()));
    w.U8(static_cast<uint8_t>(p.count_is < 0 ? static_cast<int>(p.transforms.size()) : p.count_is));
    w.Put(p.spi);
    for (const auto& t : p.transforms) w.Put(t);
    Append(out, Substructure(p.more ? 2 : 0, w.view()));
  }
  return out;
}

Decoded<SaPayload> Decode(const Bytes& octets) {
  Reader r(octets);
  auto sa = DecodeSa(r);
  if (sa && !r.done()) return Refuse(Malformed::kTrailing, r.offset());
  return sa;
}

void ExpectSame(const Bytes& octets) {
  auto sa = Decode(octets);
  ASSERT_TRUE(sa) << Name(sa.error().what) << " at " << sa.error().offset;
  Writer w;
  Encode(*sa, w);
  EXPECT_EQ(ToHex(w.view()), ToHex(octets));
}

TEST(V1Sa, GoesThereAndBack) {
  ExpectSame(Encoded({{}}));
  ExpectSame(Encoded({{.transforms = {TransformOctets(true), TransformOctets(true, ""), TransformOctets(false)}}}));
  ExpectSame(Encoded({{.protocol = 1, .spi = {}}}));
  ExpectSame(Encoded({{.protocol = 1, .spi = Bytes(8, 7)}}));
  ExpectSame(Encoded({{.protocol = 1, .spi = Bytes(16, 7)}}));
  ExpectSame(Encoded({{.protocol = 9, .spi = Bytes(2, 7)}}));
  // ESP over AH, or ESP alone.
  ExpectSame(Encoded({{.more = true, .protocol = 2}, {.more = true}, {.number = 2}}));
  // Numbers need not follow each other.
  ExpectSame(Encoded({{.more = true, .number = 3}, {.number = 200}}));
  ExpectSame(Encoded({{.transforms = {}}}));
}

TEST(V1Sa, OtherDomainsAreNotLookedInto) {
  for (auto* front : {"00000002 00000001", "00000000 00000001", "00000001 00000003"}) {
    Bytes octets = Octets(front);
    Append(octets, Octets("ffffffffff"));
    auto sa = Decode(octets);
    ASSERT_TRUE(sa) << front;
    EXPECT_TRUE(sa->proposals.empty());
  }
}

// B20, B43.
TEST(V1Sa, RefusesWhatContradictsItself) {
  const struct {
    const char* what;
    Bytes octets;
  } rows[] = {
      {"nothing", {}},
      {"no proposal", Octets("00000001 00000001")},
      {"fewer transforms than it counts", Encoded({{.count_is = 2}})},
      {"more transforms than it counts", Encoded({{.count_is = 0}})},
      {"a last one with more behind", Encoded({{}, {.number = 2}})},
      {"more than the last", Encoded({{.more = true}})},
      {"a last transform with more behind", Encoded({{.transforms = {TransformOctets(false), TransformOctets(false)}}})},
      {"falling numbers", Encoded({{.more = true, .number = 2}, {.number = 1}})},
      {"an SPI of three octets", Encoded({{.spi = Bytes(3, 7)}})},
      {"a reserved SPI", Encoded({{.spi = Octets("000000ff")}})},
      {"an SPI of 17 octets in phase 1", Encoded({{.protocol = 1, .spi = Bytes(17, 7)}})},
      {"an attribute past the end", Encoded({{.transforms = {TransformOctets(false, "000c0005 00")}}})},
      {"half an attribute", Encoded({{.transforms = {TransformOctets(false, "80")}}})},
  };
  for (const auto& row : rows) EXPECT_FALSE(Decode(row.octets)) << row.what;
}

TEST(V1Sa, WorkIsBounded) {
  std::vector<ProposalOctets> many(kMaxProposals + 1);
  for (size_t i = 0; i < many.size(); ++i) many[i] = {.more = i + 1 < many.size(), .number = 1};
  EXPECT_FALSE(Decode(Encoded(many)));
  many.pop_back();
  many.back().more = false;
  EXPECT_TRUE(Decode(Encoded(many)));
  // The count of transforms is one octet, but there are many proposals.
  std::vector<Bytes> transforms(255, TransformOctets(true, ""));
  transforms.back() = TransformOctets(false, "");
  for (size_t n : {4, 5}) {
    std::vector<ProposalOctets> full(n, {.more = true, .transforms = transforms});
    full.back().more = false;
    EXPECT_EQ(Decode(Encoded(full)).has_value(), n == 4);
  }
}

}  // namespace
}  // namespace culvert::ike::v1
