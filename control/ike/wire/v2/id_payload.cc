#include "control/ike/wire/v2/id_payload.h"

#include "common/base/limits.h"

//  0                   1                   2                   3      RFC 7296 3.5
// |   ID Type     |                 RESERVED                      |
// |                   Identification Data                         |
namespace culvert::ike {

Decoded<IdPayload> DecodeId(PayloadType type, Reader& body) {
  IdPayload id;
  id.type = type;
  Reader whole = body;
  id.body = whole.Rest();
  id.id_type = static_cast<IdType>(body.U8());
  body.Skip(3);
  if (body.remaining() > kMaxIdentity) return Refuse(Malformed::kTooMany, body.offset());
  id.data = body.Rest();
  if (!body.ok()) return std::unexpected(body.error());
  return id;
}

void Encode(const IdPayload& id, Writer& w) {
  w.U8(static_cast<uint8_t>(id.id_type));
  w.Zeros(3);
  w.Put(id.data);
}

Bytes EncodeBody(const IdPayload& id) {
  Writer w;
  Encode(id, w);
  return w.Release();
}

}  // namespace culvert::ike
