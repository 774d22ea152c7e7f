#pragma once

#include <variant>

#include "control/ike/wire/v1/sa_payload.h"

// The values ISAKMP payloads carry for IKEv1 (RFC 2407, 2408, 2409, 3706, 3947 and the drafts named). Views borrow: when
// decoding, the message; when encoding, whatever the caller owns until Encode returns. Reserved octets are ignored when
// decoding and zero when encoding.
namespace culvert::ike::v1 {

// KE, HASH, SIG, NONCE, VID, NAT-D, and every type this build does not know: what it holds is its reader's business.
struct OpaquePayload {
  PayloadType type = PayloadType::kNone;
  ByteView data;
};
// RFC 2407 4.6.2. Protocol and port are 0 in phase 1, or UDP and 500 (4500).
struct IdPayload {
  IdType type{};
  uint8_t protocol = 0;
  uint16_t port = 0;
  ByteView data;          // at most kMaxIdentity octets
};
// RFC 2408 3.9, 3.10: a certificate, or an authority whose certificates are asked for.
struct CertPayload {
  PayloadType type = PayloadType::kCert;   // or kCertReq
  uint8_t encoding = 0;
  ByteView data;
};
struct NotifyPayload {
  uint32_t doi = kIpsecDoi;
  ProtocolId protocol{};
  NotifyType type{};
  ByteView spi;
  ByteView data;
};
struct DeletePayload {
  uint32_t doi = kIpsecDoi;
  ProtocolId protocol{};
  std::vector<ByteView> spis;   // of ISAKMP both cookies, 16 octets; otherwise 4
};
// draft-ietf-ipsec-isakmp-mode-cfg 3.2, which XAUTH uses too.
struct AttributesPayload {
  TransactionType type{};
  uint16_t id = 0;
  Attributes attributes;
};
// RFC 3947 5.2: an address as its host itself sees it.
struct NatOaPayload {
  PayloadType payload = PayloadType::kNatOa;   // or kNatOaDraft
  IdType type{};
  ByteView address;             // 4 or 16 octets, as the type says
};
// Cisco's and Microsoft's: a piece of a message, in clear whatever the whole is.
struct FragmentPayload {
  uint16_t id = 0;              // of the message; never 0
  uint8_t number = 1;           // from 1
  bool last = false;
  ByteView data;
};

using Payload = std::variant<SaPayload, IdPayload, CertPayload, NotifyPayload, DeletePayload, AttributesPayload, NatOaPayload,
                             FragmentPayload, OpaquePayload>;

PayloadType TypeOf(const Payload& p);

// The payload of that type whose body the cursor is fenced to. What cannot be one is refused; nothing is left unread.
Decoded<Payload> DecodeBody(PayloadType type, Reader body);
// The body alone.
void EncodeBody(const Payload& p, Writer& w);

}  // namespace culvert::ike::v1
