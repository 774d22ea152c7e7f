#include "control/ike/wire/v2/ke_payload.h"

//  0                   1                   2                   3      RFC 7296 3.4
// |   Diffie-Hellman Group Num    |           RESERVED            |
// |                       Key Exchange Data                       |
namespace culvert::ike {

Decoded<KePayload> DecodeKe(Reader& body) {
  KePayload ke;
  ke.group = static_cast<KeGroup>(body.U16());
  body.Skip(2);
  ke.data = body.Rest();
  if (!body.ok()) return std::unexpected(body.error());
  return ke;
}

void Encode(const KePayload& ke, Writer& w) {
  w.U16(static_cast<uint16_t>(ke.group));
  w.Zeros(2);
  w.Put(ke.data);
}

}  // namespace culvert::ike
