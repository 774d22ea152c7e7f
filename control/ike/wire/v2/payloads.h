#pragma once

#include <variant>

#include "control/ike/wire/v2/auth_payload.h"
#include "control/ike/wire/v2/cert_payload.h"
#include "control/ike/wire/v2/cp_payload.h"
#include "control/ike/wire/v2/delete_payload.h"
#include "control/ike/wire/v2/eap_payload.h"
#include "control/ike/wire/v2/id_payload.h"
#include "control/ike/wire/v2/ke_payload.h"
#include "control/ike/wire/v2/nonce_payload.h"
#include "control/ike/wire/v2/notify_payload.h"
#include "control/ike/wire/v2/sa_payload.h"
#include "control/ike/wire/v2/sk_payload.h"
#include "control/ike/wire/v2/ts_payload.h"
#include "control/ike/wire/v2/vendor_payload.h"

// The values IKEv2 payloads carry (RFC 7296 3.3 to 3.16, RFC 7383). Views borrow: when decoding, the datagram; when
// encoding, whatever the caller owns until Encode returns.
//
// Each <name>_payload.h has a decoder and an encoder of the payload's body. A decoder takes a cursor fenced to the body, right
// after the generic payload header; what it leaves unread is the caller's to refuse. Reserved octets are ignored when decoding
// and zero when encoding (RFC 7296 2.5). Encoders append the body only and take values they could themselves decode.
namespace culvert::ike {

struct UnknownPayload {               // a type this build does not know, kept so that its critical bit can be judged
  uint8_t type = 0;
  bool critical = false;
  ByteView body;
};

using Payload = std::variant<SaPayload, KePayload, IdPayload, CertPayload, CertReqPayload, AuthPayload, NoncePayload,
                             NotifyPayload, DeletePayload, VendorIdPayload, TsPayload, CpPayload, EapPayload, SkPayload,
                             SkfPayload, UnknownPayload>;

PayloadType TypeOf(const Payload& p);

}  // namespace culvert::ike
