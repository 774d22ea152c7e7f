#include "config/peer_address.h"

#include <algorithm>

#include "common/net/ip_address.h"
#include "config/text.h"

namespace culvert::config {
namespace {

bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

bool IsLabel(std::string_view label) {
  constexpr size_t kMostOctets = 63;
  auto part = [](char c) { return IsLetter(c) || IsDigit(c) || c == '-'; };
  return !label.empty() && label.size() <= kMostOctets && label.front() != '-' && label.back() != '-' &&
         std::ranges::all_of(label, part);
}

}  // namespace

bool IsHostName(std::string_view text) {
  constexpr size_t kMostOctets = 253;
  if (text.ends_with('.')) text.remove_suffix(1);
  return text.size() <= kMostOctets && std::ranges::any_of(text, IsLetter) && std::ranges::all_of(Split(text, '.'), IsLabel);
}

PeerAddress KindOf(std::string_view entry) {
  if (IsHostName(entry)) return PeerAddress::kHost;
  auto address = IpAddress::Parse(entry);
  return address && !address->is_unspecified() ? PeerAddress::kOne : PeerAddress::kSeveral;
}

bool NamesSomebody(const std::vector<std::string>& entries) {
  return std::ranges::any_of(entries, [](const std::string& e) { return KindOf(e) != PeerAddress::kSeveral; });
}

}  // namespace culvert::config
