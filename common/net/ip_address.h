#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/bytes/bytes.h"

namespace culvert {

enum class Family : uint8_t { kV4 = 4, kV6 = 6 };

// An address in network byte order: a v4 address in the first 4 octets with the rest zero. Trivially copyable.
struct IpAddress {
  Family family = Family::kV4;
  std::array<uint8_t, 16> octets{};

  static IpAddress V4(uint8_t a, uint8_t b, uint8_t c, uint8_t d) { return {Family::kV4, {a, b, c, d}}; }
  static IpAddress V4(uint32_t host_order);
  static std::optional<IpAddress> FromBytes(ByteView b);            // 4 or 16 octets
  static std::optional<IpAddress> Parse(std::string_view text);     // no zone, no prefix
  static IpAddress Any(Family f) { return {f, {}}; }

  size_t size() const { return family == Family::kV4 ? 4 : 16; }
  unsigned bits() const { return family == Family::kV4 ? 32 : 128; }
  ByteView bytes() const { return {octets.data(), size()}; }
  uint32_t v4() const;                                              // host byte order; only for kV4
  bool is_unspecified() const { return octets == std::array<uint8_t, 16>{}; }
  bool is_multicast() const;
  bool is_link_local() const;
  std::string ToString() const;

  friend auto operator<=>(const IpAddress&, const IpAddress&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const IpAddress& a) { return H::combine(std::move(h), a.family, a.octets); }
};

struct IpPrefix {
  IpAddress address;      // host bits zero in a parsed prefix
  uint8_t length = 0;

  static std::optional<IpPrefix> Parse(std::string_view text);      // "10.0.0.0/8", "10.0.0.1" is /32; host bits are cleared
  bool Contains(const IpAddress& a) const;
  std::string ToString() const;
  friend auto operator<=>(const IpPrefix&, const IpPrefix&) = default;
};

// An inclusive range of one family.
struct IpRange {
  IpAddress first, last;

  static IpRange Of(const IpPrefix& p);
  static IpRange All(Family f);
  static std::optional<IpRange> Parse(std::string_view text);       // CIDR, single address or "a-b"
  bool Contains(const IpAddress& a) const { return a.family == first.family && first <= a && a <= last; }
  bool Contains(const IpRange& r) const { return Contains(r.first) && Contains(r.last); }
  std::optional<IpRange> Intersect(const IpRange& r) const;
  std::optional<IpPrefix> AsPrefix() const;                         // where the range is exactly one prefix
  std::string ToString() const;                                     // CIDR where exact, else "a-b" (as swanctl prints)
  friend auto operator<=>(const IpRange&, const IpRange&) = default;
};

struct Endpoint {
  IpAddress address;
  uint16_t port = 0;      // host byte order
  uint32_t zone = 0;      // port index of a link-local address, 0 otherwise

  std::string ToString() const;                                     // "192.0.2.1:500", "[2001:db8::1]:4500"
  friend auto operator<=>(const Endpoint&, const Endpoint&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const Endpoint& e) { return H::combine(std::move(h), e.address, e.port, e.zone); }
};

}  // namespace culvert
