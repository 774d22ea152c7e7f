#include <algorithm>

#include "absl/log/check.h"
#include "control/ike/wire/message.h"
#include "tests/fuzz/v2_repair.h"
#include "tests/support/payload_equal.h"

namespace {

constexpr size_t kPrefix = 3;  // octets before the chain

}  // namespace

// Input: exchange type, response (bit 0), first payload's type, then a payload chain as decryption leaves it. Besides what
// fuzz_v2_message demands, the grammar admits nothing of which a mandatory payload could not be read.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace culvert::ike;
  if (size < kPrefix) return 0;
  const auto exchange = static_cast<ExchangeType>(data[0]);
  const bool response = data[1] & 1;
  const auto first = static_cast<PayloadType>(data[2]);
  const culvert::ByteView chain(data + kPrefix, size - kPrefix);

  auto payloads = DecodeChain(first, chain);
  if (!payloads) {
    CHECK_LE(payloads.error().offset, chain.size());
    return 0;
  }
  CHECK(!FindPayload(*payloads, PayloadType::kSk) && !FindPayload(*payloads, PayloadType::kSkf));
  auto grammar = CheckGrammar(exchange, response, *payloads);
  if (grammar.verdict == GrammarVerdict::kOk) {
    CHECK(grammar.form != MessageForm::kNone);
    if (grammar.form == MessageForm::kChild) CHECK(FindPayload(*payloads, PayloadType::kTsR));
    if (grammar.form == MessageForm::kAuthLast) CHECK(FindPayload(*payloads, PayloadType::kAuth));
  }
  if (std::ranges::any_of(*payloads, IsLossy)) return 0;

  const culvert::Bytes encoded = EncodeChain(*payloads);
  CHECK_EQ(encoded.size(), chain.size());
  auto again = DecodeChain(first, encoded);
  CHECK(again);
  CHECK(Same(*again, *payloads));
  CHECK(EncodeChain(*again) == encoded);
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  size = LLVMFuzzerMutate(data, size, max_size);
  if (seed % 8 < 5 && size > kPrefix) culvert::ike::RepairChain({data + kPrefix, size - kPrefix});
  return size;
}
