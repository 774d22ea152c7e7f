#include "absl/log/check.h"
#include "control/ike/wire/v1/message.h"
#include "tests/fuzz/v2_repair.h"

namespace {

using namespace culvert::ike::v1;

constexpr size_t kPrefix = 2;  // octets before the chain

std::vector<Payload> PayloadsOf(const Chain& chain) {
  std::vector<Payload> out;
  for (const Item& item : chain.items) out.push_back(item.payload);
  return out;
}

void CheckChain(PayloadType first, culvert::ByteView octets, Tail tail) {
  auto chain = DecodeChain(first, octets, tail);
  if (!chain) {
    CHECK_LE(chain.error().offset, octets.size());
    return;
  }
  CHECK_LE(chain->size, octets.size());
  CHECK(tail == Tail::kPadding || chain->size == octets.size());
  // Nothing is between two payloads.
  size_t at = 0;
  for (const Item& item : chain->items) {
    CHECK(item.octets.data() == octets.data() + at);
    at += item.octets.size();
  }
  CHECK_EQ(at, chain->size);
  // An SA of another domain is not looked into, so it does not come back.
  auto* sa = chain->Get<SaPayload>();
  if (sa && sa->proposals.empty()) return;
  const culvert::Bytes encoded = EncodeChain(PayloadsOf(*chain));
  if (encoded.size() != chain->size) return;   // of several SAs a later one was such
  auto again = DecodeChain(first, encoded, Tail::kNone);
  CHECK(again);
  CHECK(EncodeChain(PayloadsOf(*again)) == encoded);
}

}  // namespace

// Input: whether it is a datagram (bit 0 clear) or what decryption leaves, and of that the first payload's type; then the octets.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < kPrefix) return 0;
  const culvert::ByteView octets(data + kPrefix, size - kPrefix);
  if (data[0] & 1) {
    CheckChain(static_cast<PayloadType>(data[1]), octets, Tail::kPadding);
    return 0;
  }
  auto header = DecodeHeader(octets);
  if (!header) return 0;
  CHECK(EncodeHeader(*header, octets.size() - kHeaderSize).size() == kHeaderSize);
  if (!header->encrypted) CheckChain(header->next_payload, octets.subspan(kHeaderSize), Tail::kNone);
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  size = LLVMFuzzerMutate(data, size, max_size);
  if (seed % 8 >= 5 || size <= kPrefix) return size;
  if (data[0] & 1) {
    culvert::ike::RepairChain({data + kPrefix, size - kPrefix});
  } else if (size >= kPrefix + kHeaderSize) {
    const size_t length = size - kPrefix;
    for (size_t i = 0; i < 4; ++i) data[kPrefix + 24 + i] = static_cast<uint8_t>(length >> (24 - 8 * i));
    culvert::ike::RepairChain({data + kPrefix + kHeaderSize, length - kHeaderSize});
  }
  return size;
}
