#include "config/tree.h"

#include <gtest/gtest.h>

#include "tests/config/print.h"

namespace culvert::config {
namespace {

TEST(Section, FindsInFewAndInMany) {
  Section s;
  for (int i = 0; i < 100; ++i) {
    auto name = "k" + std::to_string(i);
    EXPECT_EQ(s.FindValue(name), nullptr);
    EXPECT_EQ(s.FindSection(name), nullptr);
    s.AddValue(Value(name, std::to_string(i), {}));
    s.AddSection(Section(name, {}));
    for (int j = 0; j <= i; ++j) {
      auto* v = s.FindValue("k" + std::to_string(j));
      ASSERT_NE(v, nullptr);
      EXPECT_EQ(v->text, std::to_string(j));
      ASSERT_NE(s.FindSection("k" + std::to_string(j)), nullptr);
    }
  }
  EXPECT_EQ(s.FindValue("k100"), nullptr);
}

TEST(Section, MovesWithItsIndex) {
  Section s;
  for (int i = 0; i < 40; ++i) s.AddValue(Value("k" + std::to_string(i), "v", {}));
  Section moved = std::move(s);
  EXPECT_NE(moved.FindValue("k39"), nullptr);
  moved.AddValue(Value("new", "v", {}));
  EXPECT_NE(moved.FindValue("new"), nullptr);
}

TEST(Value, ClonesListsAndUnsets) {
  Value v("k", "", {1, 2});
  v.list = std::make_unique<std::vector<std::string>>(std::vector<std::string>{"a", "b"});
  v.unset = true;
  Value copy = v.Clone();
  EXPECT_EQ(*copy.list, *v.list);
  EXPECT_NE(copy.list.get(), v.list.get());
  EXPECT_TRUE(copy.unset);
  EXPECT_EQ(copy.origin.line, 2u);
}

// Short strings live inside the object: moving one leaves its characters behind unless they are wiped.
TEST(Value, LeavesNoSecretBehind) {
  alignas(Value) unsigned char room[sizeof(Value)];
  auto* value = new (room) Value("secret", "TOPSECRET", {});
  auto holds = [&room] { return std::string_view(reinterpret_cast<char*>(room), sizeof room).contains("TOPSECRET"); };
  EXPECT_TRUE(holds());
  Value moved = std::move(*value);
  EXPECT_FALSE(holds());
  *value = std::move(moved);
  EXPECT_TRUE(holds());
  value->~Value();
  EXPECT_FALSE(holds());
}

TEST(Tree, NamesPlaces) {
  Tree t;
  t.files = {"a.conf", "vici", "odd\nname"};
  EXPECT_EQ(t.Where({0, 7}), "a.conf:7");
  EXPECT_EQ(t.Where({1, 0}), "vici");
  EXPECT_EQ(t.Where({2, 1}), "odd\\x0aname:1");
  EXPECT_EQ(t.Where({9, 1}), "?:1");
}

}  // namespace
}  // namespace culvert::config
