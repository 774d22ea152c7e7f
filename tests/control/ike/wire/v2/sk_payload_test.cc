#include "control/ike/wire/v2/sk_payload.h"

#include "common/base/limits.h"
#include "control/ike/wire/message.h"
#include "tests/control/ike/wire/body_cases.h"

namespace culvert::ike {
namespace {

const IkeHeader kHeader = {.spi_i = 1, .spi_r = 2, .exchange = ExchangeType::kInformational, .initiator = true, .message_id = 3};

TEST(SkPayload, RoundTrips) {
  const Bytes body(25, 0xee);
  for (const Payload& p : {Payload(SkPayload{PayloadType::kDelete, body}), Payload(SkPayload{PayloadType::kNone, body}),
                           Payload(SkfPayload{PayloadType::kIdI, 1, 3, body}), Payload(SkfPayload{PayloadType::kNone, 3, 3, body})}) {
    Bytes wire = EncodeMessage(kHeader, std::span(&p, 1));
    auto m = DecodeMessage(wire);
    ASSERT_TRUE(m);
    ASSERT_EQ(m->payloads.size(), 1u);
    EXPECT_TRUE(Same(m->payloads[0], p));
  }
}

// What a cipher authenticates before the body exists is what stands before the body on the wire.
TEST(SkPayload, LengthsAreRightBeforeTheBodyIsSealed) {
  const Bytes body(25, 0xee);
  SkPayload sk{PayloadType::kDelete, body};
  Payload p = sk;
  Bytes wire = EncodeMessage(kHeader, std::span(&p, 1));
  EXPECT_EQ(ToHex(EncodeUpToBody(kHeader, sk, body.size())), ToHex(UpToBody(wire, body)));

  SkfPayload skf{PayloadType::kIdI, 1, 3, body};
  p = skf;
  wire = EncodeMessage(kHeader, std::span(&p, 1));
  auto m = DecodeMessage(wire);
  ASSERT_TRUE(m);
  EXPECT_EQ(ToHex(EncodeUpToBody(kHeader, skf, body.size())), ToHex(UpToBody(wire, m->Get<SkfPayload>()->body)));
}

// RFC 7383 2.5, 2.6; B45
TEST(SkfPayload, FragmentFields) {
  struct Row {
    uint16_t number, total;
    std::optional<Malformed> refused;
  };
  constexpr uint16_t kMost = kMaxFragments;
  for (Row row : {Row{1, 1, {}}, Row{1, 2, {}}, Row{2, 2, {}}, Row{1, kMost - 1, {}}, Row{1, kMost, {}}, Row{kMost, kMost, {}},
                  Row{1, kMost + 1, Malformed::kTooMany}, Row{1, 65535, Malformed::kTooMany}, Row{0, 1, Malformed::kBadValue},
                  Row{0, 0, Malformed::kBadValue}, Row{1, 0, Malformed::kBadValue}, Row{3, 2, Malformed::kBadValue},
                  Row{65535, 65535, Malformed::kTooMany}}) {
    SCOPED_TRACE(std::to_string(row.number) + " of " + std::to_string(row.total));
    Payload p = SkfPayload{PayloadType::kIdI, row.number, row.total, {}};
    auto m = DecodeMessage(EncodeMessage(kHeader, std::span(&p, 1)));
    ASSERT_EQ(m.has_value(), !row.refused);
    if (row.refused) { EXPECT_STREQ(Name(m.error().what), Name(*row.refused)); }
  }
  for (size_t n = 0; n < 4; ++n) {
    Bytes body(n, 1);
    Reader r(body);
    EXPECT_FALSE(DecodeSkf(PayloadType::kIdI, r)) << n << " octets";
  }
}

}  // namespace
}  // namespace culvert::ike
