#include "control/ike/wire/v2/auth_payload.h"

//  0                   1                   2                   3      RFC 7296 3.8
// | Auth Method   |                RESERVED                       |
// |                      Authentication Data                      |
namespace culvert::ike {

Decoded<AuthPayload> DecodeAuth(Reader& body) {
  AuthPayload auth;
  auth.method = static_cast<AuthMethod>(body.U8());
  body.Skip(3);
  auth.data = body.Rest();
  if (!body.ok()) return std::unexpected(body.error());
  return auth;
}

void Encode(const AuthPayload& auth, Writer& w) {
  w.U8(static_cast<uint8_t>(auth.method));
  w.Zeros(3);
  w.Put(auth.data);
}

}  // namespace culvert::ike
