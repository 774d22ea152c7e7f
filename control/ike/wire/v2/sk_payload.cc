#include "control/ike/wire/v2/sk_payload.h"

#include "common/base/limits.h"

//  0                   1                   2                   3      RFC 7296 3.14
// |                     Initialization Vector                     |
// |                    Encrypted IKE Payloads                     |
// |               |             Padding (0-255 octets)            |
// |                                               |  Pad Length   |
// |                    Integrity Checksum Data                    |
//
//                                                                     RFC 7383 2.5
// |        Fragment Number        |        Total Fragments        |
// |             the same as above, from the IV on                 |
namespace culvert::ike {

Decoded<SkPayload> DecodeSk(PayloadType first_inner, Reader& body) { return SkPayload{first_inner, body.Rest()}; }

void Encode(const SkPayload& sk, Writer& w) { w.Put(sk.body); }

Decoded<SkfPayload> DecodeSkf(PayloadType first_inner, Reader& body) {
  SkfPayload skf;
  size_t at = body.offset();
  skf.first_inner = first_inner;
  skf.number = body.U16();
  skf.total = body.U16();
  skf.body = body.Rest();
  if (!body.ok()) return std::unexpected(body.error());
  // RFC 7383 2.6: neither is zero and the number does not exceed the total.
  if (skf.number == 0 || skf.number > skf.total) return Refuse(Malformed::kBadValue, at);
  if (skf.total > kMaxFragments) return Refuse(Malformed::kTooMany, at);
  return skf;
}

void Encode(const SkfPayload& skf, Writer& w) {
  w.U16(skf.number);
  w.U16(skf.total);
  w.Put(skf.body);
}

}  // namespace culvert::ike
