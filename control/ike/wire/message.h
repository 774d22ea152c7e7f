#pragma once

#include <vector>

#include "control/ike/wire/v2/payloads.h"

namespace culvert::ike {

struct Message {
  IkeHeader header;
  std::vector<Payload> payloads;

  // The first payload of a kind, or nullptr; nothing is searched inside an SK payload.
  template <typename P>
  const P* Get() const {
    for (const auto& p : payloads) {
      if (auto* q = std::get_if<P>(&p)) return q;
    }
    return nullptr;
  }
  const NotifyPayload* Notify(NotifyType type) const;
};

// Pure: no logging, counting or state. `datagram` starts at the IKE header (a non-ESP marker is the transport's) and must
// outlive the result. Errors carry the offset in the datagram. Major versions other than 2 are the caller's to sort out first.
[[nodiscard]] Decoded<Message> DecodeMessage(ByteView datagram);

// The payload chain inside a decrypted SK payload, padding already removed.
[[nodiscard]] Decoded<std::vector<Payload>> DecodeChain(PayloadType first, ByteView body);

// Encodes header and payloads; header.next_payload and header.length are filled in.
[[nodiscard]] Bytes EncodeMessage(IkeHeader header, std::span<const Payload> payloads);
// The chain alone, as it goes into SK; the first payload's type is TypeOf(payloads[0]) or kNone.
[[nodiscard]] Bytes EncodeChain(std::span<const Payload> payloads);

// RFC 7296 appendix C as tables: which payloads an exchange's message must and may hold. `inner` are the payloads that
// count: those in clear for IKE_SA_INIT, those inside SK for every other exchange.
enum class GrammarVerdict : uint8_t { kOk, kMissing, kUnexpected, kTooMany, kUnknownCritical };
struct GrammarResult {
  GrammarVerdict verdict = GrammarVerdict::kOk;
  PayloadType payload = PayloadType::kNone;  // which one
};
[[nodiscard]] GrammarResult CheckGrammar(ExchangeType exchange, bool response, std::span<const Payload> inner);

}  // namespace culvert::ike
