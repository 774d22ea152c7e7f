#pragma once

#include <variant>

#include "common/ipsec/algorithm.h"
#include "common/ipsec/traffic_selector.h"
#include "control/ike/wire/header.h"

// The values IKEv2 payloads carry (RFC 7296 3.3 to 3.16, RFC 7383). Views borrow: when decoding, the datagram; when
// encoding, whatever the caller owns until Encode returns. Decoding and encoding of each stand in <payload>.cc.
namespace culvert::ike {

struct Transform {
  TransformType type{};
  uint16_t id = 0;
  uint16_t key_bits = 0;              // 0: no key-length attribute
  bool unknown_attribute = false;     // carried an attribute other than key length: never chosen (RFC 7296 3.3.6)
  friend bool operator==(const Transform&, const Transform&) = default;
};
struct Proposal {
  uint8_t number = 1;
  IpsecProtocol protocol = IpsecProtocol::kIke;
  Bytes spi;                          // 0, 4 or 8 octets
  std::vector<Transform> transforms;
  friend bool operator==(const Proposal&, const Proposal&) = default;
};
struct SaPayload {
  std::vector<Proposal> proposals;
};
struct KePayload {
  KeGroup group{};
  ByteView data;
};
struct IdPayload {                    // IDi and IDr, told apart by `type`
  PayloadType type = PayloadType::kIdI;
  IdType id_type{};
  ByteView data;
  ByteView body;                      // as received, without the generic header: what AUTH covers (RFC 7296 2.15)
};
struct CertPayload {
  uint8_t encoding = 0;
  ByteView data;
};
struct CertReqPayload {
  uint8_t encoding = 0;
  ByteView data;
};
struct AuthPayload {
  AuthMethod method{};
  ByteView data;
};
struct NoncePayload {
  ByteView data;
};
struct NotifyPayload {
  IpsecProtocol protocol{};           // 0 where the notify concerns no SA
  NotifyType type{};
  ByteView spi;
  ByteView data;
};
struct DeletePayload {
  IpsecProtocol protocol = IpsecProtocol::kIke;
  std::vector<uint32_t> spis;         // empty for kIke
};
struct VendorIdPayload {
  ByteView data;
};
struct TsPayload {                    // TSi and TSr, told apart by `type`
  PayloadType type = PayloadType::kTsI;
  SelectorList selectors;
  bool skipped_unknown = false;       // a selector of an unknown type was left out
};
struct CpAttribute {
  uint16_t type = 0;
  ByteView value;
};
struct CpPayload {
  uint8_t cfg_type = 1;               // 1 request, 2 reply, 3 set, 4 ack
  std::vector<CpAttribute> attributes;
};
struct EapPayload {
  ByteView message;
};
struct SkPayload {                    // always last; what it holds is decoded after decryption
  PayloadType first_inner = PayloadType::kNone;
  ByteView body;                      // IV | ciphertext | ICV
};
struct SkfPayload {                   // RFC 7383 2.5
  PayloadType first_inner = PayloadType::kNone;
  uint16_t number = 0, total = 0;
  ByteView body;                      // IV | ciphertext | ICV, after the fragment fields
};
struct UnknownPayload {
  uint8_t type = 0;
  bool critical = false;
  ByteView body;
};

using Payload = std::variant<SaPayload, KePayload, IdPayload, CertPayload, CertReqPayload, AuthPayload, NoncePayload,
                             NotifyPayload, DeletePayload, VendorIdPayload, TsPayload, CpPayload, EapPayload, SkPayload,
                             SkfPayload, UnknownPayload>;

PayloadType TypeOf(const Payload& p);

}  // namespace culvert::ike
