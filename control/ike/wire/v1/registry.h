#pragma once

#include <cstdint>
#include <string>

// IANA's ISAKMP, IPSEC and IKE registries and what RFC 2407 to 2409 name: the numbers this build knows by name. A value
// without a name is still a value of its type: decoders keep unknown numbers.
namespace culvert::ike::v1 {

enum class ExchangeType : uint8_t {
  kMain = 2,            // "Identity Protection" in RFC 2408
  kAggressive = 4, kInformational = 5,
  kTransaction = 6,     // draft-ietf-ipsec-isakmp-mode-cfg: mode config and XAUTH
  kQuick = 32,
};

enum class PayloadType : uint8_t {
  kNone = 0, kSa = 1, kKe = 4, kId = 5, kCert = 6, kCertReq = 7, kHash = 8, kSignature = 9, kNonce = 10, kNotify = 11,
  kDelete = 12, kVendorId = 13, kAttributes = 14, kNatD = 20, kNatOa = 21,
  kNatDDraft = 130, kNatOaDraft = 131,   // draft-ietf-ipsec-nat-t-ike-00 to -03
  kFragment = 132,                       // Cisco's and Microsoft's
};

enum class ProtocolId : uint8_t { kNone = 0, kIsakmp = 1, kAh = 2, kEsp = 3, kIpcomp = 4 };

// Phase 1 attributes (RFC 2409 appendix A).
enum class IkeAttribute : uint16_t {
  kEncryption = 1, kHash = 2, kAuthMethod = 3, kGroup = 4, kGroupType = 5, kLifeType = 11, kLifeDuration = 12, kPrf = 13,
  kKeyLength = 14,
};
enum class Cipher : uint16_t { kDes = 1, k3Des = 5, kAesCbc = 7 };
enum class Hash : uint16_t { kMd5 = 1, kSha1 = 2, kSha256 = 4, kSha384 = 5, kSha512 = 6 };
enum class AuthMethod : uint16_t {
  kPreSharedKey = 1, kDss = 2, kRsaSignature = 3, kRsaEncryption = 4, kRevisedRsaEncryption = 5,
  kEcdsa256 = 9, kEcdsa384 = 10, kEcdsa521 = 11,   // RFC 4754
  // draft-ietf-ipsec-isakmp-hybrid-auth and -xauth: who of the two is the user.
  kHybridInitRsa = 64221, kHybridRespRsa = 64222, kXauthInitPreShared = 65001, kXauthRespPreShared = 65002,
  kXauthInitRsa = 65005, kXauthRespRsa = 65006,
};
// Whether XAUTH follows phase 1: the private numbers are all of methods that do.
inline constexpr bool IsXauth(AuthMethod m) { return m >= AuthMethod::kHybridInitRsa; }
enum class LifeType : uint16_t { kSeconds = 1, kKilobytes = 2 };

// Phase 2 attributes (RFC 2407 4.5, RFC 4304).
enum class IpsecAttribute : uint16_t {
  kLifeType = 1, kLifeDuration = 2, kGroup = 3, kMode = 4, kAuthAlgorithm = 5, kKeyLength = 6, kEsn = 11,
};
enum class Encapsulation : uint16_t {
  kTunnel = 1, kTransport = 2, kUdpTunnel = 3, kUdpTransport = 4, kUdpTunnelDraft = 61443, kUdpTransportDraft = 61444,
};
enum class EspTransform : uint8_t {
  k3Des = 3, kNull = 11, kAesCbc = 12, kAesCtr = 13, kAesCcm8 = 14, kAesCcm12 = 15, kAesCcm16 = 16, kAesGcm8 = 18,
  kAesGcm12 = 19, kAesGcm16 = 20, kNullGmac = 23,
};
enum class AhTransform : uint8_t { kSha1 = 3, kSha256 = 5, kSha384 = 6, kSha512 = 7, kAesXcbc = 9 };
enum class AuthAlgorithm : uint16_t { kHmacSha1 = 2, kHmacSha256 = 5, kHmacSha384 = 6, kHmacSha512 = 7, kAesXcbc = 9 };

// RFC 2407 4.6.2. The numbers are IKEv2's where both have them.
enum class IdType : uint8_t {
  kIpv4 = 1, kFqdn = 2, kUserFqdn = 3, kIpv4Subnet = 4, kIpv6 = 5, kIpv6Subnet = 6, kIpv4Range = 7, kIpv6Range = 8, kDerDn = 9,
  kDerGn = 10, kKeyId = 11,
};

enum class NotifyType : uint16_t {
  kInvalidPayloadType = 1, kDoiNotSupported = 2, kInvalidCookie = 4, kInvalidMajorVersion = 5, kInvalidExchangeType = 7,
  kInvalidMessageId = 9, kInvalidProtocolId = 10, kInvalidSpi = 11, kAttributesNotSupported = 13, kNoProposalChosen = 14,
  kPayloadMalformed = 16, kInvalidKeyInformation = 17, kInvalidIdInformation = 18, kInvalidHashInformation = 23,
  kAuthenticationFailed = 24, kUnequalPayloadLengths = 30,
  kConnected = 16384, kResponderLifetime = 24576, kReplayStatus = 24577, kInitialContact = 24578,
  kDpdRequest = 36136, kDpdAck = 36137,   // RFC 3706: R-U-THERE and its answer
  kUnityLoadBalance = 40501,
};
inline constexpr bool IsError(NotifyType t) { return static_cast<uint16_t>(t) < 16384; }

// draft-ietf-ipsec-isakmp-mode-cfg 3.2.
enum class TransactionType : uint8_t { kRequest = 1, kReply = 2, kSet = 3, kAck = 4 };

inline constexpr uint32_t kIpsecDoi = 1, kIsakmpDoi = 0, kSitIdentityOnly = 1;

// The registries' spelling, or the number in decimal where this build has no name for it.
std::string Name(ExchangeType t);   // "main mode"
std::string Name(PayloadType t);    // "SA"
std::string Name(NotifyType t);     // "NO-PROPOSAL-CHOSEN"
std::string Name(AuthMethod m);     // "pre-shared key"

}  // namespace culvert::ike::v1
