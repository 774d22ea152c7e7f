#pragma once

#include "common/bytes/reader.h"
#include "common/bytes/writer.h"

namespace culvert::ike {

struct NoncePayload {
  ByteView data;                      // kMinNonce to kMaxNonce octets
};

Decoded<NoncePayload> DecodeNonce(Reader& body);
void Encode(const NoncePayload& nonce, Writer& w);

}  // namespace culvert::ike
