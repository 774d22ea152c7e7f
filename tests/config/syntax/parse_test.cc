#include "config/syntax/parse.h"

#include <gtest/gtest.h>

#include <chrono>

#include "tests/config/memory_files.h"
#include "tests/config/print.h"

namespace culvert::config {
namespace {

std::string Parse(MemoryFiles& files, const std::string& closed = "") {
  Tree tree;
  Complaints complaints;
  Report report(tree, complaints);
  bool ok = ParseConfig(files, "/etc/d/a.conf", {.dir = "/etc/d", .closed_section = closed}, tree, report);
  std::string out = ok ? Print(tree.root) : "";
  if (!complaints.empty()) out += (out.empty() ? "" : " ") + Print(complaints);
  EXPECT_EQ(ok, !HasErrors(complaints));
  return out;
}

std::string Parse(const std::string& text) {
  MemoryFiles files;
  files.files["/etc/d/a.conf"].text = text;
  return Parse(files);
}

struct Case {
  const char* text;
  const char* expect;
};

TEST(Parse, Syntax) {
  const Case cases[] = {
      {"", ""},
      {"# only a comment", ""},
      {"a = b\nc=d", "a=b; c=d;"},
      {"a { b = c }", "a { b=c; }"},
      {"a{b{c=d}}", "a { b { c=d; } }"},
      {"a\n{\n}", "a { }"},
      {"a # why\n # because\n {}", "a { }"},
      {"a = b c\td # e\n", "a=b c d;"},
      {"a = b\r\nc = d\r\n", "a=b; c=d;"},
      {"a = \"  b  c \" d", "a=  b  c  d;"},
      {"a = \"x\"\"y\"", "a=x y;"},
      {"a = \"tab\\tnl\\nq\\\"b\\\\x\\q\"", "a=tab\tnl\nq\"b\\xq;"},
      {"a = \"one \\\n two\"", "a=one  two;"},
      {"a = \"one \\\r\n two\"", "a=one  two;"},
      {"a = \"one\ntwo\" # c", "a=one\ntwo;"},
      {"a = \"# } {\"", "a=# } {;"},
      {"a { b = c=d, e = f {g}", "a { b=c=d, e = f {g; }"},
      {"a = \n", "a=!;"},
      {"a = b\na =", "a=!;"},
      {"a = b\na = c", "a=c;"},
      {"a { b = c\n d = e }\n a { d = f\n g = h }", "a { b=c; d=f; g=h; }"},
      {"a.b.c = d\na.b { e = f }\na.b.g { }", "a { b { c=d; e=f; g { } } }"},
      {"include = x", "include=x;"},
      {"includes { }", "includes { }"},
      {"a = b#c", "a=b; W a.conf:1: a \"#\" inside a value starts a comment; quote the value if it belongs to it"},
      {"a = b #c", "a=b;"},
      {"dataplane { ports { p { device = net_x,iface=y   addrs = 1.2.3.4/5, 6.7.8.9/1 mtu=5 } } }",
       "dataplane { ports { p { device=net_x,iface=y; addrs=1.2.3.4/5, 6.7.8.9/1; mtu=5; } } }"},
      {"control { a = b c = d }", "control { a=b c = d; }"},
  };
  for (auto& c : cases) EXPECT_EQ(Parse(c.text), c.expect) << c.text;
}

TEST(Parse, SyntaxErrors) {
  const Case cases[] = {
      {"a {\n b = c\n", "E a.conf:1: section \"a\" is not closed; expected a \"}\""},
      {"a = b\n}", "E a.conf:2: a \"}\" without a \"{\""},
      {"a b", "E a.conf:1: expected \"=\" or \"{\" after \"a\""},
      {"a\n= b", "E a.conf:1: expected \"=\" or \"{\" after \"a\""},
      {"a", "E a.conf:1: expected \"=\" or \"{\" after \"a\""},
      {"{ }", "E a.conf:1: unexpected \"{\"; expected a section, a key or an include"},
      {"\n \"a\" = b", "E a.conf:2: unexpected \"\\x22\"; expected a section, a key or an include"},
      {"a. = b", "E a.conf:1: unexpected \" \"; expected a section, a key or an include"},
      {"a : { }", "E a.conf:1: unexpected \"{\"; expected a section, a key or an include"},
      {"a : b,", "E a.conf:1: the file ends where a name was expected"},
      {"a : b = c", "E a.conf:1: expected \"=\" or \"{\" after \"a\""},
      {"a = \"b\nc", "E a.conf:1: the string is not closed; expected a '\"'"},
      {"a = \"b\\", "E a.conf:1: the string is not closed; expected a '\"'"},
      {"a = b, \\\n c", "E a.conf:1: a \"\\\" at the end of a line joins lines only inside quotes"},
      {"a\x01 = b", "E a.conf:1: name \"a\\x01\": expected printable ASCII characters"},
      {"\xef\xbb\xbf"
       "a = b",
       "E a.conf:1: starts with a byte order mark; expected plain UTF-8"},
      {"include \n", "E a.conf:1: include: expected a file name or pattern"},
      {"x\ninclude nowhere.conf", "E a.conf:1: expected \"=\" or \"{\" after \"x\""},
      {"x = 1\ninclude nowhere.conf", "E a.conf:2: include \"nowhere.conf\": cannot be opened: No such file or directory"},
      {"x = 1\ninclude /opt/where.conf",
       "E a.conf:2: include \"/opt/where.conf\": cannot be opened: No such file or directory"},
  };
  for (auto& c : cases) EXPECT_EQ(Parse(c.text), c.expect) << c.text;
  EXPECT_EQ(Parse(std::string("a = b\nc = d\0e", 13)), "E a.conf:2: a NUL character; expected text");
  EXPECT_EQ(Parse(std::string(256, 'n') + " = 1"), "E a.conf:1: the name is too long; expected at most 255 characters");
}

TEST(Parse, IncludesExtendTheSectionTheyStandIn) {
  MemoryFiles files;
  files.files["/etc/d/a.conf"].text =
      "s { k = old\n include b.conf # comment\n include \"sub/*.conf\"\n }\ninclude none*.conf\n";
  files.files["/etc/d/b.conf"].text = "k = new\nt { x = 1 }";
  files.files["/etc/d/sub/1.conf"].text = "include deeper.inc";
  files.files["/etc/d/sub/2.conf"].text = "two = 2";
  files.files["/etc/d/sub/deeper.inc"].text = "t { y = 2 }";
  EXPECT_EQ(Parse(files), "s { k=new; two=2; t { x=1; y=2; } }");
}

TEST(Parse, ErrorsNameTheIncludedFileAndLine) {
  MemoryFiles files;
  files.files["/etc/d/a.conf"].text = "include sub/b.conf";
  files.files["/etc/d/sub/b.conf"].text = "\n\n oops";
  EXPECT_EQ(Parse(files), "E sub/b.conf:3: expected \"=\" or \"{\" after \"oops\"");
}

TEST(Parse, IncludeLoopsAreFound) {
  MemoryFiles files;
  files.files["/etc/d/a.conf"].text = "x = 1\ninclude b.conf";
  files.files["/etc/d/b.conf"].text = "include a.*";
  EXPECT_EQ(Parse(files), "E b.conf:1: include \"a.conf\": includes itself");
  // A loop that never names a file twice alike ends at the depth.
  files.files.clear();
  files.files["/etc/d/a.conf"].text = "include x/a.conf";
  for (std::string path = "/etc/d/x/"; path.size() < 210; path += "x/") files.files[path + "a.conf"].text = "include x/a.conf";
  EXPECT_TRUE(Parse(files).ends_with("nested too deep; expected at most 16 files")) << Parse(files);
}

TEST(Parse, IncludesThatMultiplyEndAtTheFileCap) {
  MemoryFiles files;
  for (char c = 'a'; c < 'o'; ++c) {
    std::string next = std::string("include ") + static_cast<char>(c + 1) + ".conf\n";
    files.files[std::string("/etc/d/") + c + ".conf"].text = next + next;
  }
  files.files["/etc/d/o.conf"].text = "x = 1";
  EXPECT_TRUE(Parse(files).ends_with("too many files; expected at most 4096"));
}

TEST(Parse, AClosedSectionOpensNothing) {
  MemoryFiles files;
  files.files["/etc/d/a.conf"].text =
      "control { include secret.conf\n deeper { include secret.conf\n } }\ncontrol.x { include secret.conf\n }\n"
      "other { include plain.conf\n }\n";
  files.files["/etc/d/secret.conf"].text = "secret = 1";
  files.files["/etc/d/plain.conf"].text = "p = 1";
  EXPECT_EQ(Parse(files, "control"), "control { deeper { } x { } } other { p=1; }");
  EXPECT_EQ(files.opened.count("/etc/d/secret.conf"), 0u);
  EXPECT_EQ(Parse(files), "control { secret=1; deeper { secret=1; } x { secret=1; } } other { p=1; }");
}

// hostile.md B68: an error within two seconds, whatever is fed.
TEST(Parse, HostileInputIsRefusedSoon) {
  auto soon = [](const std::string& text, const char* expect) {
    auto start = std::chrono::steady_clock::now();
    EXPECT_EQ(Parse(text), expect);
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));  // ten times the limit: sanitizers, load
  };
  soon("a = " + std::string(10 << 20, 'x'), "E a.conf:1: the line is too long; expected at most 131072 octets");
  soon("# " + std::string(10 << 20, 'x'), "E a.conf:1: the line is too long; expected at most 131072 octets");
  soon("a = \"" + std::string(70000, 'x') + "\"", "E a.conf:1: the value is too long; expected at most 65535 octets");
  std::string lines = "a = \"";
  for (int i = 0; i < 200000; ++i) lines += "0123456789\n";
  soon(lines, "E a.conf:5958: the value is too long; expected at most 65535 octets");
  std::string nested;
  for (int i = 0; i < 60000; ++i) nested += "a{";
  soon(nested, "E a.conf:1: sections nested too deep; expected at most 32");
  std::string many;
  for (int i = 0; i < 600000; ++i) many += "k" + std::to_string(i) + "=\n";
  soon(many, "E a.conf:500001: too many sections and keys; expected at most 500000 in all files together");
}

TEST(DiskFiles, RefusesWhatIsNoFile) {
  DiskFiles files;
  EXPECT_EQ(files.Read("/dev/zero", 100).error(), "is no regular file");
  EXPECT_EQ(files.Read("/", 100).error(), "is no regular file");
  EXPECT_EQ(files.Read("/nonexistent", 100).error(), "cannot be opened: No such file or directory");
}

}  // namespace
}  // namespace culvert::config
