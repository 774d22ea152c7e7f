#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "common/bytes/bytes.h"
#include "config/model.h"

// What a client is told beside its address: configuration attributes as mode config (draft-ietf-ipsec-isakmp-mode-cfg 3.4, and
// Cisco's Unity numbers) and IKEv2's CP payloads (RFC 7296 3.15.1) have them, which share their registry.
namespace culvert::pools {

enum class AttributeType : uint16_t {
  kIp4Address = 1, kIp4Netmask = 2, kIp4Dns = 3, kIp4Nbns = 4, kAddressExpiry = 5, kIp4Dhcp = 6, kApplicationVersion = 7,
  kIp6Address = 8, kIp6Netmask = 9, kIp6Dns = 10, kIp6Nbns = 11, kIp6Dhcp = 12, kIp4Subnet = 13, kSupportedAttributes = 14,
  kIp6Subnet = 15, kPCscfIp4 = 20, kPCscfIp6 = 21, kIp4Server = 23456, kIp6Server = 23457, kUnityBanner = 28672,
  kUnitySplitInclude = 28676, kUnityLocalLan = 28678,
};

struct Attribute {
  uint16_t type = 0;
  Bytes value;
  friend bool operator==(const Attribute&, const Attribute&) = default;
};

// An address leased, or asked for: an unspecified one is any of its family, whose value is empty. Behind an IPv6 one is a
// prefix length (RFC 7296 3.15.1): mode config has none, but charon takes no other in IKEv1 either.
Attribute AddressAttribute(const IpAddress& address);
// The address in the value of such an attribute, with a prefix length or without, which is passed over. nullopt: neither type,
// or of a wrong length. An empty value is any address of the type's family.
std::optional<IpAddress> AddressIn(uint16_t type, ByteView value);

// Of the pools so named, in that order, then `settings`' servers. Equal ones once; the subnets of one Unity type are one
// attribute, as its clients expect.
std::vector<Attribute> AttributesOf(std::span<const config::Pool> pools, std::span<const std::string> names,
                                    const config::ControlSettings& settings);

}  // namespace culvert::pools
