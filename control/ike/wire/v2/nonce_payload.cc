#include "control/ike/wire/v2/nonce_payload.h"

#include "common/base/limits.h"

//  0                   1                   2                   3      RFC 7296 3.9
// |                            Nonce Data                         |
namespace culvert::ike {

Decoded<NoncePayload> DecodeNonce(Reader& body) {
  // RFC 7296 3.9: between 16 and 256 octets, inclusive.
  if (body.remaining() < kMinNonce || body.remaining() > kMaxNonce) return Refuse(Malformed::kBadLength, body.offset());
  return NoncePayload{body.Rest()};
}

void Encode(const NoncePayload& nonce, Writer& w) { w.Put(nonce.data); }

}  // namespace culvert::ike
