#include "common/net/ip_address.h"

#include <arpa/inet.h>

#include <charconv>

namespace culvert {
namespace {

// Sets or clears every bit after the first `length`.
IpAddress FillHost(IpAddress a, unsigned length, bool ones) {
  for (unsigned bit = length; bit < a.bits(); ++bit) {
    auto mask = static_cast<uint8_t>(0x80 >> (bit % 8));
    auto& octet = a.octets[bit / 8];
    octet = static_cast<uint8_t>(ones ? octet | mask : octet & ~mask);
  }
  return a;
}

}  // namespace

IpAddress IpAddress::V4(uint32_t h) {
  return V4(static_cast<uint8_t>(h >> 24), static_cast<uint8_t>(h >> 16), static_cast<uint8_t>(h >> 8),
            static_cast<uint8_t>(h));
}

std::optional<IpAddress> IpAddress::FromBytes(ByteView b) {
  if (b.size() != 4 && b.size() != 16) return std::nullopt;
  IpAddress a;
  a.family = b.size() == 4 ? Family::kV4 : Family::kV6;
  std::copy(b.begin(), b.end(), a.octets.begin());
  return a;
}

std::optional<IpAddress> IpAddress::Parse(std::string_view text) {
  IpAddress a;
  std::string s(text);
  if (s.find('\0') != std::string::npos) return std::nullopt;  // inet_pton would stop there and accept what precedes
  a.family = s.find(':') == std::string::npos ? Family::kV4 : Family::kV6;
  if (inet_pton(a.family == Family::kV4 ? AF_INET : AF_INET6, s.c_str(), a.octets.data()) != 1) return std::nullopt;
  return a;
}

uint32_t IpAddress::v4() const {
  return uint32_t{octets[0]} << 24 | uint32_t{octets[1]} << 16 | uint32_t{octets[2]} << 8 | octets[3];
}

bool IpAddress::is_multicast() const { return family == Family::kV4 ? octets[0] >> 4 == 0xe : octets[0] == 0xff; }

bool IpAddress::is_link_local() const {
  return family == Family::kV4 ? octets[0] == 169 && octets[1] == 254 : octets[0] == 0xfe && (octets[1] & 0xc0) == 0x80;
}

std::string IpAddress::ToString() const {
  char buf[INET6_ADDRSTRLEN] = "";
  inet_ntop(family == Family::kV4 ? AF_INET : AF_INET6, octets.data(), buf, sizeof buf);
  return buf;
}

std::optional<IpPrefix> IpPrefix::Parse(std::string_view text) {
  auto slash = text.find('/');
  auto a = IpAddress::Parse(text.substr(0, slash));
  if (!a) return std::nullopt;
  unsigned length = a->bits();
  if (slash != std::string_view::npos) {
    auto s = text.substr(slash + 1);
    auto [end, ec] = std::from_chars(s.data(), s.data() + s.size(), length);
    if (ec != std::errc{} || end != s.data() + s.size() || length > a->bits()) return std::nullopt;
  }
  return IpPrefix{FillHost(*a, length, false), static_cast<uint8_t>(length)};
}

bool IpPrefix::Contains(const IpAddress& a) const {
  return a.family == address.family && FillHost(a, length, false) == FillHost(address, length, false);
}

std::string IpPrefix::ToString() const { return address.ToString() + "/" + std::to_string(length); }

IpRange IpRange::Of(const IpPrefix& p) { return {FillHost(p.address, p.length, false), FillHost(p.address, p.length, true)}; }

IpRange IpRange::All(Family f) { return Of({IpAddress::Any(f), 0}); }

std::optional<IpRange> IpRange::Parse(std::string_view text) {
  if (auto dash = text.find('-'); dash != std::string_view::npos) {
    auto a = IpAddress::Parse(text.substr(0, dash)), b = IpAddress::Parse(text.substr(dash + 1));
    if (!a || !b || a->family != b->family || *b < *a) return std::nullopt;
    return IpRange{*a, *b};
  }
  auto p = IpPrefix::Parse(text);
  if (!p) return std::nullopt;
  return Of(*p);
}

std::optional<IpRange> IpRange::Intersect(const IpRange& r) const {
  if (r.first.family != first.family) return std::nullopt;
  IpRange out{std::max(first, r.first), std::min(last, r.last)};
  if (out.last < out.first) return std::nullopt;
  return out;
}

std::optional<IpPrefix> IpRange::AsPrefix() const {
  for (unsigned length = 0; length <= first.bits(); ++length) {
    IpPrefix p{first, static_cast<uint8_t>(length)};
    if (FillHost(first, length, false) == first && FillHost(first, length, true) == last) return p;
  }
  return std::nullopt;
}

std::string IpRange::ToString() const {
  if (auto p = AsPrefix()) return p->ToString();
  return first.ToString() + "-" + last.ToString();
}

std::string Endpoint::ToString() const {
  std::string a = address.ToString();
  if (address.family == Family::kV6) a = "[" + a + "]";
  return a + ":" + std::to_string(port);
}

}  // namespace culvert
