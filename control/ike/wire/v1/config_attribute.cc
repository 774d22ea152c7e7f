#include "control/ike/wire/v1/config_attribute.h"

#include <algorithm>
#include <bit>

#include "common/bytes/reader.h"
#include "common/bytes/writer.h"
#include "control/ike/wire/names.h"

namespace culvert::ike::v1 {
namespace {

constexpr size_t kUnityPadding = 6;   // octets behind each network: protocol and ports, by the look of them

constexpr NameRow<ConfigAttribute> kNames[] = {
    {ConfigAttribute::kIp4Address, "INTERNAL_IP4_ADDRESS"},
    {ConfigAttribute::kIp4Netmask, "INTERNAL_IP4_NETMASK"},
    {ConfigAttribute::kIp4Dns, "INTERNAL_IP4_DNS"},
    {ConfigAttribute::kIp4Nbns, "INTERNAL_IP4_NBNS"},
    {ConfigAttribute::kAddressExpiry, "INTERNAL_ADDRESS_EXPIRY"},
    {ConfigAttribute::kIp4Dhcp, "INTERNAL_IP4_DHCP"},
    {ConfigAttribute::kApplicationVersion, "APPLICATION_VERSION"},
    {ConfigAttribute::kIp6Address, "INTERNAL_IP6_ADDRESS"},
    {ConfigAttribute::kIp6Netmask, "INTERNAL_IP6_NETMASK"},
    {ConfigAttribute::kIp6Dns, "INTERNAL_IP6_DNS"},
    {ConfigAttribute::kIp6Nbns, "INTERNAL_IP6_NBNS"},
    {ConfigAttribute::kIp6Dhcp, "INTERNAL_IP6_DHCP"},
    {ConfigAttribute::kIp4Subnet, "INTERNAL_IP4_SUBNET"},
    {ConfigAttribute::kSupported, "SUPPORTED_ATTRIBUTES"},
    {ConfigAttribute::kIp6Subnet, "INTERNAL_IP6_SUBNET"},
    {ConfigAttribute::kIp4PCscf, "P_CSCF_IP4_ADDRESS"},
    {ConfigAttribute::kIp6PCscf, "P_CSCF_IP6_ADDRESS"},
    {ConfigAttribute::kXauthType, "XAUTH_TYPE"},
    {ConfigAttribute::kXauthUserName, "XAUTH_USER_NAME"},
    {ConfigAttribute::kXauthUserPassword, "XAUTH_USER_PASSWORD"},
    {ConfigAttribute::kXauthPasscode, "XAUTH_PASSCODE"},
    {ConfigAttribute::kXauthMessage, "XAUTH_MESSAGE"},
    {ConfigAttribute::kXauthChallenge, "XAUTH_CHALLENGE"},
    {ConfigAttribute::kXauthDomain, "XAUTH_DOMAIN"},
    {ConfigAttribute::kXauthStatus, "XAUTH_STATUS"},
    {ConfigAttribute::kXauthNextPin, "XAUTH_NEXT_PIN"},
    {ConfigAttribute::kXauthAnswer, "XAUTH_ANSWER"},
    {ConfigAttribute::kIp4Server, "INTERNAL_IP4_SERVER"},
    {ConfigAttribute::kIp6Server, "INTERNAL_IP6_SERVER"},
    {ConfigAttribute::kUnityBanner, "UNITY_BANNER"},
    {ConfigAttribute::kUnitySavePassword, "UNITY_SAVE_PASSWD"},
    {ConfigAttribute::kUnityDefaultDomain, "UNITY_DEF_DOMAIN"},
    {ConfigAttribute::kUnitySplitDns, "UNITY_SPLITDNS_NAME"},
    {ConfigAttribute::kUnitySplitInclude, "UNITY_SPLIT_INCLUDE"},
    {ConfigAttribute::kUnityNatPort, "UNITY_NATT_PORT"},
    {ConfigAttribute::kUnitySplitExclude, "UNITY_LOCAL_LAN"},
    {ConfigAttribute::kUnityPfs, "UNITY_PFS"},
    {ConfigAttribute::kUnityFirewall, "UNITY_FW_TYPE"},
    {ConfigAttribute::kUnityBackupServers, "UNITY_BACKUP_SERVERS"},
    {ConfigAttribute::kUnityDdnsHostname, "UNITY_DDNS_HOSTNAME"},
};

uint32_t MaskOf(const IpPrefix& p) { return p.length == 0 ? 0 : ~uint32_t{0} << (32 - p.length); }

}  // namespace

std::string Name(ConfigAttribute a) { return LookUpName<ConfigAttribute>(kNames, a); }

const Attribute* Find(const Attributes& list, ConfigAttribute type) {
  auto it = std::ranges::find(list, static_cast<uint16_t>(type), &Attribute::type);
  return it == list.end() ? nullptr : &*it;
}

bool IsXauth(const AttributesPayload& payload) {
  return std::ranges::any_of(payload.attributes, [](const Attribute& a) { return IsXauth(TypeOf(a)); });
}

void AttributeList::Add(ConfigAttribute type, ByteView value) { owned_.emplace_back(type, false, SecretBytes(value)); }

void AttributeList::AddNumber(ConfigAttribute type, uint16_t value) {
  const uint8_t octets[] = {static_cast<uint8_t>(value >> 8), static_cast<uint8_t>(value)};
  owned_.emplace_back(type, true, SecretBytes(ByteView(octets)));
}

bool AttributeList::Has(ConfigAttribute type) const {
  return std::ranges::find(owned_, type, &Owned::type) != owned_.end();
}

AttributesPayload AttributeList::Payload(TransactionType type, uint16_t id) const {
  AttributesPayload p{.type = type, .id = id, .attributes = {}};
  for (const Owned& o : owned_) p.attributes.push_back({static_cast<uint16_t>(o.type), o.basic, o.value.view()});
  return p;
}

Bytes EncodeUnityNetworks(std::span<const IpPrefix> networks) {
  Writer w;
  for (const IpPrefix& n : networks) {
    if (n.address.family != Family::kV4) continue;
    w.Put(n.address.bytes());
    w.U32(MaskOf(n));
    w.Zeros(kUnityPadding);
  }
  return w.Release();
}

std::vector<IpPrefix> DecodeUnityNetworks(ByteView value) {
  std::vector<IpPrefix> list;
  Reader r(value);
  while (!r.done() && list.size() < kMaxUnityNetworks) {
    const uint32_t address = r.U32(), mask = r.U32();
    r.Skip(kUnityPadding);
    const int ones = std::countl_one(mask);
    if (!r.ok() || ones != std::popcount(mask)) break;
    list.push_back({IpAddress::V4(address & mask), static_cast<uint8_t>(ones)});
  }
  return list;
}

}  // namespace culvert::ike::v1
