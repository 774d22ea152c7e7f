#include "control/ike/identity.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "absl/strings/ascii.h"
#include "common/bytes/hex.h"
#include "config/text.h"
#include "control/ike/identity_dn.h"
#include "control/ike/ppk_id.h"

namespace culvert::ike {
namespace {

struct Prefix {
  std::string_view text;
  IdType type;
};
constexpr Prefix kPrefixes[] = {
    {"ipv4:", IdType::kIpv4},       {"ipv6:", IdType::kIpv6},     {"fqdn:", IdType::kFqdn},     {"dns:", IdType::kFqdn},
    {"rfc822:", IdType::kRfc822},   {"email:", IdType::kRfc822},  {"userfqdn:", IdType::kRfc822}, {"keyid:", IdType::kKeyId},
    {"asn1dn:", IdType::kDerDn},    {"asn1gn:", IdType::kDerGn},
};
// Patterns of addresses may say what they are.
constexpr std::string_view kRangePrefixes[] = {"ipv4:", "ipv6:", "ipv4net:", "ipv6net:", "ipv4range:", "ipv6range:"};
constexpr std::string_view kAny[] = {"", "%any", "%any6", "0.0.0.0", "::", "*"};

Identity Text(IdType type, std::string_view text) { return {type, ToBytes(AsBytes(text))}; }

bool StartsWithIgnoringCase(std::string_view text, std::string_view prefix) {
  return config::EqualIgnoringCase(text.substr(0, prefix.size()), prefix);
}

bool EndsWithIgnoringCase(std::string_view text, std::string_view suffix) {
  return text.size() >= suffix.size() && config::EqualIgnoringCase(text.substr(text.size() - suffix.size()), suffix);
}

// Takes "fqdn:" or "{2}:" off the front.
std::optional<IdType> ConsumeTypePrefix(std::string_view& text) {
  for (const auto& p : kPrefixes) {
    if (StartsWithIgnoringCase(text, p.text)) {
      text.remove_prefix(p.text.size());
      return p.type;
    }
  }
  size_t end = text.find("}:");
  if (!text.starts_with('{') || end == text.npos) return std::nullopt;
  uint8_t number = 0;
  auto [stop, error] = std::from_chars(text.data() + 1, text.data() + end, number);
  if (error != std::errc{} || stop != text.data() + end) return std::nullopt;
  text.remove_prefix(end + 2);
  return static_cast<IdType>(number);
}

Identity OfAddress(const IpAddress& a) {
  return {a.family == Family::kV4 ? IdType::kIpv4 : IdType::kIpv6, ToBytes(a.bytes())};
}

std::optional<Identity> ParseAddress(std::string_view text) {
  auto a = IpAddress::Parse(text);
  if (!a) return std::nullopt;
  return OfAddress(*a);
}

std::optional<Identity> ParseTyped(IdType type, std::string_view value) {
  if (value.starts_with('#')) {
    auto raw = FromHex(value.substr(1));
    if (!raw) return std::nullopt;
    return Identity{type, *std::move(raw)};
  }
  switch (type) {
    case IdType::kIpv4:
    case IdType::kIpv6: {
      auto id = ParseAddress(value);
      return id && id->type == type ? id : std::nullopt;
    }
    case IdType::kDerDn: {
      auto der = DnFromText(value);
      if (!der) return std::nullopt;
      return Identity{type, *std::move(der)};
    }
    case IdType::kDerGn: return std::nullopt;  // has no text form
    case IdType::kFqdn:
    case IdType::kRfc822:
    case IdType::kKeyId: break;
  }
  return Text(type, value);
}

// RFC 7296 3.5: FQDNs and mail addresses. Lengths are compared, so a NUL from a peer ends nothing.
bool TextMatches(std::string_view pattern, std::string_view id) {
  if (pattern.starts_with('*')) return EndsWithIgnoringCase(id, pattern.substr(1));
  return config::EqualIgnoringCase(pattern, id);
}

std::optional<IpRange> ParseRangePattern(std::string_view pattern) {
  for (std::string_view prefix : kRangePrefixes) {
    if (!StartsWithIgnoringCase(pattern, prefix)) continue;
    auto range = IpRange::Parse(pattern.substr(prefix.size()));
    bool v4 = prefix[3] == '4';
    return range && (range->first.family == Family::kV4) == v4 ? range : std::nullopt;
  }
  return IpRange::Parse(pattern);
}

std::optional<IpAddress> AddressOf(const Identity& id) {
  auto a = IpAddress::FromBytes(id.data);
  if (!a || id.type != (a->family == Family::kV4 ? IdType::kIpv4 : IdType::kIpv6)) return std::nullopt;
  return a;
}

bool IsPrintable(ByteView b) {
  return !b.empty() && std::ranges::all_of(b, [](uint8_t c) { return c >= 0x20 && c < 0x7f; });
}

// Without the escaping; nullopt where the data does not fit the type.
std::optional<std::string> Readable(const Identity& id) {
  switch (id.type) {
    case IdType::kIpv4:
    case IdType::kIpv6:
      if (auto a = AddressOf(id)) return a->ToString();
      return std::nullopt;
    case IdType::kDerDn: return DnToText(id.data);
    case IdType::kFqdn:
    case IdType::kRfc822:
      if (id.data.empty()) return std::nullopt;
      return std::string(AsString(id.data));
    case IdType::kKeyId:
      if (!IsPrintable(id.data)) return std::nullopt;
      return std::string(AsString(id.data));
    case IdType::kDerGn: break;
  }
  return std::nullopt;
}

}  // namespace

bool NamesAnyIdentity(std::string_view text) { return std::ranges::find(kAny, text) != std::end(kAny); }

std::optional<Identity> Identity::Parse(std::string_view text) {
  if (NamesAnyIdentity(text)) return std::nullopt;
  if (auto type = ConsumeTypePrefix(text)) return ParseTyped(*type, text);
  if (text.contains('=')) {
    if (auto der = DnFromText(text)) return Identity{IdType::kDerDn, *std::move(der)};
    return Text(IdType::kKeyId, text);
  }
  if (text.starts_with("@#")) return ParseTyped(IdType::kKeyId, text.substr(1));
  if (text.starts_with("@@")) return Text(IdType::kRfc822, text.substr(2));
  if (text.starts_with('@')) return Text(IdType::kFqdn, text.substr(1));
  if (text.contains('@')) return Text(IdType::kRfc822, text);
  if (auto address = ParseAddress(text)) return address;
  if (ParseRangePattern(text)) return std::nullopt;
  return Text(text.contains(':') ? IdType::kKeyId : IdType::kFqdn, text);
}

std::string Identity::ToString() const {
  auto text = Readable(*this);
  return Escape(text ? *text : "{" + std::to_string(std::to_underlying(type)) + "}:#" + ToHex(data));
}

std::string CheckIdentity(std::string_view text, config::IdentityUse use) {
  if (use == config::IdentityUse::kPpk) {
    return ParsePpkId(text) ? "" : "is no single identity; expected one, with or without opaque: in front";
  }
  if (NamesAnyIdentity(text)) return {};
  bool range = ParseRangePattern(text).has_value();
  if (use == config::IdentityUse::kPeer && range) return {};
  if (auto id = Identity::Parse(text)) return id->data.empty() ? "is empty; expected a value after its type" : "";
  if (range) return "is a range of addresses; expected one identity";
  return "is no identity of the type in front of it; expected a value of that type, or # and its octets in hex";
}

std::string FoldedKey(const Identity& id) {
  std::string key(1, static_cast<char>(id.type));
  key += AsString(id.data);
  if (id.type == IdType::kFqdn || id.type == IdType::kRfc822) {
    std::ranges::transform(key.begin() + 1, key.end(), key.begin() + 1, absl::ascii_tolower);
  }
  return key;
}

IdentityPattern::IdentityPattern(std::string_view text) {
  if (NamesAnyIdentity(text)) {
    meaning_ = Anybody{};
  } else if (auto range = ParseRangePattern(text)) {
    meaning_ = *range;
  } else if (auto id = Identity::Parse(text)) {
    meaning_ = *std::move(id);
  }
}

bool IdentityPattern::Admits(const Identity& id) const {
  if (auto* range = std::get_if<IpRange>(&meaning_)) {
    auto address = AddressOf(id);
    return address && range->Contains(*address);
  }
  auto* want = std::get_if<Identity>(&meaning_);
  if (!want) return std::holds_alternative<Anybody>(meaning_);
  if (want->type != id.type) return false;
  if (*want == id) return true;
  switch (id.type) {
    case IdType::kFqdn:
    case IdType::kRfc822: return TextMatches(AsString(want->data), AsString(id.data));
    case IdType::kDerDn: return DnMatches(want->data, id.data);
    case IdType::kIpv4:
    case IdType::kIpv6:
    case IdType::kDerGn:
    case IdType::kKeyId: break;
  }
  return false;
}

std::optional<std::string> IdentityPattern::SoleKey() const {
  if (auto* range = std::get_if<IpRange>(&meaning_)) {
    if (range->first != range->last) return std::nullopt;
    return FoldedKey(OfAddress(range->first));
  }
  auto* want = std::get_if<Identity>(&meaning_);
  if (!want || want->type == IdType::kDerDn) return std::nullopt;
  bool text = want->type == IdType::kFqdn || want->type == IdType::kRfc822;
  if (text && AsString(want->data).starts_with('*')) return std::nullopt;
  return FoldedKey(*want);
}

}  // namespace culvert::ike
