#pragma once

#include "common/bytes/reader.h"
#include "common/bytes/writer.h"
#include "control/ike/wire/registry.h"

namespace culvert::ike {

struct AuthPayload {
  AuthMethod method{};
  ByteView data;
};

Decoded<AuthPayload> DecodeAuth(Reader& body);
void Encode(const AuthPayload& auth, Writer& w);

}  // namespace culvert::ike
