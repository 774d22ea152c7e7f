#include "control/ike/wire/message.h"

#include <gtest/gtest.h>

#include <memory>

#include "common/bytes/hex.h"
#include "tests/control/ike/wire/charon_vectors.h"
#include "tests/support/payload_equal.h"

namespace culvert::ike {
namespace {

// A copy of exactly n octets on the heap, so that a sanitizer sees a read past the end.
struct Exact {
  explicit Exact(ByteView b) : data(new uint8_t[b.size()]), size(b.size()) { std::copy(b.begin(), b.end(), data.get()); }
  ByteView view() const { return {data.get(), size}; }
  std::unique_ptr<uint8_t[]> data;
  size_t size;
};

bool IsDatagram(const CharonVector& v) { return v.exchange == ExchangeType::kIkeSaInit; }

class CharonTest : public testing::TestWithParam<CharonVector> {
 protected:
  const CharonVector& vector_ = GetParam();
  Bytes octets_ = *FromHex(vector_.hex);

  Decoded<std::vector<Payload>> Decode(PayloadType first, ByteView octets) {
    if (!IsDatagram(vector_)) return DecodeChain(first, octets);
    auto m = DecodeMessage(octets);
    if (!m) return std::unexpected(m.error());
    return std::move(m->payloads);
  }
  Decoded<std::vector<Payload>> Decode(ByteView octets) { return Decode(vector_.first, octets); }
};

TEST_P(CharonTest, IsReadAndWrittenBackOctetForOctet) {
  auto payloads = Decode(octets_);
  ASSERT_TRUE(payloads) << Name(payloads.error().what) << " at " << payloads.error().offset;
  if (IsDatagram(vector_)) {
    auto header = DecodeHeader(octets_);
    ASSERT_TRUE(header);
    EXPECT_EQ(header->exchange, vector_.exchange);
    EXPECT_EQ(header->response, vector_.response);
    EXPECT_EQ(ToHex(EncodeMessage(*header, *payloads)), ToHex(octets_));
  } else {
    EXPECT_EQ(ToHex(EncodeChain(*payloads)), ToHex(octets_));
    EXPECT_EQ(payloads->empty() ? PayloadType::kNone : TypeOf(payloads->front()), vector_.first);
  }
}

TEST_P(CharonTest, FitsTheGrammar) {
  auto payloads = Decode(octets_);
  ASSERT_TRUE(payloads);
  auto result = CheckGrammar(vector_.exchange, vector_.response, *payloads);
  EXPECT_EQ(result.verdict, GrammarVerdict::kOk) << Name(result.payload);
  EXPECT_EQ(result.form, vector_.form);
}

TEST_P(CharonTest, IsRefusedWhereverItIsCut) {
  for (size_t n = 0; n < octets_.size(); ++n) {
    Exact cut(ByteView(octets_).first(n));
    EXPECT_FALSE(Decode(cut.view())) << "first " << n << " octets, length field as it was";
    if (!IsDatagram(vector_) || n < kIkeHeaderSize) continue;
    for (size_t i = 0; i < 4; ++i) cut.data[kIkeLengthOffset + i] = static_cast<uint8_t>(n >> (24 - 8 * i));
    EXPECT_FALSE(Decode(cut.view())) << "first " << n << " octets, length field that says so";
  }
}

// Whatever one flipped bit makes of it: refused, or decoded to a value that encodes and decodes to itself.
TEST_P(CharonTest, SurvivesEveryFlippedBit) {
  Exact flipped(octets_);
  for (size_t bit = 0; bit < octets_.size() * 8; ++bit) {
    flipped.data[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    if (auto payloads = Decode(flipped.view()); payloads && std::ranges::none_of(*payloads, IsLossy)) {
      Bytes encoded = IsDatagram(vector_) ? EncodeMessage({.exchange = vector_.exchange}, *payloads) : EncodeChain(*payloads);
      auto again = Decode(payloads->empty() ? PayloadType::kNone : TypeOf(payloads->front()), encoded);
      ASSERT_TRUE(again) << "bit " << bit;
      EXPECT_TRUE(Same(*again, *payloads)) << "bit " << bit;
    }
    flipped.data[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
  }
}

INSTANTIATE_TEST_SUITE_P(Charon, CharonTest, testing::ValuesIn(kCharonVectors), [](const auto& test) {
  std::string name = test.param.name;
  std::ranges::replace(name, '-', '_');
  return name;
});

const Bytes kRequest = *FromHex(kCharonVectors[0].hex);  // IKE_SA_INIT

TEST(Message, FindsPayloads) {
  auto m = DecodeMessage(kRequest);
  ASSERT_TRUE(m);
  ASSERT_TRUE(m->Get<NoncePayload>());
  EXPECT_EQ(m->Get<NoncePayload>()->data.size(), 32u);
  ASSERT_TRUE(m->Notify(NotifyType::kNatDetectionDestinationIp));
  EXPECT_EQ(m->Notify(NotifyType::kNatDetectionDestinationIp)->data.size(), 20u);
  EXPECT_FALSE(m->Notify(NotifyType::kCookie));
  EXPECT_FALSE(m->Get<AuthPayload>());

  const std::vector<Payload> both = {TsPayload{.type = PayloadType::kTsI, .selectors = {}, .skipped_unknown = false},
                                     TsPayload{.type = PayloadType::kTsR, .selectors = {}, .skipped_unknown = false}};
  EXPECT_EQ(FindPayload(both, PayloadType::kTsR), &both[1]);
  EXPECT_EQ(FindPayload(both, PayloadType::kIdI), nullptr);
}

TEST(Message, OfferOfCharonIsReadRight) {
  auto m = DecodeMessage(kRequest);
  ASSERT_TRUE(m);
  const auto& proposals = m->Get<SaPayload>()->proposals;
  ASSERT_EQ(proposals.size(), 2u);   // charon's default: CBC with HMAC, then AEAD
  const Transform first = {.type = TransformType::kEncr, .id = 12, .key_bits = 128};
  EXPECT_EQ(proposals[0].transforms.front(), first);
  EXPECT_EQ(proposals[1].number, 2);
}

TEST(Message, RefusesOtherMajorVersions) {
  Bytes wire = kRequest;
  constexpr uint8_t kMajors[] = {0, 1, 3, 15};
  for (uint8_t major : kMajors) {
    wire[kIkeVersionOffset] = static_cast<uint8_t>(major << 4);
    auto m = DecodeMessage(wire);
    ASSERT_FALSE(m);
    EXPECT_EQ(m.error().offset, kIkeVersionOffset);
  }
  wire[kIkeVersionOffset] = 0x2f;  // RFC 7296 2.5: a minor version is no reason
  EXPECT_TRUE(DecodeMessage(wire));
}

TEST(Message, WithoutPayloads) {
  Bytes wire = EncodeMessage({.spi_i = 1, .exchange = ExchangeType::kInformational}, {});
  EXPECT_EQ(wire.size(), kIkeHeaderSize);
  auto m = DecodeMessage(wire);
  ASSERT_TRUE(m);
  EXPECT_TRUE(m->payloads.empty());
  EXPECT_TRUE(EncodeChain({}).empty());
}

}  // namespace
}  // namespace culvert::ike
