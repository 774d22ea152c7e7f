#include "control/ike/wire/v1/registry.h"

#include "control/ike/wire/names.h"

namespace culvert::ike::v1 {
namespace {

constexpr NameRow<ExchangeType> kExchanges[] = {
    {ExchangeType::kMain, "main mode"},
    {ExchangeType::kAggressive, "aggressive mode"},
    {ExchangeType::kInformational, "informational exchange"},
    {ExchangeType::kTransaction, "transaction exchange"},
    {ExchangeType::kQuick, "quick mode"},
};

constexpr NameRow<PayloadType> kPayloads[] = {
    {PayloadType::kNone, "none"},
    {PayloadType::kSa, "SA"},
    {PayloadType::kKe, "KE"},
    {PayloadType::kId, "ID"},
    {PayloadType::kCert, "CERT"},
    {PayloadType::kCertReq, "CR"},
    {PayloadType::kHash, "HASH"},
    {PayloadType::kSignature, "SIG"},
    {PayloadType::kNonce, "NONCE"},
    {PayloadType::kNotify, "N"},
    {PayloadType::kDelete, "D"},
    {PayloadType::kVendorId, "VID"},
    {PayloadType::kAttributes, "ATTR"},
    {PayloadType::kNatD, "NAT-D"},
    {PayloadType::kNatOa, "NAT-OA"},
    {PayloadType::kNatDDraft, "NAT-D (draft)"},
    {PayloadType::kNatOaDraft, "NAT-OA (draft)"},
    {PayloadType::kFragment, "FRAG"},
};

constexpr NameRow<NotifyType> kNotifies[] = {
    {NotifyType::kInvalidPayloadType, "INVALID-PAYLOAD-TYPE"},
    {NotifyType::kDoiNotSupported, "DOI-NOT-SUPPORTED"},
    {NotifyType::kInvalidCookie, "INVALID-COOKIE"},
    {NotifyType::kInvalidMajorVersion, "INVALID-MAJOR-VERSION"},
    {NotifyType::kInvalidExchangeType, "INVALID-EXCHANGE-TYPE"},
    {NotifyType::kInvalidMessageId, "INVALID-MESSAGE-ID"},
    {NotifyType::kInvalidProtocolId, "INVALID-PROTOCOL-ID"},
    {NotifyType::kInvalidSpi, "INVALID-SPI"},
    {NotifyType::kAttributesNotSupported, "ATTRIBUTES-NOT-SUPPORTED"},
    {NotifyType::kNoProposalChosen, "NO-PROPOSAL-CHOSEN"},
    {NotifyType::kPayloadMalformed, "PAYLOAD-MALFORMED"},
    {NotifyType::kInvalidKeyInformation, "INVALID-KEY-INFORMATION"},
    {NotifyType::kInvalidIdInformation, "INVALID-ID-INFORMATION"},
    {NotifyType::kInvalidHashInformation, "INVALID-HASH-INFORMATION"},
    {NotifyType::kAuthenticationFailed, "AUTHENTICATION-FAILED"},
    {NotifyType::kUnequalPayloadLengths, "UNEQUAL-PAYLOAD-LENGTHS"},
    {NotifyType::kConnected, "CONNECTED"},
    {NotifyType::kResponderLifetime, "RESPONDER-LIFETIME"},
    {NotifyType::kReplayStatus, "REPLAY-STATUS"},
    {NotifyType::kInitialContact, "INITIAL-CONTACT"},
    {NotifyType::kDpdRequest, "R-U-THERE"},
    {NotifyType::kDpdAck, "R-U-THERE-ACK"},
    {NotifyType::kUnityLoadBalance, "UNITY-LOAD-BALANCE"},
};

constexpr NameRow<AuthMethod> kAuthMethods[] = {
    {AuthMethod::kPreSharedKey, "pre-shared key"},
    {AuthMethod::kDss, "DSS signatures"},
    {AuthMethod::kRsaSignature, "RSA signatures"},
    {AuthMethod::kRsaEncryption, "RSA encryption"},
    {AuthMethod::kRevisedRsaEncryption, "revised RSA encryption"},
    {AuthMethod::kEcdsa256, "ECDSA-256 signatures"},
    {AuthMethod::kEcdsa384, "ECDSA-384 signatures"},
    {AuthMethod::kEcdsa521, "ECDSA-521 signatures"},
    {AuthMethod::kHybridInitRsa, "hybrid RSA, the initiator is the user"},
    {AuthMethod::kHybridRespRsa, "hybrid RSA, the responder is the user"},
    {AuthMethod::kXauthInitPreShared, "XAUTH of the initiator after a pre-shared key"},
    {AuthMethod::kXauthRespPreShared, "XAUTH of the responder after a pre-shared key"},
    {AuthMethod::kXauthInitRsa, "XAUTH of the initiator after RSA signatures"},
    {AuthMethod::kXauthRespRsa, "XAUTH of the responder after RSA signatures"},
};

}  // namespace

std::string Name(ExchangeType t) { return LookUpName<ExchangeType>(kExchanges, t); }
std::string Name(PayloadType t) { return LookUpName<PayloadType>(kPayloads, t); }
std::string Name(NotifyType t) { return LookUpName<NotifyType>(kNotifies, t); }
std::string Name(AuthMethod m) { return LookUpName<AuthMethod>(kAuthMethods, m); }

}  // namespace culvert::ike::v1
