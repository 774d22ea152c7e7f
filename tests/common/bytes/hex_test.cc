#include "common/bytes/hex.h"

#include <gtest/gtest.h>

namespace culvert {
namespace {

TEST(Escape, KeepsTextAndEscapesTheRest) {
  EXPECT_EQ(Escape("user@example.org"), "user@example.org");
  EXPECT_EQ(Escape(std::string_view("a\"\\'\n\0\x7f\xff", 8)), "a\\x22\\x5c\\x27\\x0a\\x00\\x7f\\xff");
}

TEST(Escape, NeverExceeds256Characters) {
  EXPECT_EQ(Escape(std::string(256, 'a')), std::string(256, 'a'));
  EXPECT_EQ(Escape(std::string(257, 'a')), std::string(253, 'a') + "...");
  // 63 escapes fill 252 characters; a cut never leaves half of one.
  std::string cut = Escape(std::string(300, '\n'));
  EXPECT_EQ(cut.size(), 255u);
  EXPECT_TRUE(cut.ends_with("\\x0a..."));
  EXPECT_EQ(Escape(std::string(64, '\n')).size(), 256u);
}

TEST(Hex, ReadsBackWhatItWrites) {
  const Bytes bytes = {0x00, 0x1f, 0xa5, 0xff};
  EXPECT_EQ(ToHex(bytes), "001fa5ff");
  EXPECT_EQ(FromHex("001FA5ff"), bytes);
  for (const char* text : {"0", "0g", " 00", "0x00"}) EXPECT_FALSE(FromHex(text)) << text;
}

}  // namespace
}  // namespace culvert
