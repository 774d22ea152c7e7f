#include "config/schema/values.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include "common/base/limits.h"
#include "common/bytes/hex.h"
#include "config/peer_address.h"
#include "config/text.h"

namespace culvert::config {
namespace {

using Error = std::unexpected<std::string>;

constexpr uint64_t kMaxSeconds = 0xffffffff;       // charon's own bound; still far from overflowing nanoseconds
constexpr uint64_t kMaxCount = uint64_t{1} << 62;  // octets or packets: leaves room for the 10 % that are added

std::string Quote(std::string_view text) { return Cat("\"", Escape(text), "\""); }

std::optional<uint64_t> Number(std::string_view text) {
  int base = 10;
  if (text.starts_with("0x") || text.starts_with("0X")) {
    base = 16;
    text.remove_prefix(2);
  }
  uint64_t n = 0;
  auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), n, base);
  if (text.empty() || ec != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return n;
}

struct Unit {
  char letter;
  uint64_t factor;
};

// A number with an optional unit letter; nullopt where it is neither, or above `max`.
std::optional<uint64_t> Scaled(std::string_view text, std::initializer_list<Unit> units, uint64_t max) {
  uint64_t factor = 1;
  for (auto [letter, f] : units) {
    if (text.empty() || Lower(text.back()) != letter) continue;
    factor = f;
    text = Trim(text.substr(0, text.size() - 1));
    break;
  }
  auto n = Number(text);
  if (!n || *n > max / factor) return std::nullopt;
  return *n * factor;
}

struct NamedNumber {
  std::string_view name;
  uint16_t number;
};
// Fixed here rather than asked of /etc/protocols and /etc/services, so that one configuration means the same everywhere.
constexpr NamedNumber kProtocols[] = {{"any", 0},        {"icmp", 1},   {"igmp", 2},     {"ipip", 4},  {"ipencap", 4},
                                      {"tcp", 6},        {"udp", 17},   {"gre", 47},     {"esp", 50},  {"ah", 51},
                                      {"ipv6-icmp", 58}, {"icmp6", 58}, {"ospf", 89},    {"pim", 103}, {"vrrp", 112},
                                      {"l2tp", 115},     {"sctp", 132}, {"udplite", 136}};
constexpr NamedNumber kServices[] = {{"ftp", 21},    {"ssh", 22},   {"smtp", 25},   {"domain", 53},   {"bootps", 67},
                                     {"bootpc", 68}, {"tftp", 69},  {"http", 80},   {"ntp", 123},     {"snmp", 161},
                                     {"bgp", 179},   {"ldap", 389}, {"https", 443}, {"isakmp", 500},  {"syslog", 514},
                                     {"ldaps", 636}, {"l2f", 1701}, {"l2tp", 1701}, {"radius", 1812}, {"sip", 5060}};

template <size_t N>
std::optional<uint16_t> NumberOrName(std::string_view text, const NamedNumber (&names)[N], uint16_t max) {
  if (auto* row = std::ranges::find(names, text, &NamedNumber::name); row != std::end(names)) return row->number;
  auto n = Number(text);
  if (!n || *n > max) return std::nullopt;
  return static_cast<uint16_t>(*n);
}

// swanctl's rule: below 256 it is a type, with whatever code; from there on type << 8 | code.
Parsed<void> ReadIcmpTypes(TrafficSelector& ts) {
  constexpr uint16_t kTypes = 256;
  if (ts.port_last < kTypes) ts.port_last = static_cast<uint16_t>(ts.port_last << 8 | 0xff);
  if (ts.port_first < kTypes) ts.port_first = static_cast<uint16_t>(ts.port_first << 8);
  if (ts.port_first > ts.port_last) {
    return Error("ICMP types and codes out of order; expected a type below 256, or type * 256 + code");
  }
  return {};
}

// What stands between the brackets: "tcp", "tcp/80", "udp/1000-2000", "icmp/8", "tcp/opaque".
Parsed<void> ParseProtocolAndPorts(std::string_view text, TrafficSelector& ts) {
  auto slash = text.find('/');
  auto protocol_text = Trim(text.substr(0, slash));
  auto protocol = protocol_text.empty() ? 0 : NumberOrName(protocol_text, kProtocols, 255);
  if (!protocol) return Error(Cat("protocol ", Quote(protocol_text), "; expected a name such as tcp, or 0 to 255"));
  ts.protocol = static_cast<uint8_t>(*protocol);
  auto ports = slash == std::string_view::npos ? "" : Trim(text.substr(slash + 1));
  if (ports.empty() || ports == "any") return {};
  // RFC 7296 3.13.1: a port says nothing where the protocol is any.
  if (ts.protocol == 0) return Error("a port without a protocol; expected one such as tcp before the \"/\"");
  if (ports == "opaque") {
    ts.port_first = 65535;
    ts.port_last = 0;
    return {};
  }
  auto dash = ports.find('-');
  auto first = NumberOrName(Trim(ports.substr(0, dash)), kServices, 65535);
  auto last = dash == std::string_view::npos ? first : NumberOrName(Trim(ports.substr(dash + 1)), kServices, 65535);
  if (!first || !last || *first > *last) {
    return Error(Cat("port ", Quote(ports), "; expected 0 to 65535, a range, a service such as https, any or opaque"));
  }
  ts.port_first = *first;
  ts.port_last = *last;
  constexpr uint8_t kIcmp = 1, kIcmpV6 = 58;
  if (ts.protocol == kIcmp || ts.protocol == kIcmpV6) return ReadIcmpTypes(ts);
  return {};
}

int Base64Digit(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+') return 62;
  if (c == '/') return 63;
  return -1;
}

// RFC 4648 4: four digits make three octets, the last group is padded with '='; padding may be left out.
std::optional<SecretBytes> FromBase64(std::string_view text) {
  while (text.ends_with('=')) text.remove_suffix(1);
  if (text.size() % 4 == 1) return std::nullopt;
  SecretBytes out(text.size() * 6 / 8);
  uint32_t bits = 0;
  unsigned have = 0;
  size_t at = 0;
  for (char c : text) {
    int digit = Base64Digit(c);
    if (digit < 0) return std::nullopt;
    bits = bits << 6 | static_cast<uint32_t>(digit);
    have += 6;
    if (have >= 8) {
      have -= 8;
      out.span()[at++] = static_cast<uint8_t>(bits >> have);
    }
  }
  return out;
}

}  // namespace

std::optional<bool> ParseBool(std::string_view text) {
  std::string word(text);
  std::ranges::transform(word, word.begin(), Lower);
  if (word == "yes" || word == "true" || word == "enabled" || word == "1") return true;
  if (word == "no" || word == "false" || word == "disabled" || word == "0") return false;
  return std::nullopt;
}

Parsed<uint64_t> ParseInteger(std::string_view text, uint64_t min, uint64_t max) {
  auto n = Number(text);
  if (!n) return Error(Cat(Quote(text), " is no whole number; expected ", min, " to ", max));
  if (*n < min || *n > max) return Error(Cat(Quote(text), " is not between ", min, " and ", max));
  return *n;
}

Parsed<double> ParseFraction(std::string_view text, double min, double max) {
  double v = 0;
  auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), v, std::chars_format::fixed);
  bool number = !text.empty() && ec == std::errc{} && end == text.data() + text.size() && std::isfinite(v);
  auto whole = [](double x) { return static_cast<uint64_t>(x); };
  if (!number || v < min || v > max) return Error(Cat(Quote(text), " is no number between ", whole(min), " and ", whole(max)));
  return v;
}

Parsed<uint64_t> ParseTime(std::string_view text) {
  auto n = Scaled(text, {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}}, kMaxSeconds);
  if (!n) return Error(Cat(Quote(text), " is no time; expected one such as 90, 30s, 5m, 4h or 1d"));
  return *n;
}

Parsed<uint64_t> ParseSize(std::string_view text) {
  auto n = Scaled(text, {{'k', 1 << 10}, {'m', 1 << 20}, {'g', 1 << 30}}, kMaxCount);
  if (!n) return Error(Cat(Quote(text), " is no size; expected one such as 5000, 64k, 500m or 20g"));
  return *n;
}

Parsed<Ts> ParseSelector(std::string_view text) {
  Ts ts;
  auto bracket = text.find('[');
  auto address = Trim(text.substr(0, bracket));
  if (bracket != std::string_view::npos) {
    if (!text.ends_with(']')) return Error(Cat(Quote(text), ": expected a \"]\" at the end"));
    auto inside = text.substr(bracket + 1, text.size() - bracket - 2);
    if (auto ok = ParseProtocolAndPorts(inside, ts.selector); !ok) return Error(ok.error());
  }
  if (address == "dynamic") {
    ts.dynamic = true;
    return ts;
  }
  auto range = IpRange::Parse(address);
  if (!range) return Error(Cat(Quote(address), "; expected a subnet such as 10.1.0.0/24, a range a-b or dynamic"));
  ts.selector.addresses = *range;
  return ts;
}

Parsed<std::string> ParsePeerAddress(std::string_view text) {
  if (text == "%any" || text == "%any4" || text == "%any6" || text == "0.0.0.0" || text == "::") return std::string(text);
  if (IpRange::Parse(text)) return std::string(text);
  if (IsHostName(text)) return std::string(text);
  if (text.contains('%')) return Error(Cat(Quote(text), ": addresses with a zone are not supported yet"));
  return Error(Cat(Quote(text), "; expected an address, a host name, a subnet, a range a-b or %any"));
}

Parsed<IpPrefix> ParsePortAddress(std::string_view text) {
  auto slash = text.find('/');
  auto address = IpAddress::Parse(text.substr(0, slash));
  auto prefix = IpPrefix::Parse(text);
  if (!address || !prefix || slash == std::string_view::npos) {
    return Error(Cat(Quote(text), "; expected an address with its prefix length, such as 192.0.2.1/24"));
  }
  if (address->is_unspecified() || address->is_multicast()) return Error(Cat(Quote(text), "; expected a unicast address"));
  return IpPrefix{*address, prefix->length};
}

Parsed<SecretBytes> ParseSecret(std::string_view text) {
  if (text.starts_with("0x") || text.starts_with("0X")) {
    auto bytes = FromHex(text.substr(2));
    if (!bytes || bytes->empty()) return Error("0x without an even number of hexadecimal digits after it");
    return SecretBytes(std::move(*bytes));
  }
  if (text.starts_with("0s") || text.starts_with("0S")) {
    auto bytes = FromBase64(text.substr(2));
    if (!bytes || bytes->empty()) return Error("0s without base64 after it");
    return std::move(*bytes);
  }
  if (text.empty()) return Error("empty; expected a secret");
  return SecretBytes(AsBytes(text));
}

Parsed<std::vector<unsigned>> ParseCores(std::string_view text, unsigned cores) {
  std::vector<unsigned> out;
  auto parts = Split(text, ',');
  if (parts.size() == 1 && !text.contains('-')) {
    auto n = ParseInteger(Trim(text), 1, std::min(cores, kMaxWorkers));
    if (!n) return Error(Cat(n.error(), " workers"));
    for (uint64_t core = cores - *n; core < cores; ++core) out.push_back(static_cast<unsigned>(core));
    return out;
  }
  for (std::string_view part : parts) {
    auto dash = part.find('-');
    auto first = Number(Trim(part.substr(0, dash)));
    auto last = dash == std::string_view::npos ? first : Number(Trim(part.substr(dash + 1)));
    if (!first || !last || *first > *last || *last >= cores) {
      return Error(Cat(Quote(Trim(part)), "; this machine has cores 0 to ", cores - 1));
    }
    for (uint64_t core = *first; core <= *last; ++core) out.push_back(static_cast<unsigned>(core));
  }
  std::ranges::sort(out);
  if (std::ranges::adjacent_find(out) != out.end()) return Error("names a core twice");
  if (out.size() > kMaxWorkers) return Error(Cat(out.size(), " workers; expected at most ", kMaxWorkers));
  return out;
}

std::vector<std::string> Items(const Value& value) {
  if (value.list) return *value.list;
  std::vector<std::string> out;
  for (std::string_view part : Split(value.text, ',')) {
    if (auto item = Trim(part); !item.empty()) out.emplace_back(item);
  }
  return out;
}

}  // namespace culvert::config
