#include "config/schema/values.h"

#include <gtest/gtest.h>

namespace culvert::config {
namespace {

constexpr const char* kBad = "!";

template <typename T>
std::string Show(const Parsed<T>& v) {
  if (!v) return kBad;
  if constexpr (std::is_same_v<T, SecretBytes>)
    return std::string(AsString(v->view()));
  else if constexpr (std::is_same_v<T, Ts>)
    return (v->dynamic ? "dynamic " : "") + v->selector.ToString();
  else if constexpr (std::is_same_v<T, std::string>)
    return *v;
  else if constexpr (std::is_same_v<T, IpPrefix>)
    return v->ToString();
  else
    return std::to_string(*v);
}

struct Case {
  std::string_view text, expect;
};

TEST(Values, Bools) {
  for (auto* text : {"yes", "true", "enabled", "1", "YES", "True"}) EXPECT_EQ(ParseBool(text), true) << text;
  for (auto* text : {"no", "false", "disabled", "0", "No"}) EXPECT_EQ(ParseBool(text), false) << text;
  for (auto* text : {"", "y", "on", "2", "yes ", "ja"}) EXPECT_EQ(ParseBool(text), std::nullopt) << text;
}

TEST(Values, Times) {
  const Case cases[] = {{"0", "0"},
                        {"90", "90"},
                        {"30s", "30"},
                        {"5m", "300"},
                        {"4h", "14400"},
                        {"1d", "86400"},
                        {"2 h", "7200"},
                        {"0x10", "16"},
                        {"4294967295", "4294967295"},
                        {"4294967296", kBad},
                        {"49711d", kBad},
                        {"1e99", kBad},
                        {"-1", kBad},
                        {"1.5h", kBad},
                        {"", kBad},
                        {"h", kBad},
                        {"1w", kBad},
                        {"1hh", kBad},
                        {"0x", kBad},
                        {"99999999999999999999", kBad}};
  for (auto& c : cases) EXPECT_EQ(Show(ParseTime(c.text)), c.expect) << c.text;
}

TEST(Values, Sizes) {
  const Case cases[] = {{"0", "0"},
                        {"1k", "1024"},
                        {"2M", "2097152"},
                        {"1g", "1073741824"},
                        {"4611686018427387904", "4611686018427387904"},
                        {"4611686018427387905", kBad},
                        {"4294967297g", kBad},
                        {"1t", kBad},
                        {"k", kBad},
                        {"-1k", kBad}};
  for (auto& c : cases) EXPECT_EQ(Show(ParseSize(c.text)), c.expect) << c.text;
}

TEST(Values, IntegersAndFractions) {
  EXPECT_EQ(Show(ParseInteger("0x1F", 0, 31)), "31");
  for (auto* text : {"32", "-1", "", " 1", "1 ", "one", "1.0"}) EXPECT_EQ(Show(ParseInteger(text, 0, 31)), kBad) << text;
  EXPECT_EQ(Show(ParseFraction("1.8", 0, 2)), "1.800000");
  EXPECT_EQ(Show(ParseFraction("2", 0, 2)), "2.000000");
  for (auto* text : {"2.1", "-0.5", "", "nan", "inf", "1e1", "1,5", "1.8s"})
    EXPECT_EQ(Show(ParseFraction(text, 0, 2)), kBad) << text;
}

TEST(Values, Selectors) {
  const Case cases[] = {
      {"10.1.2.3/8", "10.0.0.0/8"},
      {"10.1.2.3", "10.1.2.3/32"},
      {"10.0.0.1-10.0.0.9", "10.0.0.1-10.0.0.9"},
      {"2001:db8::/32[tcp]", "2001:db8::/32[tcp]"},
      {"dynamic", "dynamic 0.0.0.0/32"},
      {"dynamic[udp/1701]", "dynamic 0.0.0.0/32[udp/1701]"},
      {"10.0.0.0/8[tcp/http]", "10.0.0.0/8[tcp/80]"},
      {"10.0.0.0/8[tcp/1000-2000]", "10.0.0.0/8[tcp/1000-2000]"},
      {"10.0.0.0/8[ tcp / 1000 - 2000 ]", "10.0.0.0/8[tcp/1000-2000]"},
      {"10.0.0.0/8[tcp/opaque]", "10.0.0.0/8[tcp/OPAQUE]"},
      {"10.0.0.0/8[tcp/any]", "10.0.0.0/8[tcp]"},
      {"10.0.0.0/8[tcp/]", "10.0.0.0/8[tcp]"},
      {"10.0.0.0/8[any]", "10.0.0.0/8"},
      {"10.0.0.0/8[]", "10.0.0.0/8"},
      {"10.0.0.0/8[47]", "10.0.0.0/8[gre]"},
      {"10.0.0.0/8[icmp]", "10.0.0.0/8[icmp]"},
      {"10.0.0.0/8[icmp/8]", "10.0.0.0/8[icmp/8]"},
      {"10.0.0.0/8[icmp/0]", "10.0.0.0/8[icmp/0]"},
      {"10.0.0.0/8[icmp/2048]", "10.0.0.0/8[icmp/8(0)]"},
      {"10.0.0.0/8[icmp/772]", "10.0.0.0/8[icmp/3(4)]"},
      {"10.0.0.0/8[icmp/3-4]", "10.0.0.0/8[icmp/3-4]"},
      {"10.0.0.0/8[icmp/768-772]", "10.0.0.0/8[icmp/3(0)-3(4)]"},
      {"10.0.0.0/8[icmp/opaque]", "10.0.0.0/8[icmp/OPAQUE]"},
      {"fd00::/8[ipv6-icmp/128-129]", "fd00::/8[ipv6-icmp/128-129]"},
      {"10.0.0.0/8[icmp/8-256]", kBad},
      {"10.0.0.0/33", kBad},
      {"10.0.0.9-10.0.0.1", kBad},
      {"[tcp]", kBad},
      {"10.0.0.0/8[tcp", kBad},
      {"10.0.0.0/8[tcp/80]x", kBad},
      {"10.0.0.0/8[256]", kBad},
      {"10.0.0.0/8[tcp/65536]", kBad},
      {"10.0.0.0/8[tcp/2-1]", kBad},
      {"10.0.0.0/8[/80]", kBad},
      {"10.0.0.0/8[any/80]", kBad},
      {"example.org", kBad},
      {"", kBad},
  };
  for (auto& c : cases) EXPECT_EQ(Show(ParseSelector(c.text)), c.expect) << c.text;
}

TEST(Values, PeerAddresses) {
  for (auto* text :
       {"%any", "%any4", "%any6", "192.0.2.1", "2001:db8::1", "10.0.0.0/8", "10.0.0.1-10.0.0.9", "0.0.0.0", "::", "host",
        "a.example.org", "4.example-1.org."}) {
    EXPECT_EQ(Show(ParsePeerAddress(text)), text);
  }
  for (auto* text : {"", "192.0.2.256", "a_b", "a..b", "-a.b", "a b", "fe80::1%wan", "%some", "10.0.0.0/33", "192.0.2"}) {
    EXPECT_EQ(Show(ParsePeerAddress(text)), kBad) << text;
  }
}

TEST(Values, Secrets) {
  const Case cases[] = {
      {"plain text", "plain text"},
      {"0x414243", "ABC"},
      {"0X4a", "J"},
      {"0sQUJD", "ABC"},
      {"0sQUI=", "AB"},
      {"0sQUI", "AB"},
      {"0sQQ==", "A"},
      {"0x", kBad},
      {"0x4", kBad},
      {"0xzz", kBad},
      {"0s", kBad},
      {"0sQ", kBad},
      {"0sQU J", kBad},
      {"0s====", kBad},
      {"", kBad},
      {"0", "0"},
  };
  for (auto& c : cases) EXPECT_EQ(Show(ParseSecret(c.text)), c.expect) << c.text;
}

TEST(Values, Lists) {
  EXPECT_EQ(Items(Value("k", " a, b ,,c d, ", {})), (std::vector<std::string>{"a", "b", "c d"}));
  EXPECT_TRUE(Items(Value("k", "", {})).empty());
  Value v("k", "ignored", {});
  v.list = std::make_unique<std::vector<std::string>>(std::vector<std::string>{"a,b", " c"});
  EXPECT_EQ(Items(v), (std::vector<std::string>{"a,b", " c"}));
}

}  // namespace
}  // namespace culvert::config
