#include "common/net/ip_address.h"

#include <gtest/gtest.h>

namespace culvert {
namespace {

TEST(IpAddress, ParsesAndPrints) {
  for (const char* text : {"192.0.2.1", "0.0.0.0", "2001:db8::1", "::"}) {
    auto a = IpAddress::Parse(text);
    ASSERT_TRUE(a) << text;
    EXPECT_EQ(a->ToString(), text);
  }
  for (const char* text : {"", "192.0.2", "192.0.2.256", "2001:db8::g", "1.2.3.4 "}) EXPECT_FALSE(IpAddress::Parse(text)) << text;
  EXPECT_FALSE(IpAddress::Parse(std::string_view("192.0.2.1\0x", 11)));
}

TEST(IpPrefix, ClearsHostBitsAndRefusesBadLengths) {
  EXPECT_EQ(IpPrefix::Parse("10.1.2.3/8")->ToString(), "10.0.0.0/8");
  EXPECT_EQ(IpPrefix::Parse("10.1.2.3")->ToString(), "10.1.2.3/32");
  for (const char* text : {"10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "::/129", "10.0.0.0/8x"}) EXPECT_FALSE(IpPrefix::Parse(text)) << text;
}

TEST(IpRange, IsAPrefixOnlyWhereItIsExactlyOne) {
  EXPECT_EQ(IpRange::Parse("10.0.0.0-10.0.0.255")->ToString(), "10.0.0.0/24");
  EXPECT_EQ(IpRange::Parse("10.0.0.1-10.0.0.255")->ToString(), "10.0.0.1-10.0.0.255");
  EXPECT_EQ(IpRange::All(Family::kV6).ToString(), "::/0");
  EXPECT_FALSE(IpRange::Parse("10.0.0.2-10.0.0.1"));
  EXPECT_EQ(IpRange::Parse("10.0.0.0/8")->Intersect(*IpRange::Parse("10.255.0.0-11.0.0.0"))->ToString(), "10.255.0.0/16");
}

}  // namespace
}  // namespace culvert
