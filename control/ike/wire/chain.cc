#include "control/ike/wire/chain.h"

#include "common/base/limits.h"

namespace culvert::ike {
namespace {

constexpr uint8_t kFlagCritical = 0x80;

bool IsEncrypted(PayloadType t) { return t == PayloadType::kSk || t == PayloadType::kSkf; }

size_t MostOf(PayloadType t) { return t == PayloadType::kCert ? kMaxCertPayloads : kMaxPayloadsOfOneType; }

}  // namespace

Decoded<std::optional<RawPayload>> ChainWalker::Next() {
  size_t at = chain_.offset();
  if (next_ == PayloadType::kNone) {
    if (!chain_.done()) return Refuse(Malformed::kTrailing, at);
    return std::nullopt;
  }
  PayloadType type = next_;
  if (++count_ > kMaxPayloadsPerMessage) return Refuse(Malformed::kTooMany, at);
  if (++of_type_[static_cast<uint8_t>(type)] > MostOf(type)) return Refuse(Malformed::kTooMany, at);
  if (IsEncrypted(type) && place_ == ChainPlace::kEncrypted) return Refuse(Malformed::kUnexpected, at);

  auto next = static_cast<PayloadType>(chain_.U8());
  bool critical = chain_.U8() & kFlagCritical;
  uint16_t length = chain_.U16();
  if (!chain_.ok()) return std::unexpected(chain_.error());
  if (length < kGenericHeaderSize) return Refuse(Malformed::kBadLength, at);
  RawPayload raw{type, critical, next, chain_.Sub(length - kGenericHeaderSize)};
  if (!chain_.ok()) return std::unexpected(chain_.error());

  // RFC 7296 3.14: the Encrypted payload is the last; its Next Payload names what is inside.
  if (IsEncrypted(type) && !chain_.done()) return Refuse(Malformed::kTrailing, chain_.offset());
  next_ = IsEncrypted(type) ? PayloadType::kNone : next;
  return raw;
}

}  // namespace culvert::ike
