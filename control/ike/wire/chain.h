#pragma once

#include <array>
#include <optional>

#include "control/ike/wire/header.h"

namespace culvert::ike {

//  0                   1                   2                   3      RFC 7296 3.2
// | Next Payload  |C|  RESERVED   |         Payload Length        |
inline constexpr size_t kGenericHeaderSize = 4;  // octets

// One payload of a chain, not looked into.
struct RawPayload {
  PayloadType type = PayloadType::kNone;
  bool critical = false;
  PayloadType next = PayloadType::kNone;  // of SK and SKF: the first payload inside
  Reader body;                            // fenced to what follows the generic header
};

// Where a chain stands: payloads inside SK may not be SK or SKF again.
enum class ChainPlace : uint8_t { kClear, kEncrypted };

// The only walk over a payload chain. Allocates nothing, so a flood's cookie check can stand on it. Enforces
// kMaxPayloadsPerMessage, kMaxPayloadsOfOneType and kMaxCertPayloads, and that SK or SKF is last (RFC 7296 3.14).
class ChainWalker {
 public:
  // `chain` starts at the first payload's generic header; its offsets go into the errors.
  ChainWalker(PayloadType first, Reader chain, ChainPlace place) : next_(first), chain_(chain), place_(place) {}

  // nullopt after the last payload. After an error the walk is over: do not call again.
  Decoded<std::optional<RawPayload>> Next();

 private:
  PayloadType next_;
  Reader chain_;
  ChainPlace place_;
  size_t count_ = 0;
  std::array<uint8_t, 256> of_type_{};
};

}  // namespace culvert::ike
