#include "control/ike/wire/v2/auth_payload.h"

#include "tests/control/ike/wire/body_cases.h"

namespace culvert::ike {
namespace {

TEST(AuthPayload, RoundTrips) {
  const Bytes data(64, 0x99);
  ExpectRoundTrip(AuthPayload{.method = AuthMethod::kSharedKey, .data = data});
}

TEST(AuthPayload, Bodies) {
  const BodyCase cases[] = {
      {"shared key", Octets("02 000000 0102")},
      {"unknown method", Octets("ff 000000 0102")},
      {"reserved", Octets("02 ffffff 0102"), std::nullopt, Octets("02 000000 0102")},
      {"no data", Octets("02 000000")},   // B33: fails authentication, not decoding
      {"empty", {}, Malformed::kTruncated},
      {"cut", Octets("02 0000"), Malformed::kTruncated},
  };
  ExpectBodies(PayloadType::kAuth, cases);
}

}  // namespace
}  // namespace culvert::ike
