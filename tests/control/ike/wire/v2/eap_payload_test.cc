#include "control/ike/wire/v2/eap_payload.h"

#include "tests/control/ike/wire/body_cases.h"

namespace culvert::ike {
namespace {

// B38: EAP's own lengths are the method's to check.
TEST(EapPayload, Bodies) {
  const BodyCase cases[] = {{"success", Octets("03 01 0004")}, {"empty", {}}, {"length lies", Octets("01 01 ffff 01")}};
  ExpectBodies(PayloadType::kEap, cases);
}

}  // namespace
}  // namespace culvert::ike
