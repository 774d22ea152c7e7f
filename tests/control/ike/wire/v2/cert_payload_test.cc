#include "control/ike/wire/v2/cert_payload.h"

#include "tests/control/ike/wire/body_cases.h"

namespace culvert::ike {
namespace {

TEST(CertPayload, RoundTrips) {
  const Bytes data(300, 0x30);
  ExpectRoundTrip(CertPayload{.encoding = 4, .data = data});
  ExpectRoundTrip(CertReqPayload{.encoding = 4, .data = data});
}

TEST(CertPayload, Bodies) {
  const BodyCase cases[] = {
      {"X.509", Octets("04 3082")},
      {"unknown encoding", Octets("ff 00")},
      {"no data", Octets("04")},
      {"19 octets of a hash", Bytes(20, 4)},   // B37: judged by whoever looks for an authority
      {"empty", {}, Malformed::kTruncated},
  };
  ExpectBodies(PayloadType::kCert, cases);
  ExpectBodies(PayloadType::kCertReq, cases);
}

}  // namespace
}  // namespace culvert::ike
