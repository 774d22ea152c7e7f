#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// The one table of everything that may be written in culvert.conf and swanctl.conf, and what is done with it. Building a
// feature flips its rows here; config/README.md prints the table, and a test keeps the two together.
namespace culvert::config {

enum class Type : uint8_t {
  kSection,      // { }
  kOpenSection,  // { } with anything inside: settings of parts that do not exist here
  kBool,
  kInteger,      // min..max
  kFraction,     // min..max
  kTime,
  kSize,
  kWord,         // one of `words`
  kText,
  kList,
  kIkeProposals,
  kEspProposals,
  kAhProposals,
  kSelectors,
  kPeerAddresses,
  kPortAddresses,
  kPrefix,
  kAddress,
  kSecret,
};

enum class Verdict : uint8_t {
  kWorks,
  kNoMeaning,      // accepted with one warning: nothing here corresponds to it
  kRefused,        // an error: ignoring it would change what is protected, and it will not come
  kNotYet,         // accepted with one warning: ignoring it is harmless until it is built
  kNotYetRefused,  // an error until it is built: ignoring it would weaken or change what was asked for
};

struct Key {
  // Dotted. "<name>" stands for any name, "local<suffix>" for any that starts with "local".
  std::string_view path;
  Type type;
  // As it would be written; empty: none. A key set to its default is never complained about.
  std::string_view fallback;
  Verdict verdict;
  std::string_view about;        // what it is; with another verdict than kWorks also why, and what to use instead
  uint64_t min = 0, max = 0;     // of kInteger and kFraction
  std::string_view words = {};   // of kWord, between blanks
};

// A verdict of its own for one value of a kWord key.
struct WordVerdict {
  std::string_view path, word;
  Verdict verdict;
  std::string_view about;
};

std::span<const Key> AllKeys();
std::span<const WordVerdict> AllWordVerdicts();
const WordVerdict* FindWordVerdict(std::string_view path, std::string_view word);

// What one kind of section may hold.
struct SectionRule {
  std::vector<const Key*> keys, sections;
};
// By the section's path in the table ("connections.<conn>"); null where there is no such section.
const SectionRule* FindSectionRule(std::string_view path);

// The row for a name: spelled exactly, else the longest fitting "prefix<suffix>", else "<any>". Null: unknown.
const Key* FindKey(std::span<const Key* const> rows, std::string_view name);

std::string_view LastSegment(std::string_view path);   // "connections.<conn>.version" -> "version"
std::string_view Name(Type type);                      // for people: "time", "list of proposals"
std::string_view Name(Verdict verdict);                // for people: "works", "not yet (warning)"

}  // namespace culvert::config
