#include <algorithm>

#include "absl/log/check.h"
#include "control/ike/wire/message.h"
#include "tests/fuzz/v2_repair.h"
#include "tests/support/payload_equal.h"

// Input: a datagram as it comes from the network. What decodes must encode to a message of the same value and length, and
// that message to itself.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace culvert::ike;
  const culvert::ByteView datagram(data, size);
  auto message = DecodeMessage(datagram);
  if (!message) {
    CHECK_LE(message.error().offset, size);
    return 0;
  }
  (void)CheckGrammar(message->header.exchange, message->header.response, message->payloads);
  if (std::ranges::any_of(message->payloads, IsLossy)) return 0;

  const culvert::Bytes encoded = EncodeMessage(message->header, message->payloads);
  CHECK_EQ(encoded.size(), size);
  auto again = DecodeMessage(encoded);
  CHECK(again);
  CHECK(again->header == message->header);
  CHECK(Same(again->payloads, message->payloads));
  CHECK(EncodeMessage(again->header, again->payloads) == encoded);
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  using namespace culvert::ike;
  size = LLVMFuzzerMutate(data, size, max_size);
  if (seed % 8 == 0 || size < kIkeHeaderSize) return size;
  for (size_t i = 0; i < 4; ++i) data[kIkeLengthOffset + i] = static_cast<uint8_t>(size >> (24 - 8 * i));
  if (seed % 8 < 5) RepairChain({data + kIkeHeaderSize, size - kIkeHeaderSize});
  return size;
}
