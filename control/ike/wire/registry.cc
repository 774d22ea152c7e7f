#include "control/ike/wire/registry.h"

#include "control/ike/wire/names.h"

namespace culvert::ike {
namespace {

constexpr NameRow<ExchangeType> kExchanges[] = {
    {ExchangeType::kIkeSaInit, "IKE_SA_INIT"},
    {ExchangeType::kIkeAuth, "IKE_AUTH"},
    {ExchangeType::kCreateChildSa, "CREATE_CHILD_SA"},
    {ExchangeType::kInformational, "INFORMATIONAL"},
    {ExchangeType::kIkeSessionResume, "IKE_SESSION_RESUME"},
    {ExchangeType::kIkeIntermediate, "IKE_INTERMEDIATE"},
    {ExchangeType::kIkeFollowupKe, "IKE_FOLLOWUP_KE"},
};

constexpr NameRow<PayloadType> kPayloads[] = {
    {PayloadType::kNone, "none"},
    {PayloadType::kSa, "SA"},
    {PayloadType::kKe, "KE"},
    {PayloadType::kIdI, "IDi"},
    {PayloadType::kIdR, "IDr"},
    {PayloadType::kCert, "CERT"},
    {PayloadType::kCertReq, "CERTREQ"},
    {PayloadType::kAuth, "AUTH"},
    {PayloadType::kNonce, "Nonce"},
    {PayloadType::kNotify, "N"},
    {PayloadType::kDelete, "D"},
    {PayloadType::kVendorId, "V"},
    {PayloadType::kTsI, "TSi"},
    {PayloadType::kTsR, "TSr"},
    {PayloadType::kSk, "SK"},
    {PayloadType::kCp, "CP"},
    {PayloadType::kEap, "EAP"},
    {PayloadType::kSkf, "SKF"},
};

constexpr NameRow<TransformType> kTransforms[] = {
    {TransformType::kEncr, "ENCR"},
    {TransformType::kPrf, "PRF"},
    {TransformType::kInteg, "INTEG"},
    {TransformType::kKe, "KE"},
    {TransformType::kEsn, "ESN"},
    {TransformType::kAddKe1, "ADDKE1"},
    {TransformType::kAddKe2, "ADDKE2"},
    {TransformType::kAddKe3, "ADDKE3"},
    {TransformType::kAddKe4, "ADDKE4"},
    {TransformType::kAddKe5, "ADDKE5"},
    {TransformType::kAddKe6, "ADDKE6"},
    {TransformType::kAddKe7, "ADDKE7"},
};

constexpr NameRow<NotifyType> kNotifies[] = {
    {NotifyType::kUnsupportedCriticalPayload, "UNSUPPORTED_CRITICAL_PAYLOAD"},
    {NotifyType::kInvalidIkeSpi, "INVALID_IKE_SPI"},
    {NotifyType::kInvalidMajorVersion, "INVALID_MAJOR_VERSION"},
    {NotifyType::kInvalidSyntax, "INVALID_SYNTAX"},
    {NotifyType::kInvalidMessageId, "INVALID_MESSAGE_ID"},
    {NotifyType::kInvalidSpi, "INVALID_SPI"},
    {NotifyType::kNoProposalChosen, "NO_PROPOSAL_CHOSEN"},
    {NotifyType::kInvalidKePayload, "INVALID_KE_PAYLOAD"},
    {NotifyType::kAuthenticationFailed, "AUTHENTICATION_FAILED"},
    {NotifyType::kSinglePairRequired, "SINGLE_PAIR_REQUIRED"},
    {NotifyType::kNoAdditionalSas, "NO_ADDITIONAL_SAS"},
    {NotifyType::kInternalAddressFailure, "INTERNAL_ADDRESS_FAILURE"},
    {NotifyType::kFailedCpRequired, "FAILED_CP_REQUIRED"},
    {NotifyType::kTsUnacceptable, "TS_UNACCEPTABLE"},
    {NotifyType::kInvalidSelectors, "INVALID_SELECTORS"},
    {NotifyType::kUnacceptableAddresses, "UNACCEPTABLE_ADDRESSES"},
    {NotifyType::kUnexpectedNatDetected, "UNEXPECTED_NAT_DETECTED"},
    {NotifyType::kTemporaryFailure, "TEMPORARY_FAILURE"},
    {NotifyType::kChildSaNotFound, "CHILD_SA_NOT_FOUND"},
    {NotifyType::kInvalidGroupId, "INVALID_GROUP_ID"},
    {NotifyType::kAuthorizationFailed, "AUTHORIZATION_FAILED"},
    {NotifyType::kStateNotFound, "STATE_NOT_FOUND"},
    {NotifyType::kInitialContact, "INITIAL_CONTACT"},
    {NotifyType::kSetWindowSize, "SET_WINDOW_SIZE"},
    {NotifyType::kAdditionalTsPossible, "ADDITIONAL_TS_POSSIBLE"},
    {NotifyType::kIpcompSupported, "IPCOMP_SUPPORTED"},
    {NotifyType::kNatDetectionSourceIp, "NAT_DETECTION_SOURCE_IP"},
    {NotifyType::kNatDetectionDestinationIp, "NAT_DETECTION_DESTINATION_IP"},
    {NotifyType::kCookie, "COOKIE"},
    {NotifyType::kUseTransportMode, "USE_TRANSPORT_MODE"},
    {NotifyType::kHttpCertLookupSupported, "HTTP_CERT_LOOKUP_SUPPORTED"},
    {NotifyType::kRekeySa, "REKEY_SA"},
    {NotifyType::kEspTfcPaddingNotSupported, "ESP_TFC_PADDING_NOT_SUPPORTED"},
    {NotifyType::kNonFirstFragmentsAlso, "NON_FIRST_FRAGMENTS_ALSO"},
    {NotifyType::kMobikeSupported, "MOBIKE_SUPPORTED"},
    {NotifyType::kAdditionalIp4Address, "ADDITIONAL_IP4_ADDRESS"},
    {NotifyType::kAdditionalIp6Address, "ADDITIONAL_IP6_ADDRESS"},
    {NotifyType::kNoAdditionalAddresses, "NO_ADDITIONAL_ADDRESSES"},
    {NotifyType::kUpdateSaAddresses, "UPDATE_SA_ADDRESSES"},
    {NotifyType::kCookie2, "COOKIE2"},
    {NotifyType::kNoNatsAllowed, "NO_NATS_ALLOWED"},
    {NotifyType::kAuthLifetime, "AUTH_LIFETIME"},
    {NotifyType::kMultipleAuthSupported, "MULTIPLE_AUTH_SUPPORTED"},
    {NotifyType::kAnotherAuthFollows, "ANOTHER_AUTH_FOLLOWS"},
    {NotifyType::kRedirectSupported, "REDIRECT_SUPPORTED"},
    {NotifyType::kRedirect, "REDIRECT"},
    {NotifyType::kRedirectedFrom, "REDIRECTED_FROM"},
    {NotifyType::kEapOnlyAuthentication, "EAP_ONLY_AUTHENTICATION"},
    {NotifyType::kChildlessIkev2Supported, "CHILDLESS_IKEV2_SUPPORTED"},
    {NotifyType::kQuickCrashDetection, "QUICK_CRASH_DETECTION"},
    {NotifyType::kFragmentationSupported, "IKEV2_FRAGMENTATION_SUPPORTED"},
    {NotifyType::kSignatureHashAlgorithms, "SIGNATURE_HASH_ALGORITHMS"},
    {NotifyType::kUsePpk, "USE_PPK"},
    {NotifyType::kPpkIdentity, "PPK_IDENTITY"},
    {NotifyType::kNoPpkAuth, "NO_PPK_AUTH"},
    {NotifyType::kIntermediateExchangeSupported, "INTERMEDIATE_EXCHANGE_SUPPORTED"},
    {NotifyType::kAdditionalKeyExchange, "ADDITIONAL_KEY_EXCHANGE"},
};

constexpr NameRow<IdType> kIds[] = {
    {IdType::kIpv4, "ID_IPV4_ADDR"},
    {IdType::kFqdn, "ID_FQDN"},
    {IdType::kRfc822, "ID_RFC822_ADDR"},
    {IdType::kIpv6, "ID_IPV6_ADDR"},
    {IdType::kDerDn, "ID_DER_ASN1_DN"},
    {IdType::kDerGn, "ID_DER_ASN1_GN"},
    {IdType::kKeyId, "ID_KEY_ID"},
};

constexpr NameRow<AuthMethod> kAuthMethods[] = {
    {AuthMethod::kRsa, "RSA_DIGITAL_SIGNATURE"},
    {AuthMethod::kSharedKey, "SHARED_KEY_MIC"},
    {AuthMethod::kDss, "DSS_DIGITAL_SIGNATURE"},
    {AuthMethod::kEcdsa256, "ECDSA_SHA256_P256"},
    {AuthMethod::kEcdsa384, "ECDSA_SHA384_P384"},
    {AuthMethod::kEcdsa521, "ECDSA_SHA512_P521"},
    {AuthMethod::kNull, "NULL_AUTHENTICATION"},
    {AuthMethod::kDigitalSignature, "DIGITAL_SIGNATURE"},
};

}  // namespace

std::string Name(ExchangeType t) { return LookUpName<ExchangeType>(kExchanges, t); }
std::string Name(PayloadType t) { return LookUpName<PayloadType>(kPayloads, t); }
std::string Name(NotifyType t) { return LookUpName<NotifyType>(kNotifies, t); }
std::string Name(TransformType t) { return LookUpName<TransformType>(kTransforms, t); }
std::string Name(IdType t) { return LookUpName<IdType>(kIds, t); }
std::string Name(AuthMethod m) { return LookUpName<AuthMethod>(kAuthMethods, m); }

}  // namespace culvert::ike
