#include "control/ike/wire/v2/eap_payload.h"

//  0                   1                   2                   3      RFC 7296 3.16
// |                       EAP Message (RFC 3748)                  |
namespace culvert::ike {

Decoded<EapPayload> DecodeEap(Reader& body) { return EapPayload{body.Rest()}; }

void Encode(const EapPayload& eap, Writer& w) { w.Put(eap.message); }

}  // namespace culvert::ike
