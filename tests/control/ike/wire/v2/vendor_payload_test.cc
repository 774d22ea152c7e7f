#include "control/ike/wire/v2/vendor_payload.h"

#include "tests/control/ike/wire/body_cases.h"

namespace culvert::ike {
namespace {

TEST(VendorIdPayload, Bodies) {
  const BodyCase cases[] = {{"empty", {}}, {"text", Octets("414243")}, {"long", Bytes(65000, 0xaa)}};
  ExpectBodies(PayloadType::kVendorId, cases);
}

}  // namespace
}  // namespace culvert::ike
