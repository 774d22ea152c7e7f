#include "control/ike/wire/v2/ke_payload.h"

#include "tests/control/ike/wire/body_cases.h"

namespace culvert::ike {
namespace {

TEST(KePayload, RoundTrips) {
  const Bytes data(32, 0x42);
  ExpectRoundTrip(KePayload{KeGroup::kX25519, data});
}

// B18: which lengths and groups fit is the key exchange's to say, with INVALID_KE_PAYLOAD.
TEST(KePayload, Bodies) {
  const BodyCase cases[] = {
      {"X25519", Octets("001f 0000 0102")},
      {"reserved", Octets("001f ffff 0102"), std::nullopt, Octets("001f 0000 0102")},
      {"no data", Octets("001f 0000")},
      {"group 0", Octets("0000 0000 00")},
      {"group 65535", Octets("ffff 0000 00")},
      {"empty", {}, Malformed::kTruncated},
      {"cut", Octets("001f 00"), Malformed::kTruncated},
  };
  ExpectBodies(PayloadType::kKe, cases);
}

}  // namespace
}  // namespace culvert::ike
