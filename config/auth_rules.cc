#include "config/auth_rules.h"

#include <algorithm>
#include <iterator>

#include "common/bytes/hex.h"
#include "config/text.h"

namespace culvert::config {
namespace {

// One key type as it may be written, and what a hash behind it means.
struct Word {
  std::string_view text;
  std::vector<KeyType> types;        // none: any
  std::vector<SchemeRule> schemes;   // with the hash left open
  bool named_scheme = false;         // the word itself says how AUTH is made
};

const Word kWords[] = {
    {"pubkey", {}, {{KeyType::kRsa, 0, true}, {KeyType::kRsa}, {KeyType::kEcdsa}}},
    {"rsa", {KeyType::kRsa}, {{KeyType::kRsa}}},
    {"rsa/pss", {KeyType::kRsa}, {{KeyType::kRsa, 0, true}}, true},
    {"ecdsa", {KeyType::kEcdsa}, {{KeyType::kEcdsa}}},
    {"ed25519", {KeyType::kEd25519}, {{KeyType::kEd25519}}, true},
    {"ed448", {KeyType::kEd448}, {{KeyType::kEd448}}, true},
    {"eddsa", {KeyType::kEd25519, KeyType::kEd448}, {{KeyType::kEd25519}, {KeyType::kEd448}}, true},
};
constexpr unsigned kHashes[] = {256, 384, 512};
constexpr unsigned kSha1Bits = 160;

bool IsEdwards(KeyType t) { return t == KeyType::kEd25519 || t == KeyType::kEd448; }

unsigned HashBits(std::string_view token) {
  if (token == "sha1") return kSha1Bits;
  for (unsigned bits : kHashes) {
    if (token == Cat("sha", bits)) return bits;
  }
  return 0;
}

// What has been read of one word.
struct Current {
  const Word* word = nullptr;
  bool has_hash = false;
};

void AddAllHashes(const Word& word, PubkeyRules& rules) {
  for (SchemeRule scheme : word.schemes) {
    if (IsEdwards(scheme.type)) {
      rules.schemes.push_back(scheme);
      continue;
    }
    for (unsigned bits : kHashes) {
      scheme.hash_bits = bits;
      rules.schemes.push_back(scheme);
    }
  }
}

// A word without a hash takes all of them: one that names a way of signing, and where hashes bind another word any.
void TakeOpenWords(const std::vector<Current>& words, PubkeyRules& rules) {
  const bool bound = std::ranges::any_of(words, [](const Current& c) { return c.has_hash || c.word->named_scheme; });
  for (const Current& c : words) {
    if (!c.has_hash && bound) AddAllHashes(*c.word, rules);
  }
}

std::string AddHash(Current& current, unsigned bits, PubkeyRules& rules) {
  current.has_hash = true;
  bool taken = false;
  for (SchemeRule scheme : current.word->schemes) {
    if (IsEdwards(scheme.type)) return Cat("a hash behind ", current.word->text, ", which hashes for itself");
    if (bits == kSha1Bits && scheme.pss) continue;  // whoever has PSS has SHA-2
    scheme.hash_bits = bits;
    rules.schemes.push_back(scheme);
    taken = true;
  }
  return taken ? "" : Cat("sha1 behind ", current.word->text, "; expected sha256, sha384 or sha512");
}

std::string AddBits(const Current& current, uint64_t bits, PubkeyRules& rules) {
  if (current.word->types.empty()) return Cat(bits, " behind ", current.word->text, ": expected a key type before the bits");
  for (KeyRule& rule : rules.keys) {
    if (std::ranges::contains(current.word->types, rule.type)) rule.min_bits = static_cast<unsigned>(bits);
  }
  return "";
}

}  // namespace

Parsed<PubkeyRules> ParsePubkeyRules(std::string_view text) {
  PubkeyRules rules;
  constexpr std::string_view kIke = "ike:";
  if (text.starts_with(kIke)) {
    rules.chain = false;
    text.remove_prefix(kIke.size());
  }
  std::vector<Current> words;
  for (std::string_view token : Split(text, '-')) {
    auto* word = std::ranges::find(kWords, token, &Word::text);
    std::string problem;
    if (word != std::end(kWords)) {
      words.push_back({word});
      for (KeyType type : word->types) rules.keys.push_back({type});
    } else if (words.empty()) {
      problem = Cat("\"", Escape(text), "\"; expected psk, pubkey, rsa, rsa/pss, ecdsa, ed25519, ed448 or eddsa");
    } else if (unsigned bits = HashBits(token)) {
      problem = AddHash(words.back(), bits, rules);
    } else if (auto number = ParseInteger(token, 1, 16384)) {
      problem = AddBits(words.back(), *number, rules);
    } else if (token == "md5" || token == "sha224") {
      problem = Cat(token, " is too weak for signatures; expected sha256, sha384 or sha512");
    } else {
      problem = Cat("\"", Escape(token), "\"; expected a key type, a number of bits, sha256, sha384 or sha512");
    }
    if (!problem.empty()) return std::unexpected(problem);
  }
  TakeOpenWords(words, rules);
  return rules;
}

}  // namespace culvert::config
