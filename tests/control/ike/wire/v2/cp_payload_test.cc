#include "control/ike/wire/v2/cp_payload.h"

#include "tests/control/ike/wire/body_cases.h"

namespace culvert::ike {
namespace {

TEST(CpPayload, RoundTrips) {
  const Bytes address = {10, 3, 0, 1};
  ExpectRoundTrip(CpPayload{.cfg_type = 2, .attributes = {{1, address}, {3, {}}, {0x7fff, address}}});
}

// B39: attribute lengths; whether three octets are an address is for whoever reads the attribute.
TEST(CpPayload, Bodies) {
  const BodyCase cases[] = {
      {"request", Octets("01 000000 0001 0000 0003 0000")},
      {"no attributes", Octets("01 000000")},
      {"reserved", Octets("01 ffffff 8001 0000"), std::nullopt, Octets("01 000000 0001 0000")},
      {"three octets of an address", Octets("02 000000 0001 0003 0a0300")},
      {"length past the payload", Octets("02 000000 0001 0005 0a030001"), Malformed::kTruncated},
      {"length 65535", Octets("02 000000 0001 ffff 0a030001"), Malformed::kTruncated},
      {"half a header", Octets("02 000000 0001"), Malformed::kTruncated},
      {"one octet left", Octets("02 000000 0001 0000 00"), Malformed::kTruncated},
      {"empty", {}, Malformed::kTruncated},
      {"cut", Octets("01 0000"), Malformed::kTruncated},
  };
  ExpectBodies(PayloadType::kCp, cases);
}

}  // namespace
}  // namespace culvert::ike
