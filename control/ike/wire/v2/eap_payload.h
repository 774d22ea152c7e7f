#pragma once

#include "common/bytes/reader.h"
#include "common/bytes/writer.h"

namespace culvert::ike {

struct EapPayload {
  ByteView message;                   // RFC 3748, its own length field unchecked
};

Decoded<EapPayload> DecodeEap(Reader& body);
void Encode(const EapPayload& eap, Writer& w);

}  // namespace culvert::ike
