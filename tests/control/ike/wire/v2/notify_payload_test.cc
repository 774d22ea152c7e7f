#include "control/ike/wire/v2/notify_payload.h"

#include "tests/control/ike/wire/body_cases.h"

namespace culvert::ike {
namespace {

TEST(NotifyPayload, RoundTrips) {
  const Bytes spi = {1, 2, 3, 4}, data(20, 0x11);
  ExpectRoundTrip(NotifyPayload{.protocol = IpsecProtocol::kEsp, .type = NotifyType::kRekeySa, .spi = spi, .data = {}});
  ExpectRoundTrip(NotifyPayload{.type = NotifyType::kNatDetectionSourceIp, .spi = {}, .data = data});
}

// B23: a wrong data length is for whoever understands the type; an SPI never reaches past the payload.
TEST(NotifyPayload, Bodies) {
  const BodyCase cases[] = {
      {"status", Octets("00 00 4000")},
      {"SPI and data", Octets("03 04 4009 c0000001 ff")},
      {"unknown type", Octets("00 00 ffff 00")},
      {"unknown protocol", Octets("ff 00 4000")},
      {"19 octets of NAT detection", Octets("00 00 4004 00000000000000000000000000000000000000")},
      {"65 octets of cookie", [] { Bytes b = Octets("00 00 4006"); b.resize(4 + 65, 7); return b; }()},
      {"SPI up to the end", Octets("03 04 4009 c0000001")},
      {"SPI one past the end", Octets("03 04 4009 c00000"), Malformed::kTruncated},
      {"SPI of 255", Octets("03 ff 4009 c0000001"), Malformed::kTruncated},
      {"empty", {}, Malformed::kTruncated},
      {"cut", Octets("00 00 40"), Malformed::kTruncated},
  };
  ExpectBodies(PayloadType::kNotify, cases);
}

}  // namespace
}  // namespace culvert::ike
