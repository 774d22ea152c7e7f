#include "control/ike/wire/v2/delete_payload.h"

#include "tests/control/ike/wire/body_cases.h"

namespace culvert::ike {
namespace {

TEST(DeletePayload, RoundTrips) {
  ExpectRoundTrip(DeletePayload{.protocol = IpsecProtocol::kIke, .spis = {}});
  ExpectRoundTrip(DeletePayload{.protocol = IpsecProtocol::kEsp, .spis = {0xc0000001, 0xc0000002}});
  ExpectRoundTrip(DeletePayload{.protocol = IpsecProtocol::kEsp, .spis = std::vector<uint32_t>(16000, 0xc0000001)});
}

// B44
TEST(DeletePayload, Bodies) {
  const BodyCase cases[] = {
      {"IKE", Octets("01 00 0000")},
      {"IKE counting itself", Octets("01 00 0001"), std::nullopt, Octets("01 00 0000")},
      {"IKE with an SPI size", Octets("01 08 0001 0102030405060708"), Malformed::kBadLength},
      {"IKE with bytes after it", Octets("01 00 0000 00"), Malformed::kTrailing},
      {"ESP", Octets("03 04 0001 c0000001")},
      {"AH, twice the same", Octets("02 04 0002 c0000001 c0000001")},
      {"ESP none", Octets("03 04 0000")},
      {"ESP size 3", Octets("03 03 0001 c00000"), Malformed::kBadLength},
      {"ESP size 3 around four octets", Octets("03 03 0001 c0000001"), Malformed::kBadLength},
      {"ESP size 0", Octets("03 00 ffff"), Malformed::kBadLength},
      {"ESP count 65535", Octets("03 04 ffff c0000001"), Malformed::kBadLength},
      {"ESP one SPI too few", Octets("03 04 0002 c0000001"), Malformed::kBadLength},
      {"ESP one SPI too many", Octets("03 04 0001 c0000001 c0000002"), Malformed::kBadLength},
      {"protocol 0", Octets("00 04 0001 c0000001"), Malformed::kBadValue},
      {"protocol 4", Octets("04 04 0001 c0000001"), Malformed::kBadValue},
      {"empty", {}, Malformed::kTruncated},
      {"cut", Octets("03 04 00"), Malformed::kTruncated},
  };
  ExpectBodies(PayloadType::kDelete, cases);
}

}  // namespace
}  // namespace culvert::ike
