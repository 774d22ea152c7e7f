#include "control/ike/wire/v1/payloads.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/control/ike/wire/body_cases.h"

namespace culvert::ike::v1 {
namespace {

struct Row {
  PayloadType type;
  std::string what, body;      // hexadecimal
  bool good = true;
  std::string encoded = "";    // where it is not `body`
};

const Row kRows[] = {
    {PayloadType::kId, "an IPv4 address", "01 11 01f4 c0000201"},
    {PayloadType::kId, "a name", "02 00 0000 612e6c6162"},
    {PayloadType::kId, "of no data", "0b 00 0000"},
    {PayloadType::kId, "too short", "01 00 00", false},
    {PayloadType::kId, "of 512 octets", "0b 00 0000" + std::string(1024, '6')},
    {PayloadType::kId, "of 513 octets", "0b 00 0000" + std::string(1026, '6'), false},
    {PayloadType::kCert, "a certificate", "04 30820102"},
    {PayloadType::kCert, "no encoding", "", false},
    {PayloadType::kCertReq, "any authority", "04"},
    {PayloadType::kNotify, "without SPI and data", "00000001 01 00 000e"},
    {PayloadType::kNotify, "R-U-THERE", "00000001 01 10 8d28 0102030405060708 1112131415161718 00000007"},
    {PayloadType::kNotify, "SPI past the end", "00000001 03 05 000e 01020304", false},
    {PayloadType::kDelete, "an IKE SA", "00000001 01 10 0001 0102030405060708 1112131415161718"},
    {PayloadType::kDelete, "two of ESP", "00000001 03 04 0002 c0000001 c0000002"},
    {PayloadType::kDelete, "none", "00000001 03 04 0000"},
    {PayloadType::kDelete, "fewer than it says", "00000001 03 04 ffff c0000001", false},
    {PayloadType::kDelete, "more than it says", "00000001 03 04 0001 c0000001 c0000002", false},
    {PayloadType::kDelete, "an IKE SA by four octets", "00000001 01 04 0001 01020304", false},
    {PayloadType::kDelete, "SPIs of no octets", "00000001 03 00 ffff", false},
    {PayloadType::kAttributes, "a question for an address", "01 00 1234 0001 0000 0003 0000"},
    {PayloadType::kAttributes, "XAUTH's status", "03 00 0001 c08f 0001"},
    {PayloadType::kAttributes, "reserved octet set", "01 ff 1234", true, "01 00 1234"},
    {PayloadType::kAttributes, "attribute past the end", "01 00 1234 0001 0005 01", false},
    {PayloadType::kNatOa, "IPv4", "01 000000 0a000001"},
    {PayloadType::kNatOaDraft, "IPv6", "05 000000 20010db8000000000000000000000001"},
    {PayloadType::kNatOa, "IPv4 of five octets", "01 000000 0a00000100", false},
    {PayloadType::kNatOa, "a name", "02 000000 0a000001", false},
    {PayloadType::kFragment, "the last", "0001 02 01 aabb"},
    {PayloadType::kFragment, "number 0", "0001 00 01 aabb", false},
    {PayloadType::kFragment, "id 0", "0000 01 01 aabb", false},
    {PayloadType::kFragment, "of nothing", "0001 01 01", false},
    {PayloadType::kFragment, "shorter than its header", "0001 01", false},
    {PayloadType::kHash, "any octets", "0102030405"},
    {PayloadType::kNatD, "none", ""},
    {static_cast<PayloadType>(200), "a type nobody knows", "0102"},
    {static_cast<PayloadType>(33), "a number of IKEv2's", "0102"},
};

TEST(V1Payloads, DecodeAndEncode) {
  for (const Row& row : kRows) {
    SCOPED_TRACE(Name(row.type) + ": " + row.what);
    const Bytes body = Octets(row.body);
    auto p = DecodeBody(row.type, Reader(body));
    ASSERT_EQ(p.has_value(), row.good);
    if (!p) {
      EXPECT_LE(p.error().offset, body.size());
      continue;
    }
    EXPECT_EQ(TypeOf(*p), row.type);
    Writer w;
    EncodeBody(*p, w);
    EXPECT_EQ(ToHex(w.view()), ToHex(Octets(row.encoded.empty() ? row.body : row.encoded)));
  }
}

TEST(V1Attribute, IsANumberWhereItCanBe) {
  auto number = [](std::string_view hex) {
    const Bytes value = Octets(hex);
    return Attribute{.type = 12, .value = value}.Number();
  };
  EXPECT_EQ(number("0e10"), 3600u);
  EXPECT_EQ(number("00000e10"), 3600u);
  EXPECT_EQ(number("ffffffffffffffff"), UINT64_MAX);
  EXPECT_EQ(number("00ffffffffffffffff"), UINT64_MAX);
  EXPECT_EQ(number("01ffffffffffffffff"), std::nullopt);
  EXPECT_EQ(number("00"), 0u);
  EXPECT_EQ(number(""), std::nullopt);
}

TEST(V1Attribute, NoMoreThanTheCap) {
  for (size_t n : {kMaxAttributes, kMaxAttributes + 1}) {
    Writer w;
    for (size_t i = 0; i < n; ++i) w.U32(0x80010007);
    Reader r(w.view());
    EXPECT_EQ(DecodeAttributes(r).has_value(), n == kMaxAttributes);
  }
}

}  // namespace
}  // namespace culvert::ike::v1
