#include "control/ike/wire/v2/nonce_payload.h"

#include "common/base/limits.h"
#include "tests/control/ike/wire/body_cases.h"

namespace culvert::ike {
namespace {

// B17
TEST(NoncePayload, Bodies) {
  const BodyCase cases[] = {
      {"empty", {}, Malformed::kBadLength},
      {"15", Bytes(kMinNonce - 1, 1), Malformed::kBadLength},
      {"16", Bytes(kMinNonce, 1)},
      {"17", Bytes(kMinNonce + 1, 1)},
      {"255", Bytes(kMaxNonce - 1, 1)},
      {"256", Bytes(kMaxNonce, 1)},
      {"257", Bytes(kMaxNonce + 1, 1), Malformed::kBadLength},
      {"65000", Bytes(65000, 1), Malformed::kBadLength},
  };
  ExpectBodies(PayloadType::kNonce, cases);
}

}  // namespace
}  // namespace culvert::ike
