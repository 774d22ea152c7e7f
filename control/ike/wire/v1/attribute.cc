#include "control/ike/wire/v1/attribute.h"

#include <algorithm>

#include "absl/log/check.h"

namespace culvert::ike::v1 {
namespace {

//  0                   1                   2                   3      RFC 2408 3.3
// |A|       Attribute Type        |  AF=0: Attribute Length       |   AF=0: the value follows
// |F|                             |  AF=1: Attribute Value        |
constexpr uint16_t kBasic = 0x8000;

}  // namespace

bool operator==(const Attribute& a, const Attribute& b) {
  return a.type == b.type && a.basic == b.basic && std::ranges::equal(a.value, b.value);
}

std::optional<uint64_t> Attribute::Number() const {
  auto first = std::ranges::find_if(value, [](uint8_t octet) { return octet != 0; });
  if (value.empty() || value.end() - first > 8) return std::nullopt;
  uint64_t n = 0;
  for (; first != value.end(); ++first) n = n << 8 | *first;
  return n;
}

Decoded<Attributes> DecodeAttributes(Reader& r) {
  Attributes list;
  while (!r.done()) {
    if (list.size() == kMaxAttributes) return Refuse(Malformed::kTooMany, r.offset());
    const uint16_t type = r.U16();
    Attribute a{.type = static_cast<uint16_t>(type & ~kBasic), .basic = (type & kBasic) != 0, .value = {}};
    a.value = r.Take(a.basic ? 2 : r.U16());
    if (!r.ok()) return std::unexpected(r.error());
    list.push_back(a);
  }
  return list;
}

void Encode(const Attribute& a, Writer& w) {
  CHECK_LT(a.type, kBasic);
  CHECK(a.basic ? a.value.size() == 2 : a.value.size() <= 0xffff);
  w.U16(static_cast<uint16_t>(a.type | (a.basic ? kBasic : 0)));
  if (!a.basic) w.U16(static_cast<uint16_t>(a.value.size()));
  w.Put(a.value);
}

}  // namespace culvert::ike::v1
