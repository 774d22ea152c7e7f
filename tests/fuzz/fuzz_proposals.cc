#include "absl/log/check.h"
#include "common/bytes/reader.h"
#include "tests/support/chooser_oracle.h"

// Input: an octet that says IKE or child, then one octet for each thing that is drawn, of configuration and offer; zero when it
// has ended. The choosers must agree with brute force.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  culvert::Reader in(culvert::ByteView(data, size));
  const bool ike = in.U8() & 1;
  auto draw = [&in](uint32_t n) { return in.U8() % n; };
  const auto round = ike ? culvert::ike::CompareIkeChoice(draw) : culvert::ike::CompareEspChoice(draw);
  CHECK_EQ(round.disagreement, "");
  return 0;
}
