#pragma once

#include <optional>
#include <vector>

#include "common/bytes/reader.h"
#include "common/bytes/writer.h"

namespace culvert::ike::v1 {

// A data attribute (RFC 2408 3.3): of transforms, of mode config and XAUTH.
struct Attribute {
  uint16_t type = 0;     // 15 bits
  bool basic = false;    // two octets of value, and no length (AF = 1)
  ByteView value;        // borrows what was decoded
  friend bool operator==(const Attribute& a, const Attribute& b);

  // As an unsigned number, big-endian; nullopt: none, or of more than 8 octets that count.
  std::optional<uint64_t> Number() const;
};
using Attributes = std::vector<Attribute>;

// All there are up to the cursor's end, at most kMaxAttributes of them.
inline constexpr size_t kMaxAttributes = 256;
Decoded<Attributes> DecodeAttributes(Reader& r);
// A value of other than two octets in a basic attribute is the caller's error.
void Encode(const Attribute& a, Writer& w);

}  // namespace culvert::ike::v1
