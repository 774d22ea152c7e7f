#include "control/ike/ppk_id.h"

#include <gtest/gtest.h>

#include "common/bytes/hex.h"
#include "control/ike/identity.h"

namespace culvert::ike {
namespace {

std::string Parsed(std::string_view text) {
  auto id = ParsePpkId(text);
  return id ? ToHex(*id) : "none";
}

// RFC 8784 5.1: an octet of type, then the identity's octets, whatever kind of identity they spell.
TEST(PpkId, IsSpelledAsAnIdentity) {
  EXPECT_EQ(Parsed("k1"), "026b31");
  EXPECT_EQ(Parsed("@k1"), "026b31");
  EXPECT_EQ(Parsed("a@b.c"), "026140622e63");
  EXPECT_EQ(Parsed("@#00ff"), "0200ff");
  EXPECT_EQ(Parsed("192.0.2.1"), "02c0000201");
  EXPECT_EQ(Parsed("keyid:k1"), "026b31");
  EXPECT_EQ(Parsed("opaque:k1"), "016b31");
  EXPECT_EQ(Parsed("opaque:@#ff00"), "01ff00");
  for (const char* text : {"", "%any", "*", "*.example.org", "k*", "10.0.0.0/8", "opaque:", "opaque:%any", "ipv4:oops", "@#f", "@#", "@"}) {
    EXPECT_EQ(Parsed(text), "none") << text;
    EXPECT_NE(CheckIdentity(text, config::IdentityUse::kPpk), "") << text;
  }
  EXPECT_EQ(CheckIdentity("opaque:k1", config::IdentityUse::kPpk), "");
}

TEST(PpkId, IsShownAsItIsSpelled) {
  for (const char* text : {"k1", "a@b.c", "opaque:k1", "@#00ff", "opaque:@#0a0b"}) EXPECT_EQ(PpkIdToString(*ParsePpkId(text)), text);
  EXPECT_EQ(PpkIdToString(*FromHex("02220a5c")), "@#220a5c");
  EXPECT_EQ(PpkIdToString(*FromHex("02225c41")), "\\x22\\x5cA");
  EXPECT_LE(PpkIdToString(Bytes(5000, 2)).size(), 256u);
  EXPECT_EQ(PpkIdToString({}), "#");
  EXPECT_EQ(PpkIdToString(*FromHex("0341")), "#0341");
}

TEST(PpkId, HasATypeAndSomethingBehindIt) {
  EXPECT_TRUE(IsPpkId(*FromHex("0100")));
  EXPECT_TRUE(IsPpkId(*FromHex("026b31")));
  for (const char* hex : {"", "01", "02", "006b31", "036b31", "ff6b31"}) EXPECT_FALSE(IsPpkId(*FromHex(hex))) << hex;
}

}  // namespace
}  // namespace culvert::ike
