#pragma once

#include <cstdint>
#include <string>

// IANA "Internet Key Exchange Version 2 (IKEv2) Parameters": the numbers this build knows by name, in RFC spelling.
// A value without a name is still a value of its type: decoders keep unknown numbers.
namespace culvert::ike {

enum class ExchangeType : uint8_t {
  kIkeSaInit = 34, kIkeAuth = 35, kCreateChildSa = 36, kInformational = 37, kIkeSessionResume = 38,
  kIkeIntermediate = 43, kIkeFollowupKe = 44,
};

enum class PayloadType : uint8_t {
  kNone = 0, kSa = 33, kKe = 34, kIdI = 35, kIdR = 36, kCert = 37, kCertReq = 38, kAuth = 39, kNonce = 40, kNotify = 41,
  kDelete = 42, kVendorId = 43, kTsI = 44, kTsR = 45, kSk = 46, kCp = 47, kEap = 48, kSkf = 53,
};

enum class TransformType : uint8_t {
  kEncr = 1, kPrf = 2, kInteg = 3, kKe = 4, kEsn = 5, kAddKe1 = 6, kAddKe2 = 7, kAddKe3 = 8, kAddKe4 = 9, kAddKe5 = 10,
  kAddKe6 = 11, kAddKe7 = 12,
};

enum class NotifyType : uint16_t {
  kUnsupportedCriticalPayload = 1, kInvalidIkeSpi = 4, kInvalidMajorVersion = 5, kInvalidSyntax = 7, kInvalidMessageId = 9,
  kInvalidSpi = 11, kNoProposalChosen = 14, kInvalidKePayload = 17, kAuthenticationFailed = 24, kSinglePairRequired = 34,
  kNoAdditionalSas = 35, kInternalAddressFailure = 36, kFailedCpRequired = 37, kTsUnacceptable = 38, kInvalidSelectors = 39,
  kUnacceptableAddresses = 40, kUnexpectedNatDetected = 41, kTemporaryFailure = 43, kChildSaNotFound = 44,
  kInvalidGroupId = 45, kAuthorizationFailed = 46, kStateNotFound = 47,
  kInitialContact = 16384, kSetWindowSize = 16385, kAdditionalTsPossible = 16386, kIpcompSupported = 16387,
  kNatDetectionSourceIp = 16388, kNatDetectionDestinationIp = 16389, kCookie = 16390, kUseTransportMode = 16391,
  kHttpCertLookupSupported = 16392, kRekeySa = 16393, kEspTfcPaddingNotSupported = 16394, kNonFirstFragmentsAlso = 16395,
  kMobikeSupported = 16396, kAdditionalIp4Address = 16397, kAdditionalIp6Address = 16398, kNoAdditionalAddresses = 16399,
  kUpdateSaAddresses = 16400, kCookie2 = 16401, kNoNatsAllowed = 16402, kAuthLifetime = 16403,
  kMultipleAuthSupported = 16404, kAnotherAuthFollows = 16405, kRedirectSupported = 16406, kRedirect = 16407,
  kRedirectedFrom = 16408, kEapOnlyAuthentication = 16417, kChildlessIkev2Supported = 16418, kQuickCrashDetection = 16419,
  kFragmentationSupported = 16430, kSignatureHashAlgorithms = 16431, kUsePpk = 16435, kPpkIdentity = 16436, kNoPpkAuth = 16437,
  kIntermediateExchangeSupported = 16438, kAdditionalKeyExchange = 16441,
};
inline constexpr bool IsError(NotifyType t) { return static_cast<uint16_t>(t) < 16384; }

enum class IdType : uint8_t { kIpv4 = 1, kFqdn = 2, kRfc822 = 3, kIpv6 = 5, kDerDn = 9, kDerGn = 10, kKeyId = 11 };
enum class AuthMethod : uint8_t {
  kRsa = 1, kSharedKey = 2, kDss = 3, kEcdsa256 = 9, kEcdsa384 = 10, kEcdsa521 = 11, kNull = 13, kDigitalSignature = 14,
};
enum class HashAlgorithm : uint16_t { kSha1 = 1, kSha256 = 2, kSha384 = 3, kSha512 = 4, kIdentity = 5 };

// IANA's spelling, or the number in decimal where this build has no name for it.
std::string Name(ExchangeType t);   // "IKE_SA_INIT"
std::string Name(PayloadType t);    // "SA", "KE", "IDi": the registry's notation; nonces, "Ni, Nr" there, are "Nonce"
std::string Name(NotifyType t);     // "NO_PROPOSAL_CHOSEN"
std::string Name(TransformType t);  // "ENCR"
std::string Name(IdType t);         // "ID_FQDN"
std::string Name(AuthMethod m);     // "SHARED_KEY_MIC"

}  // namespace culvert::ike
