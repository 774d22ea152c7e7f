#pragma once

#include <span>
#include <vector>

#include "control/ike/wire/header.h"
#include "control/ike/wire/v2/payloads.h"

namespace culvert::ike {

struct Message {
  IkeHeader header;
  std::vector<Payload> payloads;

  // The first payload of a kind, or nullptr; nothing is searched inside an SK payload. IDi and IDr are one kind, as are TSi
  // and TSr: see FindPayload.
  template <typename P>
  const P* Get() const {
    for (const auto& p : payloads) {
      if (auto* q = std::get_if<P>(&p)) return q;
    }
    return nullptr;
  }
  const NotifyPayload* Notify(NotifyType type) const;
};

// The first payload of that type, or nullptr.
const Payload* FindPayload(std::span<const Payload> payloads, PayloadType type);
const NotifyPayload* FindNotify(std::span<const Payload> payloads, NotifyType type);

// Pure: no logging, counting or state. `datagram` starts at the IKE header (a non-ESP marker is the transport's) and must
// outlive the result. Errors carry the offset in the datagram. Major versions other than 2 are the caller's to sort out
// first: here they are refused.
[[nodiscard]] Decoded<Message> DecodeMessage(ByteView datagram);

// The payload chain inside a decrypted SK payload, padding already removed. `body` must outlive the result.
[[nodiscard]] Decoded<std::vector<Payload>> DecodeChain(PayloadType first, ByteView body);

// Encodes header and payloads; header.next_payload and header.length are filled in.
[[nodiscard]] Bytes EncodeMessage(IkeHeader header, std::span<const Payload> payloads);
// The chain alone, as it goes into SK; the first payload's type is TypeOf(payloads[0]) or kNone.
[[nodiscard]] Bytes EncodeChain(std::span<const Payload> payloads);

// A message of one SK (SKF) payload up to where the payload's body begins, with the length fields of a body of `body_size`
// octets: what SkCipher::Seal authenticates and the sealed body is appended to. The payload's own `body` is not read.
[[nodiscard]] Bytes EncodeUpToBody(IkeHeader header, const SkPayload& sk, size_t body_size);
[[nodiscard]] Bytes EncodeUpToBody(IkeHeader header, const SkfPayload& skf, size_t body_size);
// The same part of a received datagram, for SkCipher::Open. `body` is the SK (SKF) payload's, decoded from `datagram`.
inline ByteView UpToBody(ByteView datagram, ByteView body) { return datagram.first(datagram.size() - body.size()); }

// RFC 7296 appendix C as tables: which payloads an exchange's message must and may hold, in any order. `inner` are the
// payloads that count: those in clear for IKE_SA_INIT, those inside SK for every other exchange. Notifies and vendor IDs may
// stand anywhere, unknown payloads where they are not critical. A response of nothing but an error notify is a kRefusal.
enum class GrammarVerdict : uint8_t { kOk, kMissing, kUnexpected, kTooMany, kUnknownCritical };
// Which of an exchange's forms the message has; whether this state of the exchange waits for it is the state machine's to say.
enum class MessageForm : uint8_t {
  kNone,           // not an exchange this build has
  kSaInit,
  kRefusal,        // a response of notifies only: an error, or IKE_SA_INIT's COOKIE or REDIRECT
  kAuthChild,      // IKE_AUTH's first exchange (AUTH is absent where the initiator asks for EAP) with a Child SA
  kAuthChildless,  // the same without one: RFC 6023, or its Child SA failed
  kAuthEap,        // a round of EAP
  kAuthLast,       // after EAP's success: AUTH, and in the response the Child SA or the notify of its failure
  kChild,          // CREATE_CHILD_SA: a new Child SA, or with REKEY_SA another's successor
  kRekeyIke,       // CREATE_CHILD_SA: the IKE SA's successor
  kInformational,
  kIntermediate,
  kFollowupKe,
};
struct GrammarResult {
  GrammarVerdict verdict = GrammarVerdict::kOk;
  PayloadType payload = PayloadType::kNone;  // which one
  MessageForm form = MessageForm::kNone;     // the form it was held against
};
[[nodiscard]] GrammarResult CheckGrammar(ExchangeType exchange, bool response, std::span<const Payload> inner);

}  // namespace culvert::ike
