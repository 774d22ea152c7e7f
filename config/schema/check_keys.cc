#include "config/schema/check_keys.h"

#include <algorithm>
#include <vector>

#include "common/bytes/hex.h"
#include "config/schema/values.h"
#include "config/suggest.h"
#include "config/text.h"

namespace culvert::config {
namespace {

std::string Quote(std::string_view text) { return Cat("\"", Escape(text), "\""); }

std::string Join(const std::string& path, std::string_view name) {
  std::string shown = Escape(name);
  return path.empty() ? shown : Cat(path, ".", shown);
}

template <typename T>
std::string Problem(const Parsed<T>& parsed) {
  return parsed ? "" : parsed.error();
}

template <typename Parse>
std::string FirstProblem(const Value& value, Parse parse) {
  for (const std::string& item : Items(value)) {
    if (auto problem = Problem(parse(item)); !problem.empty()) return problem;
  }
  return "";
}

// Several proposals may be wrong alone: the error names the one.
std::string ProposalProblem(const Value& value, Type of) {
  for (const std::string& item : Items(value)) {
    if (item == "default") continue;
    // Under which profile it stands shows only when the connection is read.
    constexpr Profile kAny = Profile::kLegacy;
    auto problem = of == Type::kIkeProposals ? Problem(ParseIkeProposal(item, kAny))
                                             : Problem(ParseEspProposal(item, of == Type::kAhProposals, kAny));
    if (!problem.empty()) return Cat("proposal ", Quote(item), ": ", problem);
  }
  return "";
}

std::vector<std::string_view> Words(const Key& key) { return Split(key.words, ' '); }

std::string WordProblem(const Key& key, const std::string& text) {
  auto words = Words(key);
  if (std::ranges::find(words, text) != words.end()) return "";
  std::string expected;
  for (size_t i = 0; i < words.size(); ++i) {
    expected += i == 0 ? "" : i + 1 == words.size() ? " or " : ", ";
    expected += words[i];
  }
  return Cat(Quote(text), "; expected ", expected);
}

// "1h" and "3600s" are the same: a key at its default is no request for anything.
bool IsDefault(const Key& key, const Value& value) {
  if (value.text == key.fallback) return true;
  switch (key.type) {
    case Type::kBool: return ParseBool(value.text) == ParseBool(key.fallback);
    case Type::kTime: return ParseTime(value.text) == ParseTime(key.fallback);
    case Type::kSize: return ParseSize(value.text) == ParseSize(key.fallback);
    case Type::kInteger: return ParseInteger(value.text, key.min, key.max) == ParseInteger(key.fallback, key.min, key.max);
    default: return false;
  }
}

void Judge(Verdict verdict, std::string_view about, Origin where, const std::string& shown, Report& report) {
  switch (verdict) {
    case Verdict::kWorks: return;
    case Verdict::kNoMeaning: return report.Warn(where, shown, Cat("has no effect: ", about));
    case Verdict::kNotYet: return report.Warn(where, shown, Cat("not supported yet and ignored: ", about));
    case Verdict::kNotYetRefused: return report.Error(where, shown, Cat("not supported yet, and not to be ignored: ", about));
    case Verdict::kRefused: return report.Error(where, shown, Cat("refused: ", about));
  }
}

void CheckOne(const Key& key, const Value& value, const std::string& shown, Report& report) {
  if (IsDefault(key, value)) return;
  if (auto problem = CheckValue(key, value); !problem.empty()) return report.Error(value.origin, shown, problem);
  if (key.type == Type::kWord) {
    if (auto* word = FindWordVerdict(key.path, value.text))
      return Judge(word->verdict, word->about, value.origin, shown, report);
  }
  Judge(key.verdict, key.about, value.origin, shown, report);
}

std::string Suggest(std::span<const Key* const> rows, std::string_view name) {
  std::vector<std::string_view> names;
  for (const Key* k : rows) {
    auto segment = LastSegment(k->path);
    if (auto fixed = segment.substr(0, segment.find('<')); !fixed.empty()) names.push_back(fixed);
  }
  return DidYouMean(name, names);
}

void UnknownKey(const SectionRule& rule, const Value& value, const std::string& shown, Report& report) {
  if (FindKey(rule.sections, value.name)) {
    return report.Error(value.origin, shown, Cat("is a section; expected ", value.name, " { }"));
  }
  report.Error(value.origin, shown, Cat("unknown key", Suggest(rule.keys, value.name)));
}

void UnknownSection(const SectionRule& rule, const Section& section, const std::string& shown, Report& report) {
  if (FindKey(rule.keys, section.name)) {
    return report.Error(section.origin, shown, Cat("is a key; expected ", section.name, " = a value"));
  }
  report.Error(section.origin, shown, Cat("unknown section", Suggest(rule.sections, section.name)));
}

// `control` takes swanctl.conf's sections beside its own; they keep their paths, in the table and in complaints.
SectionRule RuleFor(std::string_view rule_path) {
  const SectionRule* found = FindSectionRule(rule_path);
  SectionRule rule = found ? *found : SectionRule{};
  if (rule_path == "control") {
    for (const Key* k : FindSectionRule("")->sections) {
      if (k->path != "control" && k->path != "dataplane") rule.sections.push_back(k);
    }
  }
  return rule;
}

}  // namespace

std::string CheckValue(const Key& key, const Value& value) {
  const std::string& text = value.text;
  constexpr Type kLists[] = {Type::kList,         Type::kIkeProposals, Type::kEspProposals, Type::kAhProposals,
                             Type::kSelectors,    Type::kPeerAddresses, Type::kPortAddresses};
  if (value.list && !std::ranges::contains(kLists, key.type)) return "is a list; expected one value";
  switch (key.type) {
    case Type::kBool: return ParseBool(text) ? "" : Cat(Quote(text), "; expected yes or no");
    case Type::kInteger: return Problem(ParseInteger(text, key.min, key.max));
    case Type::kFraction: return Problem(ParseFraction(text, static_cast<double>(key.min), static_cast<double>(key.max)));
    case Type::kTime: return Problem(ParseTime(text));
    case Type::kSize: return Problem(ParseSize(text));
    case Type::kWord: return WordProblem(key, text);
    case Type::kIkeProposals:
    case Type::kEspProposals:
    case Type::kAhProposals: return ProposalProblem(value, key.type);
    case Type::kSelectors: return FirstProblem(value, ParseSelector);
    case Type::kPeerAddresses: return FirstProblem(value, ParsePeerAddress);
    case Type::kPortAddresses: return FirstProblem(value, ParsePortAddress);
    case Type::kPrefix: return IpPrefix::Parse(text) ? "" : Cat(Quote(text), "; expected a prefix such as 10.0.0.0/8");
    case Type::kAddress: return IpAddress::Parse(text) ? "" : Cat(Quote(text), "; expected an address");
    case Type::kSecret: return Problem(ParseSecret(text));
    case Type::kText:
    case Type::kList:
    case Type::kSection:
    case Type::kOpenSection: break;
  }
  return "";
}

void CheckKeys(const Section& section, std::string_view rule_path, const std::string& shown, Report& report) {
  const SectionRule rule = RuleFor(rule_path);
  for (const Value& value : section.values()) {
    if (report.full()) return;
    auto path = Join(shown, value.name);
    if (const Key* key = FindKey(rule.keys, value.name)) {
      CheckOne(*key, value, path, report);
    } else {
      UnknownKey(rule, value, path, report);
    }
  }
  for (const Section& child : section.sections()) {
    if (report.full()) return;
    const Key* key = FindKey(rule.sections, child.name);
    auto path = Join(key && !key->path.contains('.') ? "" : shown, child.name);
    if (!key) {
      if (!child.referenced) UnknownSection(rule, child, path, report);
      continue;
    }
    Judge(key->verdict, key->about, child.origin, path, report);
    if (key->type == Type::kSection) CheckKeys(child, key->path, path, report);
  }
}

}  // namespace culvert::config
