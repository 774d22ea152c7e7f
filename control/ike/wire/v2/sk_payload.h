#pragma once

#include "common/bytes/reader.h"
#include "common/bytes/writer.h"
#include "control/ike/wire/registry.h"

namespace culvert::ike {

struct SkPayload {                    // always last; what it holds is decoded after decryption
  PayloadType first_inner = PayloadType::kNone;
  ByteView body;                      // IV | ciphertext | ICV; whether that fits the cipher is SkCipher's business
};
struct SkfPayload {                   // RFC 7383 2.5; always last
  PayloadType first_inner = PayloadType::kNone;  // meaningful in fragment 1 only
  uint16_t number = 1, total = 1;     // 1 <= number <= total <= kMaxFragments when decoded
  ByteView body;                      // IV | ciphertext | ICV, after the fragment fields
};

// `first_inner` is the generic header's Next Payload field.
Decoded<SkPayload> DecodeSk(PayloadType first_inner, Reader& body);
void Encode(const SkPayload& sk, Writer& w);
Decoded<SkfPayload> DecodeSkf(PayloadType first_inner, Reader& body);
void Encode(const SkfPayload& skf, Writer& w);

}  // namespace culvert::ike
