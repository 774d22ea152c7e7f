#include "config/syntax/parse.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include "common/bytes/hex.h"
#include "config/text.h"

namespace culvert::config {
namespace {

constexpr std::string_view kBlanks = " \t\r";
constexpr size_t kScratch = 256;  // octets; a secret that fits leaves no copy behind where its buffer grew
constexpr std::string_view kEndsName = "#{}:.,=\"\r\n\t ";

// One file being read.
struct Cursor {
  std::string_view text;
  std::string path;   // to resolve relative includes
  uint32_t file = 0;  // index into Tree::files
  uint32_t line = 1;
  size_t at = 0;

  bool done() const { return at >= text.size(); }
  char peek() const { return done() ? '\0' : text[at]; }  // NUL never occurs in the text: it was refused
  char take() {
    char c = text[at++];
    if (c == '\n') ++line;
    return c;
  }
  Origin origin() const { return {file, line}; }
  void SkipBlanks() {
    while (!done() && kBlanks.contains(peek())) take();
  }
  void SkipComment() {
    while (!done() && peek() != '\n') take();
  }
  void SkipSpace() {  // blanks, line ends and comments
    while (!done()) {
      if (peek() == '#')
        SkipComment();
      else if (peek() == '\n' || kBlanks.contains(peek()))
        take();
      else
        return;
    }
  }
};

// What holds for everything inside one top-level section.
struct Room {
  bool includes_open = true;
  bool pairs_share_lines = false;
  unsigned depth = 0;
};

std::string Quote(std::string_view text) { return Cat("\"", Escape(text), "\""); }

std::string Directory(const std::string& path) {
  auto slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash + 1);
}

class Parser {
 public:
  Parser(FileSource& files, const ParseOptions& options, Tree& tree, Report& report)
      : files_(files), options_(options), tree_(tree), report_(report) {}

  bool File(const std::string& path, Origin included_from, Section& into, Room room);

 private:
  bool Fail(Origin where, std::string_view problem) {
    report_.Error(where, "", problem);
    return false;
  }
  bool Clean(const Cursor& c);
  bool Statements(Cursor& c, Section& into, Room room, const Origin* brace);
  bool Statement(Cursor& c, Section& into, Room room);
  bool Name(Cursor& c, std::string& name);
  bool DottedName(Cursor& c, std::vector<std::string>& names);
  bool References(Cursor& c, std::vector<Reference>& to);
  bool Body(Cursor& c, Section& into, Room room);
  bool ReadValue(Cursor& c, std::string& value, bool pairs_share_lines);
  bool Word(Cursor& c, std::string& value);
  bool Quoted(Cursor& c, std::string& value);
  bool SetValue(Section& into, std::string name, const std::string& text, Origin where);
  bool Include(Cursor& c, Section& into, Room room);
  bool Pattern(Cursor& c, std::string& pattern);
  bool Descend(std::vector<std::string>& names, Origin where, Section*& into, Room& room);
  bool CountNode(Origin where);

  FileSource& files_;
  const ParseOptions& options_;
  Tree& tree_;
  Report& report_;
  std::vector<std::string> open_;  // paths of the files being read, outermost first
  size_t text_left_ = kMaxConfigText;
};

bool Parser::CountNode(Origin where) {
  if (++tree_.nodes <= kMaxConfigNodes) return true;
  return Fail(where, Cat("too many sections and keys; expected at most ", kMaxConfigNodes, " in all files together"));
}

bool Parser::File(const std::string& path, Origin included_from, Section& into, Room room) {
  std::string shown =
      !options_.dir.empty() && path.starts_with(options_.dir + "/") ? path.substr(options_.dir.size() + 1) : path;
  bool outermost = open_.empty();
  // What is wrong with a file as a whole is said where it is included.
  auto fail = [&](const std::string& problem) {
    if (outermost) tree_.files.push_back(shown);
    return outermost ? Fail({}, problem) : Fail(included_from, Cat("include ", Quote(shown), ": ", problem));
  };
  if (std::ranges::find(open_, path) != open_.end()) return fail("includes itself");
  if (open_.size() >= kMaxIncludeDepth) return fail(Cat("nested too deep; expected at most ", kMaxIncludeDepth, " files"));
  if (tree_.files.size() >= kMaxConfigFiles) return fail(Cat("too many files; expected at most ", kMaxConfigFiles));
  auto read = files_.Read(path, text_left_);
  if (!read) return fail(read.error());
  text_left_ -= read->text.size();
  Cursor c{.text = read->text, .path = path, .file = static_cast<uint32_t>(tree_.files.size())};
  tree_.files.push_back(shown);
  tree_.world_readable.push_back(read->world_readable);
  open_.push_back(path);
  bool ok = Clean(c) && Statements(c, into, room, nullptr);
  open_.pop_back();
  WipeText(read->text);
  return ok;
}

bool Parser::Clean(const Cursor& c) {
  if (c.text.starts_with("\xef\xbb\xbf")) return Fail({c.file, 1}, "starts with a byte order mark; expected plain UTF-8");
  Origin at{c.file, 1};
  size_t start = 0;
  for (size_t i = 0; i < c.text.size(); ++i) {
    if (c.text[i] == '\0') return Fail(at, "a NUL character; expected text");
    if (i - start > kMaxLine) return Fail(at, Cat("the line is too long; expected at most ", kMaxLine, " octets"));
    if (c.text[i] == '\n') {
      ++at.line;
      start = i + 1;
    }
  }
  return true;
}

// Up to the closing brace, or to the end of the file where `brace` is null. Braces pair within one file.
bool Parser::Statements(Cursor& c, Section& into, Room room, const Origin* brace) {
  for (;;) {
    c.SkipSpace();
    if (c.done()) return !brace || Fail(*brace, Cat("section ", Quote(into.name), " is not closed; expected a \"}\""));
    if (c.peek() == '}') {
      if (!brace) return Fail(c.origin(), "a \"}\" without a \"{\"");
      c.take();
      return true;
    }
    if (!Statement(c, into, room)) return false;
  }
}

bool Parser::Statement(Cursor& c, Section& into, Room room) {
  Origin where = c.origin();
  std::vector<std::string> names;
  if (!DottedName(c, names)) return false;
  bool blank = !c.done() && (c.peek() == ' ' || c.peek() == '\t');
  c.SkipBlanks();
  if (names.size() == 1 && names[0] == "include" && blank && c.peek() != '=') return Include(c, into, room);
  std::string name = std::move(names.back());
  names.pop_back();
  Section* to = &into;
  if (c.peek() == '=') {
    c.take();
    std::string value;
    value.reserve(kScratch);
    bool ok = Descend(names, where, to, room) && ReadValue(c, value, room.pairs_share_lines) &&
              SetValue(*to, std::move(name), value, where);
    WipeText(value);
    return ok;
  }
  std::vector<Reference> references;
  if (c.peek() == ':' && !References(c, references)) return false;
  c.SkipSpace();
  if (c.peek() != '{') return Fail(where, Cat("expected \"=\" or \"{\" after ", Quote(name)));
  names.push_back(std::move(name));
  if (!Descend(names, where, to, room)) return false;
  std::ranges::move(references, std::back_inserter(to->references));
  return Body(c, *to, room);
}

bool Parser::Body(Cursor& c, Section& into, Room room) {
  Origin brace = c.origin();
  c.take();
  return Statements(c, into, room, &brace);
}

// Walks to the named section below `into`, making what is missing.
bool Parser::Descend(std::vector<std::string>& names, Origin where, Section*& into, Room& room) {
  for (std::string& name : names) {
    if (room.depth == 0) {
      room.includes_open = name != options_.closed_section;
      room.pairs_share_lines = name == "dataplane";
    }
    if (++room.depth > kMaxSectionDepth)
      return Fail(where, Cat("sections nested too deep; expected at most ", kMaxSectionDepth));
    Section* child = into->FindSection(name);
    if (!child) {
      if (!CountNode(where)) return false;
      child = &into->AddSection(Section(std::move(name), where));
    }
    into = child;
  }
  return true;
}

bool Parser::Name(Cursor& c, std::string& name) {
  size_t start = c.at;
  while (!c.done() && !kEndsName.contains(c.peek())) c.take();
  std::string_view text = c.text.substr(start, c.at - start);
  if (text.empty()) {
    if (c.done()) return Fail(c.origin(), "the file ends where a name was expected");
    return Fail(c.origin(), Cat("unexpected \"", Escape(std::string_view(&c.text[c.at], 1)),
                                "\"; expected a section, a key or an include"));
  }
  if (text.size() > kMaxNameText)
    return Fail(c.origin(), Cat("the name is too long; expected at most ", kMaxNameText, " characters"));
  auto printable = [](char x) { return x > 0x20 && x < 0x7f; };
  if (!std::ranges::all_of(text, printable))
    return Fail(c.origin(), Cat("name ", Quote(text), ": expected printable ASCII characters"));
  name = text;
  return true;
}

bool Parser::DottedName(Cursor& c, std::vector<std::string>& names) {
  for (;;) {
    if (!Name(c, names.emplace_back())) return false;
    if (c.peek() != '.') return true;
    c.take();
  }
}

bool Parser::References(Cursor& c, std::vector<Reference>& to) {
  do {
    c.take();  // ':' or ','
    c.SkipSpace();
    Origin where = c.origin();
    std::vector<std::string> names;
    if (!DottedName(c, names)) return false;
    std::string path = names[0];
    for (size_t i = 1; i < names.size(); ++i) path += "." + names[i];
    if (!CountNode(where)) return false;
    to.push_back({std::move(path), where});
    c.SkipSpace();
  } while (c.peek() == ',');
  return true;
}

// True where the text goes on with "name =": the start of the next pair on the line.
bool StartsPair(std::string_view text) {
  size_t n = 0;
  while (n < text.size() && (std::isalnum(static_cast<unsigned char>(text[n])) || text[n] == '_' || text[n] == '-')) ++n;
  auto rest = text.substr(n);
  auto equals = rest.find_first_not_of(" \t");
  return n > 0 && equals != std::string_view::npos && rest[equals] == '=';
}

bool Parser::ReadValue(Cursor& c, std::string& value, bool pairs_share_lines) {
  bool first = true;
  for (;;) {
    c.SkipBlanks();
    if (c.done() || std::string_view("\n#}").contains(c.peek())) return true;
    if (pairs_share_lines && !first && StartsPair(c.text.substr(c.at, kMaxNameText))) return true;
    if (!first) value += ' ';
    first = false;
    if (!(c.peek() == '"' ? Quoted(c, value) : Word(c, value))) return false;
    if (value.size() > kMaxValueText)
      return Fail(c.origin(), Cat("the value is too long; expected at most ", kMaxValueText, " octets"));
  }
}

bool Parser::Word(Cursor& c, std::string& value) {
  size_t start = c.at;
  while (!c.done() && !std::string_view("#}\"\r\n\t ").contains(c.peek())) c.take();
  std::string_view word = c.text.substr(start, c.at - start);
  if (c.peek() == '#')
    report_.Warn(c.origin(), "", "a \"#\" inside a value starts a comment; quote the value if it belongs to it");
  auto after = c.text.find_first_not_of(kBlanks, c.at);
  if (word.ends_with('\\') && (after == std::string_view::npos || c.text[after] == '\n')) {
    return Fail(c.origin(), "a \"\\\" at the end of a line joins lines only inside quotes");
  }
  value += word;
  return true;
}

bool Parser::Quoted(Cursor& c, std::string& value) {
  Origin where = c.origin();
  c.take();
  while (!c.done() && value.size() <= kMaxValueText) {
    char x = c.take();
    if (x == '"') return true;
    if (x == '\r') continue;
    if (x != '\\') {
      value += x;
      continue;
    }
    if (c.done()) break;
    char escaped = c.take();
    if (escaped == '\r' && c.peek() == '\n') escaped = c.take();
    switch (escaped) {
      case '\n': break;
      case 'n': value += '\n'; break;
      case 'r': value += '\r'; break;
      case 't': value += '\t'; break;
      default: value += escaped;
    }
  }
  return c.done() ? Fail(where, "the string is not closed; expected a '\"'") : true;
}

bool Parser::SetValue(Section& into, std::string name, const std::string& text, Origin where) {
  Value value(std::move(name), text, where);
  value.unset = value.text.empty();
  if (Value* old = into.FindValue(value.name)) {
    *old = std::move(value);
    return true;
  }
  if (!CountNode(where)) return false;
  into.AddValue(std::move(value));
  return true;
}

bool Parser::Pattern(Cursor& c, std::string& pattern) {
  if (c.peek() == '"') return Quoted(c, pattern);
  while (!c.done() && !std::string_view("#}\"\r\n\t ").contains(c.peek())) {
    char x = c.take();
    bool escapes = x == '\\' && !c.done() && std::string_view("\"#} ").contains(c.peek());
    pattern += escapes ? c.take() : x;
  }
  return true;
}

bool Parser::Include(Cursor& c, Section& into, Room room) {
  Origin where = c.origin();
  std::string pattern;
  if (!Pattern(c, pattern)) return false;
  if (pattern.empty()) return Fail(where, "include: expected a file name or pattern");
  if (!room.includes_open) return true;
  if (pattern[0] != '/') pattern = Directory(c.path) + pattern;
  if (pattern.find_first_of("*?[") == std::string::npos) return File(pattern, where, into, room);
  for (const std::string& path : files_.Glob(pattern)) {
    if (!File(path, where, into, room)) return false;
  }
  return true;
}

}  // namespace

bool ParseConfig(FileSource& files, const std::string& path, const ParseOptions& options, Tree& tree, Report& report) {
  return Parser(files, options, tree, report).File(path, {}, tree.root, Room{});
}

}  // namespace culvert::config
