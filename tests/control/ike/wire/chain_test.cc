#include "control/ike/wire/chain.h"

#include "common/base/limits.h"
#include "control/ike/wire/message.h"
#include "tests/control/ike/wire/body_cases.h"

namespace culvert::ike {
namespace {

struct Link {
  PayloadType type;
  Bytes body = {};
  uint8_t flags = 0;
};

Bytes Chain(const std::vector<Link>& links, PayloadType after = PayloadType::kNone) {
  Bytes out;
  for (size_t i = 0; i < links.size(); ++i) {
    Append(out, ChainOf(links[i].body, i + 1 < links.size() ? links[i + 1].type : after, links[i].flags));
  }
  return out;
}

// What a walk in the clear finds: the number of payloads, or the error.
struct Walked {
  size_t payloads = 0;
  std::optional<Malformed> refused;
};
Walked Walk(PayloadType first, ByteView chain, ChainPlace place = ChainPlace::kClear) {
  ChainWalker walker(first, Reader(chain), place);
  for (size_t n = 0;; ++n) {
    auto raw = walker.Next();
    if (!raw) return {n, raw.error().what};
    if (!*raw) return {n, std::nullopt};
  }
}

void ExpectRefused(Malformed what, PayloadType first, ByteView chain, ChainPlace place = ChainPlace::kClear) {
  auto walked = Walk(first, chain, place);
  ASSERT_TRUE(walked.refused);
  EXPECT_STREQ(Name(*walked.refused), Name(what));
}

void ExpectPayloads(size_t n, PayloadType first, ByteView chain) {
  auto walked = Walk(first, chain);
  ASSERT_FALSE(walked.refused) << Name(*walked.refused);
  EXPECT_EQ(walked.payloads, n);
}

constexpr auto kV = PayloadType::kVendorId;
constexpr auto kN = PayloadType::kNotify;

TEST(ChainWalker, ReadsGenericHeaders) {
  Bytes chain = Chain({{kV, {1, 2}}, {PayloadType::kNonce, {3}, 0x80}, {static_cast<PayloadType>(200), {}, 0xff}});
  ChainWalker walker(kV, Reader(chain), ChainPlace::kClear);
  auto raw = walker.Next();
  EXPECT_EQ((*raw)->type, kV);
  EXPECT_EQ((*raw)->body.remaining(), 2u);
  EXPECT_EQ((*raw)->body.offset(), kGenericHeaderSize);
  EXPECT_FALSE((*raw)->critical);
  raw = walker.Next();
  EXPECT_EQ((*raw)->type, PayloadType::kNonce);
  EXPECT_TRUE((*raw)->critical);
  raw = walker.Next();
  EXPECT_EQ((*raw)->type, static_cast<PayloadType>(200));
  EXPECT_TRUE((*raw)->critical);
  raw = walker.Next();
  ASSERT_TRUE(raw);
  EXPECT_FALSE(*raw);
}

// B11
TEST(ChainWalker, Lengths) {
  for (uint8_t length = 0; length < 4; ++length) ExpectRefused(Malformed::kBadLength, kV, Bytes{0, 0, 0, length});
  ExpectPayloads(1, kV, Bytes{0, 0, 0, 4});
  ExpectRefused(Malformed::kTruncated, kV, Bytes{0, 0, 0, 5});
  ExpectRefused(Malformed::kTruncated, kV, Bytes{0, 0, 0xff, 0xff});
  for (size_t n = 0; n < 4; ++n) ExpectRefused(Malformed::kTruncated, kV, Bytes(n, 0));
}

// B11
TEST(ChainWalker, Ends) {
  ExpectPayloads(0, PayloadType::kNone, {});
  ExpectRefused(Malformed::kTrailing, PayloadType::kNone, Bytes{0});
  ExpectRefused(Malformed::kTrailing, kV, Bytes{0, 0, 0, 4, 0});
  ExpectRefused(Malformed::kTruncated, kV, Chain({{kV}}, kV));
  // A first payload of type 0 inside a chain ends it there.
  ExpectRefused(Malformed::kTrailing, kV, Chain({{kV}, {PayloadType::kNone}, {kV}}));
}

// B12
TEST(ChainWalker, FourThousandPayloadsStopAtTheCap) {
  std::vector<Link> links;
  for (int i = 0; i < 4000; ++i) links.push_back({static_cast<PayloadType>(100 + i % 100)});
  auto walked = Walk(links[0].type, Chain(links));
  ASSERT_TRUE(walked.refused);
  EXPECT_EQ(*walked.refused, Malformed::kTooMany);
  EXPECT_EQ(walked.payloads, kMaxPayloadsPerMessage);
}

// B13
TEST(ChainWalker, Caps) {
  auto of = [](size_t a, PayloadType ta, size_t b, PayloadType tb) {
    std::vector<Link> links(a, Link{ta});
    links.insert(links.end(), b, Link{tb});
    return Chain(links);
  };
  constexpr auto kCert = PayloadType::kCert;
  constexpr auto kStrange = static_cast<PayloadType>(222);
  for (auto other : {kN, kStrange}) {
    ExpectPayloads(29, kV, of(15, kV, 14, other));
    ExpectPayloads(30, kV, of(15, kV, 15, other));
    ExpectRefused(Malformed::kTooMany, kV, of(15, kV, 16, other));
    ExpectPayloads(20, other, of(20, other, 0, kV));
    ExpectRefused(Malformed::kTooMany, other, of(21, other, 0, kV));
  }
  ExpectPayloads(9, kCert, of(8, kCert, 1, kV));
  ExpectRefused(Malformed::kTooMany, kCert, of(9, kCert, 0, kV));
}

// RFC 7296 3.14; B28
TEST(ChainWalker, EncryptedPayloadsAreLast) {
  for (auto sk : {PayloadType::kSk, PayloadType::kSkf}) {
    // Next Payload of an encrypted payload names what is inside and does not continue the chain.
    ExpectPayloads(1, sk, Chain({{sk, {1}}}, PayloadType::kIdI));
    ExpectPayloads(2, kN, Chain({{kN}, {sk, {1}}}, PayloadType::kIdI));
    ExpectRefused(Malformed::kTrailing, sk, Chain({{sk, {1}}, {kN}}));
    ExpectRefused(Malformed::kTrailing, sk, Chain({{sk, {1}}, {sk, {1}}}));
    ExpectRefused(Malformed::kUnexpected, sk, Chain({{sk, {1}}}), ChainPlace::kEncrypted);
    ExpectRefused(Malformed::kUnexpected, kN, Chain({{kN}, {sk, {1}}}), ChainPlace::kEncrypted);
  }
}

// B14, B15: IKEv1's numbers are unknown here as any other.
TEST(DecodeChain, KeepsUnknownPayloads) {
  constexpr uint8_t kTypes[] = {1, 13, 20, 32, 49, 52, 54, 130, 255};
  for (uint8_t type : kTypes) {
    for (bool critical : {false, true}) {
      Bytes chain = Chain({{static_cast<PayloadType>(type), {1, 2, 3}, static_cast<uint8_t>(critical ? 0x80 : 0x7f)}, {kV}});
      auto payloads = DecodeChain(static_cast<PayloadType>(type), chain);
      ASSERT_TRUE(payloads);
      ASSERT_EQ(payloads->size(), 2u);
      auto* unknown = std::get_if<UnknownPayload>(&payloads->at(0));
      ASSERT_TRUE(unknown) << unsigned{type};
      EXPECT_EQ(unknown->type, type);
      EXPECT_EQ(unknown->critical, critical);
      EXPECT_EQ(ToHex(unknown->body), "010203");
      EXPECT_EQ(EncodeChain(*payloads)[1], critical ? 0x80 : 0);
    }
  }
}

TEST(DecodeChain, RefusesWhatADecoderLeaves) {
  auto r = DecodeChain(PayloadType::kDelete, ChainOf(Octets("01 00 0000 00")));
  ASSERT_FALSE(r);
  EXPECT_STREQ(Name(r.error().what), Name(Malformed::kTrailing));
  EXPECT_EQ(r.error().offset, kGenericHeaderSize + 4);
}

}  // namespace
}  // namespace culvert::ike
