#include "control/ike/wire/v2/payloads.h"

namespace culvert::ike {
namespace {

struct TypeVisitor {
  PayloadType operator()(const SaPayload&) const { return PayloadType::kSa; }
  PayloadType operator()(const KePayload&) const { return PayloadType::kKe; }
  PayloadType operator()(const IdPayload& p) const { return p.type; }
  PayloadType operator()(const CertPayload&) const { return PayloadType::kCert; }
  PayloadType operator()(const CertReqPayload&) const { return PayloadType::kCertReq; }
  PayloadType operator()(const AuthPayload&) const { return PayloadType::kAuth; }
  PayloadType operator()(const NoncePayload&) const { return PayloadType::kNonce; }
  PayloadType operator()(const NotifyPayload&) const { return PayloadType::kNotify; }
  PayloadType operator()(const DeletePayload&) const { return PayloadType::kDelete; }
  PayloadType operator()(const VendorIdPayload&) const { return PayloadType::kVendorId; }
  PayloadType operator()(const TsPayload& p) const { return p.type; }
  PayloadType operator()(const CpPayload&) const { return PayloadType::kCp; }
  PayloadType operator()(const EapPayload&) const { return PayloadType::kEap; }
  PayloadType operator()(const SkPayload&) const { return PayloadType::kSk; }
  PayloadType operator()(const SkfPayload&) const { return PayloadType::kSkf; }
  PayloadType operator()(const UnknownPayload& p) const { return static_cast<PayloadType>(p.type); }
};

}  // namespace

PayloadType TypeOf(const Payload& p) { return std::visit(TypeVisitor{}, p); }

}  // namespace culvert::ike
