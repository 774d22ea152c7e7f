#include "control/ike/v1/client_ids.h"

#include <algorithm>

namespace culvert::ike::v1 {
namespace {

// A subnet's mask; nullopt where its ones do not lead.
std::optional<uint8_t> LengthOf(ByteView mask) {
  unsigned length = 0;
  while (length < mask.size() * 8 && (mask[length / 8] & 0x80 >> length % 8)) ++length;
  for (unsigned bit = length; bit < mask.size() * 8; ++bit) {
    if (mask[bit / 8] & 0x80 >> bit % 8) return std::nullopt;
  }
  return static_cast<uint8_t>(length);
}

Bytes MaskOf(unsigned length, size_t size) {
  Bytes mask(size);
  for (unsigned bit = 0; bit < length; ++bit) mask[bit / 8] |= static_cast<uint8_t>(0x80 >> bit % 8);
  return mask;
}

std::optional<IpRange> SubnetOf(ByteView address, ByteView mask) {
  auto a = IpAddress::FromBytes(address);
  auto length = LengthOf(mask);
  if (!a || !length) return std::nullopt;
  // Host bits are of no account: RFC 2407 has no word on them.
  for (size_t i = 0; i < mask.size(); ++i) a->octets[i] &= mask[i];
  return IpRange::Of({*a, *length});
}

std::optional<IpRange> AddressesOf(const IdPayload& id) {
  const bool v6 = id.type == IdType::kIpv6 || id.type == IdType::kIpv6Subnet || id.type == IdType::kIpv6Range;
  const size_t size = v6 ? 16 : 4;
  const bool single = id.type == IdType::kIpv4 || id.type == IdType::kIpv6;
  if (id.data.size() != (single ? size : 2 * size)) return std::nullopt;
  const auto first = IpAddress::FromBytes(id.data.first(size)), last = IpAddress::FromBytes(id.data.last(size));
  switch (id.type) {
    case IdType::kIpv4:
    case IdType::kIpv6: return IpRange{*first, *first};
    case IdType::kIpv4Subnet:
    case IdType::kIpv6Subnet: return SubnetOf(id.data.first(size), id.data.last(size));
    case IdType::kIpv4Range:
    case IdType::kIpv6Range: return *first <= *last ? std::optional(IpRange{*first, *last}) : std::nullopt;
    default: return std::nullopt;
  }
}

}  // namespace

TrafficSelector PortsOf(const IdPayload& id) {
  TrafficSelector ts{.addresses = {}, .protocol = id.protocol};
  // RFC 2407 4.6.2: 0 is any; a port of any protocol is none's.
  if (id.port != 0 && id.protocol != 0) ts.port_first = ts.port_last = id.port;
  return ts;
}

std::optional<TrafficSelector> SelectorOf(const IdPayload& id) {
  const auto addresses = AddressesOf(id);
  if (!addresses) return std::nullopt;
  TrafficSelector ts = PortsOf(id);
  ts.addresses = *addresses;
  return ts;
}

std::optional<Bytes> ClientIdOf(const TrafficSelector& ts) {
  const bool one_port = ts.port_first == ts.port_last && ts.port_first != 0;
  if (!ts.any_port() && !one_port) return std::nullopt;
  const bool v4 = ts.addresses.first.family == Family::kV4;
  const auto prefix = ts.addresses.AsPrefix();
  IdPayload id{.type = {}, .protocol = ts.protocol, .port = one_port ? ts.port_first : uint16_t{0}, .data = {}};
  Bytes data = ToBytes(ts.addresses.first.bytes());
  if (ts.addresses.first == ts.addresses.last) {
    id.type = v4 ? IdType::kIpv4 : IdType::kIpv6;
  } else if (prefix) {
    id.type = v4 ? IdType::kIpv4Subnet : IdType::kIpv6Subnet;
    Append(data, MaskOf(prefix->length, data.size()));
  } else {
    id.type = v4 ? IdType::kIpv4Range : IdType::kIpv6Range;
    Append(data, ts.addresses.last.bytes());
  }
  id.data = data;
  Writer w;
  EncodeBody(id, w);
  return w.Release();
}

}  // namespace culvert::ike::v1
