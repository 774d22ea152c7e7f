#include "control/ike/wire/v2/id_payload.h"

#include "common/base/limits.h"
#include "tests/control/ike/wire/body_cases.h"

namespace culvert::ike {
namespace {

Bytes Id(size_t n) {
  Bytes b = Octets("02 000000");
  b.resize(4 + n, 'a');
  return b;
}

TEST(IdPayload, RoundTrips) {
  for (PayloadType type : {PayloadType::kIdI, PayloadType::kIdR}) {
    ExpectRoundTrip(IdPayload{.type = type, .id_type = IdType::kFqdn, .data = AsBytes("gw.example.org"), .body = {}});
  }
}

TEST(IdPayload, Bodies) {
  const BodyCase cases[] = {
      {"FQDN", Octets("02 000000 6777")},
      {"no data", Octets("02 000000")},
      {"three octets of IPv4", Octets("01 000000 c00002")},
      {"type 0", Octets("00 000000 6777")},
      {"type 250", Octets("fa 000000 6777")},
      {"reserved", Octets("02 ffffff 6777"), std::nullopt, Octets("02 000000 6777")},
      {"empty", {}, Malformed::kTruncated},
      {"cut", Octets("02 0000"), Malformed::kTruncated},
      {"511 octets", Id(kMaxIdentity - 1)},
      {"512 octets", Id(kMaxIdentity)},
      {"513 octets", Id(kMaxIdentity + 1), Malformed::kTooMany},
      {"65000 octets", Id(65000), Malformed::kTooMany},
  };
  ExpectBodies(PayloadType::kIdI, cases);
  ExpectBodies(PayloadType::kIdR, cases);
}

// RFC 7296 2.15: AUTH covers the peer's octets as they came, reserved ones included.
TEST(IdPayload, KeepsTheBodyThatAuthCovers) {
  Bytes chain = ChainOf(Octets("02 abcdef 6777"));
  auto decoded = DecodeChain(PayloadType::kIdI, chain);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(ToHex(std::get<IdPayload>(decoded->at(0)).body), "02abcdef6777");
  EXPECT_EQ(ToHex(EncodeBody({.id_type = IdType::kFqdn, .data = AsBytes("gw"), .body = {}})), "020000006777");
}

}  // namespace
}  // namespace culvert::ike
