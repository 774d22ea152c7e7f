#include "common/bytes/hex.h"

namespace culvert {
namespace {

constexpr char kDigits[] = "0123456789abcdef";
constexpr size_t kMaxEscaped = 256;  // characters of one peer string in a log line

int Nibble(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::string ToHex(ByteView b) {
  std::string out;
  out.reserve(b.size() * 2);
  for (uint8_t x : b) {
    out += kDigits[x >> 4];
    out += kDigits[x & 15];
  }
  return out;
}

std::optional<Bytes> FromHex(std::string_view s) {
  if (s.size() % 2) return std::nullopt;
  Bytes out;
  out.reserve(s.size() / 2);
  for (size_t i = 0; i < s.size(); i += 2) {
    int hi = Nibble(s[i]), lo = Nibble(s[i + 1]);
    if (hi < 0 || lo < 0) return std::nullopt;
    out.push_back(static_cast<uint8_t>(hi << 4 | lo));
  }
  return out;
}

std::string Escape(std::string_view peer_text) {
  constexpr std::string_view kCut = "...";
  std::string out;
  size_t cut_at = 0;  // the last place where the text may end with room for kCut
  for (char c : peer_text) {
    // ASCII only: a terminal's reading of other bytes depends on its own settings.
    auto u = static_cast<uint8_t>(c);
    bool plain = u >= 0x20 && u < 0x7f && c != '\\' && c != '"' && c != '\'';
    if (out.size() + kCut.size() <= kMaxEscaped) cut_at = out.size();
    if (out.size() + (plain ? 1 : 4) > kMaxEscaped) return out.substr(0, cut_at).append(kCut);
    if (plain) {
      out += c;
    } else {
      out += "\\x";
      out += kDigits[u >> 4];
      out += kDigits[u & 15];
    }
  }
  return out;
}

}  // namespace culvert
