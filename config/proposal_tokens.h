#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace culvert::config {

// The words of a proposal: every keyword strongSwan 6.0 has, and what this build does with it (hostile.md "Algorithms").
// One row a word; a later change flips `use`.
enum class TokenKind : uint8_t { kEncr, kIntegrity, kPrf, kKe, kEsn };
enum class TokenUse : uint8_t {
  kWorks,
  kNotYet,      // sound, no implementation here so far: refused, because leaving it out would change what is agreed on
  kLegacy,      // only under a profile that has it
  kForbidden,   // broken or withdrawn: never
};
enum class TokenScope : uint8_t {
  kBoth,
  kIke,         // the data path does not run it
  kChild,       // does not encrypt, and IKE always does (RFC 7296 5)
};
struct Token {
  std::string_view text;
  TokenKind kind;
  TokenUse use;
  uint16_t id = 0;        // the IANA transform id; 0 for kForbidden words
  uint16_t key_bits = 0;  // of ciphers
  TokenScope scope = TokenScope::kBoth;
};

std::span<const Token> AllTokens();
const Token* FindToken(std::string_view text);
// "aes256" -> "; did you mean ...?" for a word that is none.
std::string SuggestToken(std::string_view text);

}  // namespace culvert::config
