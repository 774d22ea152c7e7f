#include "control/ike/identity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/limits.h"
#include "common/bytes/hex.h"
#include "control/ike/identity_dn.h"

namespace culvert::ike {
namespace {

using testing::HasSubstr;

struct Parsed {
  std::string_view text;
  IdType type;
  std::string hex;       // of the data
  std::string printed;
};

std::string Hex(std::string_view s) { return ToHex(AsBytes(s)); }

class ParseTest : public testing::TestWithParam<Parsed> {};

TEST_P(ParseTest, HasTypeDataAndText) {
  const Parsed& want = GetParam();
  auto id = Identity::Parse(want.text);
  ASSERT_TRUE(id) << want.text;
  EXPECT_EQ(id->type, want.type) << want.text;
  EXPECT_EQ(ToHex(id->data), want.hex) << want.text;
  EXPECT_EQ(id->ToString(), want.printed) << want.text;
}

// The rules and their order are those of charon's identity parsing.
INSTANTIATE_TEST_SUITE_P(Spellings, ParseTest, testing::Values(
    Parsed{"192.0.2.1", IdType::kIpv4, "c0000201", "192.0.2.1"},
    Parsed{"2001:db8::1", IdType::kIpv6, "20010db8000000000000000000000001", "2001:db8::1"},
    Parsed{"gw.example.org", IdType::kFqdn, Hex("gw.example.org"), "gw.example.org"},
    Parsed{"@gw.example.org", IdType::kFqdn, Hex("gw.example.org"), "gw.example.org"},
    Parsed{"@192.0.2.1", IdType::kFqdn, Hex("192.0.2.1"), "192.0.2.1"},
    Parsed{"user@example.org", IdType::kRfc822, Hex("user@example.org"), "user@example.org"},
    Parsed{"@@user", IdType::kRfc822, Hex("user"), "user"},
    Parsed{"@#c0ffee00", IdType::kKeyId, "c0ffee00", "{11}:#c0ffee00"},
    Parsed{"@#4142", IdType::kKeyId, "4142", "AB"},
    Parsed{"keyid:office", IdType::kKeyId, Hex("office"), "office"},
    Parsed{"KEYID:office", IdType::kKeyId, Hex("office"), "office"},
    Parsed{"keyid:#00ff", IdType::kKeyId, "00ff", "{11}:#00ff"},
    Parsed{"fqdn:a@b", IdType::kFqdn, Hex("a@b"), "a@b"},
    Parsed{"dns:a.example", IdType::kFqdn, Hex("a.example"), "a.example"},
    Parsed{"email:x@y", IdType::kRfc822, Hex("x@y"), "x@y"},
    Parsed{"rfc822:x@y", IdType::kRfc822, Hex("x@y"), "x@y"},
    Parsed{"userfqdn:x", IdType::kRfc822, Hex("x"), "x"},
    Parsed{"ipv4:10.0.0.1", IdType::kIpv4, "0a000001", "10.0.0.1"},
    Parsed{"ipv6:::1", IdType::kIpv6, "00000000000000000000000000000001", "::1"},
    Parsed{"ipv4:#0a0000", IdType::kIpv4, "0a0000", "{1}:#0a0000"},
    Parsed{"asn1gn:#8201", IdType::kDerGn, "8201", "{10}:#8201"},
    Parsed{"{250}:abc", static_cast<IdType>(250), Hex("abc"), "{250}:#616263"},
    Parsed{"{2}:#", IdType::kFqdn, "", "{2}:#"},
    Parsed{"C=CH", IdType::kDerDn, "300d310b3009060355040613024348", "C=CH"},
    Parsed{"asn1dn: c = CH ", IdType::kDerDn, "300d310b3009060355040613024348", "C=CH"},
    Parsed{"asn1dn:#300d310b3009060355040613024348", IdType::kDerDn, "300d310b3009060355040613024348", "C=CH"},
    Parsed{"asn1dn:#3003", IdType::kDerDn, "3003", "{9}:#3003"},
    Parsed{"no such=attribute", IdType::kKeyId, Hex("no such=attribute"), "no such=attribute"},
    Parsed{"a:b", IdType::kKeyId, Hex("a:b"), "a:b"},
    Parsed{"10.0.0.0/33", IdType::kFqdn, Hex("10.0.0.0/33"), "10.0.0.0/33"}));

TEST(Identity, RefusesWhatNamesNoOne) {
  for (std::string_view text : {"", "%any", "%any6", "0.0.0.0", "::", "*"}) {
    EXPECT_TRUE(NamesAnyIdentity(text)) << text;
    EXPECT_FALSE(Identity::Parse(text)) << text;
  }
  for (std::string_view text : {"10.0.0.0/8", "10.0.0.1-10.0.0.9", "2001:db8::/32", "ipv4:gw", "ipv4:::1", "ipv6:10.0.0.1",
                                "ipv4net:10.0.0.0/8", "keyid:#0", "keyid:#zz", "asn1dn:gw", "asn1gn:gw", "@#abc"}) {
    EXPECT_FALSE(NamesAnyIdentity(text)) << text;
    EXPECT_FALSE(Identity::Parse(text)) << text;
  }
}

TEST(Identity, IsCheckedByItsUse) {
  struct Case {
    std::string_view text;
    bool own, peer;
  };
  const Case cases[] = {
      {"%any", true, true},         {"", true, true},
      {"gw.example.org", true, true}, {"ipv4:192.0.2.1", true, true},
      {"C=CH, CN=*", true, true},   {"*@example.org", true, true},
      {"10.0.0.0/8", false, true},  {"ipv4range:10.0.0.1-10.0.0.9", false, true},
      {"ipv4:gw", false, false},    {"ipv6:10.0.0.1", false, false},
      {"keyid:#0", false, false},   {"asn1dn:gw", false, false},
      {"fqdn:", false, false},
  };
  for (auto [text, own, peer] : cases) {
    EXPECT_EQ(CheckIdentity(text, config::IdentityUse::kOwn).empty(), own) << text;
    EXPECT_EQ(CheckIdentity(text, config::IdentityUse::kPeer).empty(), peer) << text;
  }
  EXPECT_THAT(CheckIdentity("10.0.0.0/8", config::IdentityUse::kOwn), testing::HasSubstr("a range of addresses"));
}

TEST(Identity, EncodesNamesAsCertificatesDo) {
  auto id = Identity::Parse("C=CH, O=strongSwan Project, CN=moon.example.org, E=moon@example.org, OU=R\xc3\xa9seau");
  ASSERT_TRUE(id);
  EXPECT_EQ(id->type, IdType::kDerDn);
  // PrintableString for plain text, IA5String for mail addresses, UTF8String for the rest.
  EXPECT_THAT(ToHex(id->data), HasSubstr("060355040a1312" + Hex("strongSwan Project")));
  EXPECT_THAT(ToHex(id->data), HasSubstr("2a864886f70d0109011610" + Hex("moon@example.org")));
  EXPECT_THAT(ToHex(id->data), HasSubstr("060355040b0c07" + Hex("R\xc3\xa9seau")));
  EXPECT_EQ(Identity::Parse("/C=CH/O=Kabel, Blitz/CN=gw")->ToString(), "C=CH, O=Kabel, Blitz, CN=gw");
  EXPECT_FALSE(DnFromText(std::string(kMaxIdentity, 'C') + "=x"));
  EXPECT_FALSE(DnFromText(""));
  EXPECT_FALSE(DnFromText("C=CH,"));
}

TEST(Identity, PrintsMultiValuedAndUnknownAttributes) {
  // SET of CN=a and O=b; then 1.2.3=x.
  auto der = FromHex("3020" "3112" "3007" "0603550403" "0c00" "3007" "060355040a" "0c00" "310a" "3008" "06022a03" "0c02" "7879");
  ASSERT_TRUE(der);
  EXPECT_EQ(DnToText(*der), "CN=+O=, 1.2.3=xy");
  der->push_back(0);
  EXPECT_FALSE(DnToText(*der));
}

// B32: what a peer sends reaches a log line escaped and bounded.
TEST(Identity, PrintsHostileBytesSafely) {
  const std::string hostile("gw\n\x1b[2J\0$(id)%n\xff", 15);
  Identity id{IdType::kFqdn, ToBytes(AsBytes(hostile))};
  std::string text = id.ToString();
  EXPECT_EQ(text, "gw\\x0a\\x1b[2J\\x00$(id)%n");
  for (size_t n : {size_t{255}, size_t{256}, size_t{257}, kMaxIdentity}) {
    for (uint8_t octet : {uint8_t{'a'}, uint8_t{0}}) {
      for (int type : {1, 2, 9, 10, 11, 250}) {
        EXPECT_LE((Identity{static_cast<IdType>(type), Bytes(n, octet)}.ToString().size()), 256u) << n << " of type " << type;
      }
    }
  }
  EXPECT_EQ((Identity{IdType::kFqdn, Bytes(256, 'a')}.ToString()), std::string(256, 'a'));
  EXPECT_EQ((Identity{IdType::kFqdn, Bytes(257, 'a')}.ToString()), std::string(253, 'a') + "...");
  EXPECT_EQ((Identity{IdType::kIpv4, {1, 2, 3}}.ToString()), "{1}:#010203");
  EXPECT_EQ((Identity{IdType::kIpv6, {1, 2, 3, 4}}.ToString()), "{5}:#01020304");
}

struct MatchCase {
  std::string_view pattern;
  std::string_view id;
  bool admits;
};

class MatchTest : public testing::TestWithParam<MatchCase> {};

TEST_P(MatchTest, Admits) {
  auto id = Identity::Parse(GetParam().id);
  ASSERT_TRUE(id) << GetParam().id;
  EXPECT_EQ(Matches(GetParam().pattern, *id), GetParam().admits) << GetParam().pattern << " against " << GetParam().id;
}

INSTANTIATE_TEST_SUITE_P(Patterns, MatchTest, testing::Values(
    MatchCase{"%any", "192.0.2.1", true}, MatchCase{"*", "C=CH", true}, MatchCase{"", "gw", true},
    MatchCase{"gw.example.org", "gw.example.org", true}, MatchCase{"GW.Example.ORG", "gw.example.org", true},
    MatchCase{"gw.example.org", "gw.example.or", false}, MatchCase{"gw.example.org", "xgw.example.org", false},
    MatchCase{"gw.example.org", "email:gw.example.org", false}, MatchCase{"gw.example.org", "keyid:gw.example.org", false},
    MatchCase{"*.example.org", "gw.example.org", true}, MatchCase{"*.example.org", "a.b.EXAMPLE.org", true},
    MatchCase{"*.example.org", "example.org", false}, MatchCase{"*.example.org", "gw.example.com", false},
    MatchCase{"*@example.org", "user@example.org", true}, MatchCase{"*@example.org", "user@sub.example.org", false},
    MatchCase{"g*.example.org", "gw.example.org", false},
    MatchCase{"192.0.2.1", "192.0.2.1", true}, MatchCase{"192.0.2.1", "192.0.2.2", false},
    MatchCase{"192.0.2.1", "@192.0.2.1", false},
    MatchCase{"192.0.2.0/24", "192.0.2.200", true}, MatchCase{"192.0.2.0/24", "192.0.3.0", false},
    MatchCase{"192.0.2.0/24", "2001:db8::1", false}, MatchCase{"192.0.2.4-192.0.2.9", "192.0.2.9", true},
    MatchCase{"192.0.2.4-192.0.2.9", "192.0.2.10", false}, MatchCase{"ipv4net:192.0.2.0/24", "192.0.2.1", true},
    MatchCase{"ipv4:192.0.2.0/24", "192.0.2.1", true}, MatchCase{"ipv6:192.0.2.0/24", "192.0.2.1", false},
    MatchCase{"2001:db8::/32", "2001:db8:1::1", true}, MatchCase{"2001:db8::/32", "2001:db9::1", false},
    MatchCase{"192.0.2.0/24", "ipv4:#c00002", false}, MatchCase{"192.0.2.1", "{250}:#c0000201", false},
    MatchCase{"keyid:office", "keyid:office", true}, MatchCase{"keyid:office", "keyid:Office", false},
    MatchCase{"keyid:*", "keyid:office", false}, MatchCase{"@#00ff", "keyid:#00ff", true},
    MatchCase{"C=CH, CN=gw", "c=ch, cn=GW", true}, MatchCase{"C=CH, CN=gw", "CN=gw, C=CH", false},
    MatchCase{"C=CH, CN=*", "C=CH, CN=gw", true}, MatchCase{"C=CH, CN=*", "C=CH, O=gw", false},
    MatchCase{"C=CH, CN=*", "C=DE, CN=gw", false}, MatchCase{"C=CH, CN=*", "C=CH, CN=gw, OU=x", false},
    MatchCase{"C=CH, CN=gw", "C=CH", false}, MatchCase{"C=CH", "asn1dn:#3003", false},
    MatchCase{"C=CH", "C=CH, C=CH", false}, MatchCase{"ipv4:gw", "gw", false}, MatchCase{"asn1dn:gw", "gw", false}));

TEST(Matches, ComparesNamesAcrossStringTypes) {
  // CN=gw as UTF8String, as some certificate authorities write it; the pattern's is a PrintableString.
  auto utf8 = FromHex("300d310b300906035504030c026777");
  auto nul = FromHex("300f310d300b06035504030c0467770078");
  ASSERT_TRUE(utf8 && nul);
  EXPECT_TRUE(Matches("CN=gw", Identity{IdType::kDerDn, *utf8}));
  EXPECT_FALSE(Matches("CN=gw", Identity{IdType::kDerDn, *nul}));
  // Two attributes in one RDN are not two RDNs.
  auto multi = FromHex("3018" "3116" "3009" "0603550403" "0c02" "6777" "3009" "060355040a" "0c02" "6f6f");
  ASSERT_TRUE(multi);
  ASSERT_EQ(DnToText(*multi), "CN=gw+O=oo");
  EXPECT_FALSE(Matches("CN=gw, O=oo", Identity{IdType::kDerDn, *multi}));
}

TEST(Matches, ANulEndsNothing) {
  const std::string_view evil("gw.example.org\0.attacker.net", 28);
  EXPECT_FALSE(Matches("gw.example.org", Identity{IdType::kFqdn, ToBytes(AsBytes(evil))}));
  EXPECT_FALSE(Matches(evil, *Identity::Parse("gw.example.org")));
}

}  // namespace
}  // namespace culvert::ike
