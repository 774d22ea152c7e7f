#include "config/syntax/inherit.h"

#include <gtest/gtest.h>

#include "config/syntax/parse.h"
#include "tests/config/memory_files.h"
#include "tests/config/print.h"

namespace culvert::config {
namespace {

// The section "top" of the text with its inheritance written out.
std::string InheritIn(const std::string& text) {
  MemoryFiles files;
  files.files["/etc/d/a.conf"].text = text;
  Tree tree;
  Complaints complaints;
  Report report(tree, complaints);
  if (!ParseConfig(files, "/etc/d/a.conf", {.dir = "/etc/d", .closed_section = ""}, tree, report)) return Print(complaints);
  const Section* top = tree.root.FindSection("top");
  std::string out = Print(Inherit(tree, top ? *top : tree.root, report));
  return complaints.empty() ? out : out + " " + Print(complaints);
}

TEST(Inherit, Table) {
  struct Case {
    const char* text;
    const char* expect;
  };
  // The first seven agree with what swanctl 6.0.1 sends for the same file.
  const Case cases[] = {
      {"a : b { }\nb { k = 1\n s { t = 2 } }", "a { k=1; s { t=2; } } b { k=1; s { t=2; } }"},
      {"a : b { k = 2\n s { u = 3 } }\nb { k = 1\n s { t = 2 } }", "a { k=2; s { u=3; t=2; } } b { k=1; s { t=2; } }"},
      {"a : b { k =\n }\nb { k = 1 }", "a { } b { k=1; }"},
      {"a : b, c { }\nb { k = 1\n u =\n }\nc { k = 2\n l = 3\n u = 4 }", "a { k=1; l=3; } b { k=1; } c { k=2; l=3; u=4; }"},
      {"a : b { }\na : c { }\nb { k = 1 }\nc { l = 2 }", "a { k=1; l=2; } b { k=1; } c { l=2; }"},
      {"x : y.z { }\ny { z : w { k = 1 } }\nw { l = 2 }", "x { k=1; l=2; } y { z { k=1; l=2; } } w { l=2; }"},
      {"a : b { s { n : m { } } }\nb { s { n { p = 1 } } }\nm { q = 2 }",
       "a { s { n { q=2; p=1; } } } b { s { n { p=1; } } } m { q=2; }"},
      {"top { a : b { }\n b { k = 1 } }\nb { k = 2 }", "a { k=1; } b { k=1; }"},
      {"top { a : b { } }\nb { k = 2 }", "a { k=2; }"},
      {"top { a : top.b { }\n b { k = 1 } }", "a { k=1; } b { k=1; }"},
      {"a :\n nowhere { k = 1 }", "a { k=1; } E a.conf:2: \"nowhere\" is no section to inherit from"},
      {"a : b { k = 1 }\nb : a { l = 2 }", "a { k=1; l=2; } b { l=2; } E a.conf:2: inheriting from \"a\" goes in a circle"},
      {"a : a { k = 1 }", "a { k=1; } E a.conf:1: inheriting from \"a\" goes in a circle"},
      {"a : a.b { b { k = 1 } }", "a { b { k=1; } } E a.conf:1: inheriting from \"a.b\" goes in a circle"},
  };
  for (auto& c : cases) EXPECT_EQ(InheritIn(c.text), c.expect) << c.text;
}

TEST(Inherit, EndlessNestingIsAnError) {
  EXPECT_TRUE(InheritIn("a { b : a { k = 1 } }").ends_with("E a.conf:1: b: inherits sections nested deeper than 32"));
}

TEST(Inherit, GrowthIsBounded) {
  std::string doubling = "s0 { k = 1 }\n", chain = "c0 { k = 1 }\n";
  for (int i = 1; i <= 30; ++i) {
    auto from = "s" + std::to_string(i - 1);
    doubling += "s" + std::to_string(i) + " { l : " + from + " { }\n r : " + from + " { } }\n";
  }
  EXPECT_TRUE(
      InheritIn(doubling).ends_with("too many sections and keys once inheritance is written out; expected at most 20456"));
  for (int i = 1; i <= 3000; ++i) chain += "c" + std::to_string(i) + " : c" + std::to_string(i - 1) + " { }\n";
  EXPECT_NE(InheritIn("z : c3000 { }\n" + chain).find("inherits through more than 64 sections"), std::string::npos);
}

}  // namespace
}  // namespace culvert::config
