#include "control/pools/attributes.h"

#include <algorithm>
#include <iterator>

#include "common/bytes/writer.h"

namespace culvert::pools {
namespace {

using config::PoolAttribute;
using Kind = PoolAttribute::Kind;

constexpr uint8_t kHostLength = 128;

struct Row {
  Kind kind;
  AttributeType v4, v6;
};
constexpr Row kRows[] = {{Kind::kDns, AttributeType::kIp4Dns, AttributeType::kIp6Dns},
                         {Kind::kNbns, AttributeType::kIp4Nbns, AttributeType::kIp6Nbns},
                         {Kind::kDhcp, AttributeType::kIp4Dhcp, AttributeType::kIp6Dhcp},
                         {Kind::kNetmask, AttributeType::kIp4Netmask, AttributeType::kIp6Netmask},
                         {Kind::kServer, AttributeType::kIp4Server, AttributeType::kIp6Server},
                         {Kind::kPCscf, AttributeType::kPCscfIp4, AttributeType::kPCscfIp6},
                         {Kind::kSubnet, AttributeType::kIp4Subnet, AttributeType::kIp6Subnet},
                         {Kind::kSplitInclude, AttributeType::kUnitySplitInclude, AttributeType::kUnitySplitInclude},
                         {Kind::kSplitExclude, AttributeType::kUnityLocalLan, AttributeType::kUnityLocalLan}};

bool IsUnitySubnet(uint16_t type) {
  return type == static_cast<uint16_t>(AttributeType::kUnitySplitInclude) ||
         type == static_cast<uint16_t>(AttributeType::kUnityLocalLan);
}

// RFC 7296 3.15.1: IPv4's with a mask, IPv6's with a length.
Bytes SubnetValue(const IpPrefix& prefix) {
  Bytes out = ToBytes(prefix.address.bytes());
  if (prefix.address.family == Family::kV6) {
    out.push_back(prefix.length);
    return out;
  }
  const uint32_t mask = prefix.length == 0 ? 0 : ~uint32_t{0} << (32 - prefix.length);
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<uint8_t>(mask >> shift));
  return out;
}

Bytes ValueOf(const PoolAttribute& a, uint16_t type) {
  if (auto* address = std::get_if<IpAddress>(&a.value)) return ToBytes(address->bytes());
  if (auto* octets = std::get_if<Bytes>(&a.value)) return *octets;
  Bytes out = SubnetValue(std::get<IpPrefix>(a.value));
  // Address, mask, protocol and two ports, which nobody fills in.
  constexpr size_t kUnityEntry = 14;
  if (IsUnitySubnet(type)) out.resize(kUnityEntry);
  return out;
}

uint16_t TypeOf(const PoolAttribute& a) {
  if (a.kind == Kind::kNumber) return a.number;
  auto* address = std::get_if<IpAddress>(&a.value);
  auto* prefix = std::get_if<IpPrefix>(&a.value);
  const Family family = address ? address->family : prefix ? prefix->address.family : Family::kV4;
  const Row& row = *std::ranges::find(kRows, a.kind, &Row::kind);
  return static_cast<uint16_t>(family == Family::kV4 ? row.v4 : row.v6);
}

void Add(const PoolAttribute& a, std::vector<Attribute>& out) {
  const uint16_t type = TypeOf(a);
  Attribute made{type, ValueOf(a, type)};
  auto same = std::ranges::find(out, type, &Attribute::type);
  if (IsUnitySubnet(type) && same != out.end()) {
    std::ranges::copy(made.value, std::back_inserter(same->value));
  } else if (!std::ranges::contains(out, made)) {
    out.push_back(std::move(made));
  }
}

}  // namespace

Attribute AddressAttribute(const IpAddress& address) {
  const bool v4 = address.family == Family::kV4;
  Attribute out{static_cast<uint16_t>(v4 ? AttributeType::kIp4Address : AttributeType::kIp6Address), {}};
  if (address.is_unspecified()) return out;
  out.value = ToBytes(address.bytes());
  if (!v4) out.value.push_back(kHostLength);
  return out;
}

std::optional<IpAddress> AddressIn(uint16_t type, ByteView value) {
  const bool v4 = type == static_cast<uint16_t>(AttributeType::kIp4Address);
  if (!v4 && type != static_cast<uint16_t>(AttributeType::kIp6Address)) return std::nullopt;
  if (value.empty()) return IpAddress::Any(v4 ? Family::kV4 : Family::kV6);
  constexpr size_t kV4 = 4, kV6 = 16;
  if (v4) return value.size() == kV4 ? IpAddress::FromBytes(value) : std::nullopt;
  const bool fits = value.size() == kV6 || value.size() == kV6 + 1;
  return fits ? IpAddress::FromBytes(value.first(kV6)) : std::nullopt;
}

std::vector<Attribute> AttributesOf(std::span<const config::Pool> pools, std::span<const std::string> names,
                                    const config::ControlSettings& settings) {
  std::vector<Attribute> out;
  for (const std::string& name : names) {
    auto pool = std::ranges::find(pools, name, &config::Pool::name);
    if (pool == pools.end()) continue;
    for (const PoolAttribute& a : pool->attributes) Add(a, out);
  }
  for (const IpAddress& a : settings.dns) Add({.kind = Kind::kDns, .value = a}, out);
  for (const IpAddress& a : settings.nbns) Add({.kind = Kind::kNbns, .value = a}, out);
  return out;
}

}  // namespace culvert::pools
