#include <algorithm>

#include "absl/log/check.h"
#include "control/ike/identity.h"

namespace culvert::ike {
namespace {

void CheckPrintable(const Identity& id) {
  std::string text = id.ToString();
  CHECK_LE(text.size(), 256u);
  CHECK(std::ranges::all_of(text, [](char c) { return c >= 0x20 && c < 0x7f; }));
}

// Types whose text is theirs alone read back; what was cut does not.
void CheckReadsBack(const Identity& id) {
  if (id.type == IdType::kFqdn || id.type == IdType::kRfc822 || id.type == IdType::kKeyId || id.type == IdType::kDerDn) return;
  std::string text = id.ToString();
  if (text.ends_with("...") || NamesAnyIdentity(text)) return;
  CHECK(Identity::Parse(text) == id);
}

}  // namespace
}  // namespace culvert::ike

// Input: length of a configured identity, that identity, then a peer's identity type and data.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace culvert::ike;
  if (size < 2) return 0;
  const size_t length = std::min<size_t>(data[0], size - 2);
  const std::string_view pattern = culvert::AsString({data + 1, length});
  const culvert::ByteView rest(data + 1 + length, size - 1 - length);
  const Identity peer{static_cast<IdType>(rest[0]), culvert::ToBytes(rest.subspan(1))};

  CheckPrintable(peer);
  CheckReadsBack(peer);
  if (NamesAnyIdentity(pattern)) CHECK(Matches(pattern, peer));
  if (auto configured = Identity::Parse(pattern)) {
    CheckPrintable(*configured);
    CHECK(Matches(pattern, *configured));
    CHECK(*configured != peer || Matches(pattern, peer));
  }
  (void)Matches(pattern, peer);
  return 0;
}
