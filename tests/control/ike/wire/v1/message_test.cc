#include "control/ike/wire/v1/message.h"

#include <gtest/gtest.h>

#include "common/base/limits.h"
#include "tests/control/ike/wire/body_cases.h"

namespace culvert::ike::v1 {
namespace {

constexpr auto kVid = PayloadType::kVendorId;

Bytes Generic(PayloadType next, ByteView body) {
  Writer w;
  w.U8(static_cast<uint8_t>(next));
  w.U8(0);
  w.U16(static_cast<uint16_t>(body.size() + 4));
  w.Put(body);
  return w.Release();
}

TEST(V1Header, ReadsEveryField) {
  const Bytes octets = Octets("0102030405060708 1112131415161718 08 10 20 05 deadbeef 0000001c");
  auto h = DecodeHeader(octets);
  ASSERT_TRUE(h);
  EXPECT_EQ(h->cookie_i, 0x0102030405060708u);
  EXPECT_EQ(h->cookie_r, 0x1112131415161718u);
  EXPECT_EQ(h->next_payload, PayloadType::kHash);
  EXPECT_EQ(h->major, 1);
  EXPECT_EQ(h->minor, 0);
  EXPECT_EQ(h->exchange, ExchangeType::kQuick);
  EXPECT_TRUE(h->encrypted);
  EXPECT_FALSE(h->commit);
  EXPECT_TRUE(h->auth_only);
  EXPECT_EQ(h->message_id, 0xdeadbeefu);
  EXPECT_EQ(ToHex(EncodeHeader(*h, 0)), ToHex(octets));
}

TEST(V1Header, RefusesLengthsThatAreNotTheDatagrams) {
  Bytes octets = Octets("0102030405060708 0000000000000000 01 10 02 00 00000000 0000001c");
  EXPECT_FALSE(DecodeHeader(ByteView(octets).first(27)));
  for (uint8_t length : std::initializer_list<uint8_t>{0, 27, 29, 255}) {
    octets[27] = length;
    EXPECT_FALSE(DecodeHeader(octets)) << int{length};
  }
}

TEST(V1Chain, GivesEachPayloadWithItsOctets) {
  Bytes octets = Generic(kVid, Octets("0102"));
  Append(octets, Generic(PayloadType::kNone, Octets("03")));
  auto chain = DecodeChain(PayloadType::kNonce, octets, Tail::kNone);
  ASSERT_TRUE(chain);
  ASSERT_EQ(chain->items.size(), 2u);
  EXPECT_EQ(ToHex(chain->items[0].body()), "0102");
  EXPECT_EQ(chain->items[0].octets.size(), 6u);
  EXPECT_EQ(chain->Find(kVid), &chain->items[1]);
  EXPECT_EQ(chain->Find(PayloadType::kSa), nullptr);
  EXPECT_EQ(chain->size, octets.size());
}

// Padding is of any number and value, and behind what is decrypted alone.
TEST(V1Chain, PaddingOnlyWhereThereMayBe) {
  Bytes octets = Generic(PayloadType::kNone, Octets("0102"));
  const size_t size = octets.size();
  Append(octets, Octets("1122334455667788990011"));
  EXPECT_FALSE(DecodeChain(kVid, octets, Tail::kNone));
  auto chain = DecodeChain(kVid, octets, Tail::kPadding);
  ASSERT_TRUE(chain);
  EXPECT_EQ(chain->size, size);
}

TEST(V1Chain, RefusesWhatContradictsItself) {
  const Bytes good = Generic(PayloadType::kNone, Octets("0102"));
  Bytes past = good, below = good, endless = Generic(kVid, Octets("0102"));
  past[3] = 7;
  below[3] = 3;
  for (const Bytes& octets : {past, below, endless, Bytes(good.begin(), good.begin() + 3), Bytes{}}) {
    EXPECT_FALSE(DecodeChain(kVid, octets, Tail::kPadding)) << ToHex(octets);
  }
}

TEST(V1Chain, KeepsToTheCaps) {
  struct {
    PayloadType type;
    size_t most;
  } rows[] = {{kVid, kMaxPayloadsOfOneType}, {PayloadType::kCert, kMaxCertPayloads}};
  for (const auto& row : rows) {
    for (size_t n : {row.most, row.most + 1}) {
      Bytes octets;
      for (size_t i = 1; i <= n; ++i) Append(octets, Generic(i < n ? row.type : PayloadType::kNone, Octets("04")));
      EXPECT_EQ(DecodeChain(row.type, octets, Tail::kNone).has_value(), n == row.most) << Name(row.type);
    }
  }
  // B12, B13: of all types together.
  for (size_t n : {kMaxPayloadsPerMessage, kMaxPayloadsPerMessage + 1}) {
    Bytes octets;
    for (size_t i = 1; i <= n; ++i) {
      auto next = i == n ? PayloadType::kNone : i % 2 ? PayloadType::kNonce : kVid;
      Append(octets, Generic(next, Octets("04")));
    }
    EXPECT_EQ(DecodeChain(kVid, octets, Tail::kNone).has_value(), n == kMaxPayloadsPerMessage);
  }
}

// The first message of main mode as RFC 2409 5 and RFC 3947 3.1 have it: one proposal of AES-128, SHA-256, a pre-shared key, group
// 14 and eight hours, and a vendor ID.
TEST(V1Message, MainModesFirst) {
  const Bytes octets = Octets(
      "a1b2c3d4e5f60718 0000000000000000 01 10 02 00 00000000 0000006c"
      "0d 00 003c 00000001 00000001"
      "  00 00 0030 01 01 00 01"
      "    00 00 0028 01 01 0000 80010007 800e0080 80020004 80030001 8004000e 800b0001 000c0004 00007080"
      "00 00 0014 4a131c81070358455c5728f20e95452f");
  auto header = DecodeHeader(octets);
  ASSERT_TRUE(header);
  auto chain = DecodeChain(header->next_payload, ByteView(octets).subspan(kHeaderSize), Tail::kNone);
  ASSERT_TRUE(chain) << Name(chain.error().what) << " at " << chain.error().offset;
  const auto* sa = chain->Get<SaPayload>();
  ASSERT_TRUE(sa);
  ASSERT_EQ(sa->proposals.size(), 1u);
  ASSERT_EQ(sa->proposals[0].transforms.size(), 1u);
  const Attributes& a = sa->proposals[0].transforms[0].attributes;
  ASSERT_EQ(a.size(), 7u);
  EXPECT_EQ(a[1].Number(), 128u);
  EXPECT_EQ(a[6].type, static_cast<uint16_t>(IkeAttribute::kLifeDuration));
  EXPECT_EQ(a[6].Number(), 28800u);
  std::vector<Payload> payloads;
  for (const Item& item : chain->items) payloads.push_back(item.payload);
  EXPECT_EQ(ToHex(EncodeMessage(*header, payloads)), ToHex(octets));
}

TEST(V1Names, AreTheRegistrys) {
  EXPECT_EQ(Name(ExchangeType::kAggressive), "aggressive mode");
  EXPECT_EQ(Name(static_cast<ExchangeType>(77)), "77");
  EXPECT_EQ(Name(NotifyType::kNoProposalChosen), "NO-PROPOSAL-CHOSEN");
  EXPECT_EQ(Name(PayloadType::kNatD), "NAT-D");
  EXPECT_EQ(Name(AuthMethod::kPreSharedKey), "pre-shared key");
}

}  // namespace
}  // namespace culvert::ike::v1
