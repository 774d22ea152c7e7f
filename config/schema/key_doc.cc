#include "config/schema/key_doc.h"

#include <map>
#include <string_view>
#include <tuple>

#include "config/proposal_tokens.h"
#include "config/schema/keys.h"
#include "config/text.h"

namespace culvert::config {
namespace {

std::string Code(std::string_view text) { return text.empty() ? "" : Cat("`", text, "`"); }

std::string Escaped(std::string_view text) {
  std::string out;
  for (char c : text) out += c == '|' ? std::string("\\|") : std::string(1, c);
  return out;
}

std::string TypeOf(const Key& key) {
  if (key.type == Type::kInteger || key.type == Type::kFraction) return Cat(Name(key.type), " ", key.min, " to ", key.max);
  if (key.type != Type::kWord) return std::string(Name(key.type));
  std::string out;
  for (std::string_view word : Split(key.words, ' ')) out += Cat(out.empty() ? "" : " ", Code(Escaped(word)));
  return out;
}

// The exceptions for single words stand in the verdict's column.
std::string VerdictOf(const Key& key) {
  std::string out(Name(key.verdict));
  for (const WordVerdict& w : AllWordVerdicts()) {
    if (w.path == key.path) out += Cat("; ", Code(w.word), " ", Name(w.verdict));
  }
  return out;
}

std::string Row(const Key& key) {
  return Cat("| ", Code(LastSegment(key.path)), " | ", TypeOf(key), " | ", Code(key.fallback), " | ", VerdictOf(key), " | ",
             Escaped(key.about), " |\n");
}

std::string_view Name(TokenKind kind) {
  switch (kind) {
    case TokenKind::kEncr: return "encryption";
    case TokenKind::kIntegrity: return "integrity";
    case TokenKind::kPrf: return "PRF";
    case TokenKind::kKe: return "key exchange";
    case TokenKind::kEsn: return "sequence numbers";
  }
  return "";
}

std::string_view Name(TokenUse use) {
  switch (use) {
    case TokenUse::kWorks: return "works";
    case TokenUse::kNotYet: return "not yet (refused)";
    case TokenUse::kLegacy: return "legacy (by profile)";
    case TokenUse::kForbidden: return "forbidden (refused)";
  }
  return "";
}

std::string_view Name(TokenScope scope) {
  switch (scope) {
    case TokenScope::kBoth: return "";
    case TokenScope::kIke: return ", IKE only";
    case TokenScope::kChild: return ", children only";
  }
  return "";
}

}  // namespace

std::string KeysAsMarkdown() {
  std::string out;
  for (const Key& section_key : AllKeys()) {
    if (section_key.type != Type::kSection) continue;
    auto* rule = FindSectionRule(section_key.path);
    bool plain = section_key.verdict == Verdict::kWorks;
    out += Cat("\n### `", section_key.path, "`\n\n", section_key.about, plain ? "" : ": ",
               plain ? "" : Name(section_key.verdict), ".\n");
    bool first = true;
    auto add = [&](const Key* key) {
      if (first) out += "\n| key | type | default | verdict | meaning |\n|---|---|---|---|---|\n";
      first = false;
      out += Row(*key);
    };
    if (!rule) continue;
    for (const Key* key : rule->keys) add(key);
    for (const Key* key : rule->sections) {
      if (key->type == Type::kOpenSection) add(key);
    }
  }
  return out;
}

std::string ProposalWordsAsMarkdown() {
  std::map<std::tuple<TokenKind, TokenUse, TokenScope>, std::string> groups;
  for (const Token& token : AllTokens()) {
    auto& words = groups[{token.kind, token.use, token.scope}];
    words += Cat(words.empty() ? "" : " ", Code(token.text));
  }
  std::string out = "| kind | verdict | words |\n|---|---|---|\n";
  for (auto& [group, words] : groups) {
    auto [kind, use, scope] = group;
    out += Cat("| ", Name(kind), " | ", Name(use), Name(scope), " | ", words, " |\n");
  }
  return out;
}

}  // namespace culvert::config
