#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

// What was configured, before it means anything: sections, keys and lists, each with the place it came from. The file
// parser (syntax/parse.h) makes one; a VICI message becomes one; the loaders turn either into the model.
namespace culvert::config {

struct Origin {
  uint32_t file = 0;      // index into Tree::files
  uint32_t line = 0;      // from 1; 0 where the source has no lines
};

// Values may be secrets: the text is wiped when the value goes or moves on.
struct Value {
  Value() = default;
  Value(std::string key, std::string value, Origin where);
  Value(Value&& o) noexcept;
  Value& operator=(Value&& o) noexcept;
  ~Value();
  Value Clone() const;

  std::string name;
  std::string text;                                  // as written, unquoted; of a list that came as one (VICI): empty
  std::unique_ptr<std::vector<std::string>> list;    // only where the source knows lists
  Origin origin;
  bool unset = false;                                // `key =`: hides an inherited value
};

struct Reference {        // `name : other.section { }`
  std::string path;       // dotted
  Origin origin;
};

class Section {
 public:
  Section() = default;
  Section(std::string section_name, Origin where) : name(std::move(section_name)), origin(where) {}

  // Names are unique within each of the two lists, whose order is the source's. Look-up is linear in few entries and
  // hashed in many, so that no input makes merging quadratic.
  const Value* FindValue(std::string_view key) const;
  const Section* FindSection(std::string_view child) const;
  Value* FindValue(std::string_view key) { return const_cast<Value*>(std::as_const(*this).FindValue(key)); }
  Section* FindSection(std::string_view child) { return const_cast<Section*>(std::as_const(*this).FindSection(child)); }
  // The caller has made sure that the name is new. The reference holds until the next add.
  Value& AddValue(Value value);
  Section& AddSection(Section child);

  const std::vector<Value>& values() const { return values_; }
  const std::vector<Section>& sections() const { return sections_; }

  std::string name;
  Origin origin;
  std::vector<Reference> references;                 // of a parsed tree; none once inheritance is resolved
  bool referenced = false;                           // set on resolving: another section takes from this one

 private:
  using Index = std::unordered_map<std::string, uint32_t>;

  std::vector<Value> values_;
  std::vector<Section> sections_;
  std::unique_ptr<Index> value_index_, section_index_;  // present from kIndexedFrom entries on
};

struct Tree {
  Section root;
  std::vector<std::string> files;                    // as complaints name them
  std::vector<bool> world_readable;                  // per file: its mode lets others read it
  size_t nodes = 0;                                  // sections, keys and references as written

  std::string Where(Origin o) const;                 // "swanctl.conf:12", or "vici" where there are no lines
};

void WipeText(std::string& text);

}  // namespace culvert::config
