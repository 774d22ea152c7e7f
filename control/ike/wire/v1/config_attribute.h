#pragma once

#include <span>
#include <string>

#include "common/bytes/secret.h"
#include "common/net/ip_address.h"
#include "control/ike/wire/v1/payloads.h"

// What the attributes of transactions mean: mode config's (draft-ietf-ipsec-isakmp-mode-cfg, draft-dukes-ike-mode-cfg), XAUTH's
// (draft-beaulieu-ike-xauth) and those of Cisco's Unity clients. Pure.
namespace culvert::ike::v1 {

enum class ConfigAttribute : uint16_t {
  kIp4Address = 1, kIp4Netmask = 2, kIp4Dns = 3, kIp4Nbns = 4, kAddressExpiry = 5, kIp4Dhcp = 6, kApplicationVersion = 7,
  kIp6Address = 8, kIp6Netmask = 9, kIp6Dns = 10, kIp6Nbns = 11, kIp6Dhcp = 12, kIp4Subnet = 13, kSupported = 14,
  kIp6Subnet = 15, kIp4PCscf = 20, kIp6PCscf = 21,
  kXauthType = 16520, kXauthUserName = 16521, kXauthUserPassword = 16522, kXauthPasscode = 16523, kXauthMessage = 16524,
  kXauthChallenge = 16525, kXauthDomain = 16526, kXauthStatus = 16527, kXauthNextPin = 16528, kXauthAnswer = 16529,
  kIp4Server = 23456, kIp6Server = 23457,   // Microsoft's, as charon has them
  kUnityBanner = 28672, kUnitySavePassword = 28673, kUnityDefaultDomain = 28674, kUnitySplitDns = 28675,
  kUnitySplitInclude = 28676, kUnityNatPort = 28677, kUnitySplitExclude = 28678, kUnityPfs = 28679, kUnityFirewall = 28680,
  kUnityBackupServers = 28681, kUnityDdnsHostname = 28682,
};
std::string Name(ConfigAttribute a);   // "INTERNAL_IP4_ADDRESS"
inline bool IsXauth(ConfigAttribute a) { return a >= ConfigAttribute::kXauthType && a <= ConfigAttribute::kXauthAnswer; }
inline bool IsUnity(ConfigAttribute a) {
  return a >= ConfigAttribute::kUnityBanner && a <= ConfigAttribute::kUnityDdnsHostname;
}
inline ConfigAttribute TypeOf(const Attribute& a) { return static_cast<ConfigAttribute>(a.type); }
// The first of that type, or nullptr.
const Attribute* Find(const Attributes& list, ConfigAttribute type);
// A transaction of XAUTH has at least one attribute of its own.
bool IsXauth(const AttributesPayload& payload);

enum class XauthType : uint16_t { kGeneric = 0 };
enum class XauthStatus : uint16_t { kFail = 0, kOk = 1 };

// The attributes of a message to be sent, and what they borrow. Passwords are among them: values are wiped.
class AttributeList {
 public:
  void Add(ConfigAttribute type, ByteView value = {});
  // As basic attributes, which XAUTH_TYPE, XAUTH_STATUS and some of Unity's have to be.
  void AddNumber(ConfigAttribute type, uint16_t value);
  void AddNumber(ConfigAttribute type, XauthStatus status) { AddNumber(type, static_cast<uint16_t>(status)); }

  bool Has(ConfigAttribute type) const;
  bool empty() const { return owned_.empty(); }
  // Borrows this list.
  AttributesPayload Payload(TransactionType type, uint16_t id) const;

 private:
  struct Owned {
    ConfigAttribute type;
    bool basic;
    SecretBytes value;
  };
  std::vector<Owned> owned_;
};

// IPv4 networks as Unity has them, 14 octets each: address, mask, and six that mean nothing here. In decoding, what is not
// whole and masks that are not ones before zeros end the list.
Bytes EncodeUnityNetworks(std::span<const IpPrefix> networks);
inline constexpr size_t kMaxUnityNetworks = 255;   // as many selectors as one child may have
std::vector<IpPrefix> DecodeUnityNetworks(ByteView value);

}  // namespace culvert::ike::v1
