#include "control/ike/wire/v2/ts_payload.h"

#include "common/base/limits.h"
#include "tests/control/ike/wire/body_cases.h"

namespace culvert::ike {
namespace {

constexpr std::string_view kV4 = "07 00 0010 0000 ffff 0a010000 0a0100ff";
constexpr std::string_view kV6 =
    "08 11 0028 01f4 01f4 20010db8000000000000000000000000 20010db800000000ffffffffffffffff";
constexpr std::string_view kUnknown = "0a 00 0008 01020304";  // a security label

Bytes Ts(uint8_t count, std::initializer_list<std::string_view> selectors) {
  Bytes b = {count, 0, 0, 0};
  for (auto s : selectors) Append(b, Octets(s));
  return b;
}

Bytes Repeated(size_t n) {
  Bytes b = {static_cast<uint8_t>(n), 0, 0, 0};
  for (size_t i = 0; i < n; ++i) Append(b, Octets(kV4));
  return b;
}

TEST(TsPayload, DecodesRanges) {
  Bytes body = Ts(2, {kV4, kV6});
  Reader r(body);
  auto ts = DecodeTs(PayloadType::kTsR, r);
  ASSERT_TRUE(ts);
  EXPECT_EQ(ts->type, PayloadType::kTsR);
  EXPECT_FALSE(ts->skipped_unknown);
  EXPECT_EQ(ToString(ts->selectors), "10.1.0.0/24 2001:db8::/64[udp/500]");
}

// B40
TEST(TsPayload, Bodies) {
  const BodyCase cases[] = {
      {"v4", Ts(1, {kV4})},
      {"both families", Ts(2, {kV4, kV6})},
      {"reserved", Octets("01 ffffff 07 00 0010 0000 ffff 0a010000 0a0100ff"), std::nullopt, Ts(1, {kV4})},
      {"254", Repeated(254)},
      {"255", Repeated(kMaxSelectorsPerSa)},
      {"count 0", Ts(0, {}), Malformed::kBadValue},
      {"count 0 with one", Ts(0, {kV4}), Malformed::kBadValue},
      {"count 255 with one", Ts(255, {kV4}), Malformed::kTruncated},
      {"count 1 with two", Ts(1, {kV4, kV4}), Malformed::kTrailing},
      {"empty", {}, Malformed::kTruncated},
      {"one address", Ts(1, {"07 00 0010 0000 ffff 0a010001 0a010001"})},
      {"addresses reversed", Ts(1, {"07 00 0010 0000 ffff 0a0100ff 0a0100fe"}), Malformed::kBadValue},
      {"v6 addresses reversed", Ts(1, {"08 00 0028 0000 ffff 20010db8000000000000000000000001 20010db8000000000000000000000000"}),
       Malformed::kBadValue},
      {"ports reversed", Ts(1, {"07 11 0010 0002 0001 0a010000 0a0100ff"}), Malformed::kBadValue},
      {"ports 65535 to 1", Ts(1, {"07 11 0010 ffff 0001 0a010000 0a0100ff"}), Malformed::kBadValue},
      {"ports OPAQUE", Ts(1, {"07 11 0010 ffff 0000 0a010000 0a0100ff"})},
      {"length 0", Ts(1, {"07 00 0000 0000 ffff 0a010000 0a0100ff"}), Malformed::kBadLength},
      {"length 3", Ts(1, {"07 00 0003 0000 ffff 0a010000 0a0100ff"}), Malformed::kBadLength},
      {"v4 one short", Ts(1, {"07 00 000f 0000 ffff 0a010000 0a0100"}), Malformed::kBadLength},
      {"v4 one long", Ts(1, {"07 00 0011 0000 ffff 0a010000 0a0100ff 00"}), Malformed::kBadLength},
      {"v6 octets as v4", Ts(1, {"07 11 0028 01f4 01f4 20010db8000000000000000000000000 20010db8000000000000000000000000"}),
       Malformed::kBadLength},
      {"v4 octets as v6", Ts(1, {"08 00 0010 0000 ffff 0a010000 0a0100ff"}), Malformed::kBadLength},
      {"length past the payload", Ts(1, {"07 00 0020 0000 ffff 0a010000 0a0100ff"}), Malformed::kTruncated},
      {"unknown type past the payload", Ts(1, {"0a 00 0009 01020304"}), Malformed::kTruncated},
  };
  ExpectBodies(PayloadType::kTsI, cases);
  ExpectBodies(PayloadType::kTsR, cases);
  ExpectPrefixesRefused(PayloadType::kTsI, Ts(2, {kV4, kV6}));
}

TEST(TsPayload, SkipsUnknownTypes) {
  struct Row { Bytes body; const char* left; };
  for (const Row& row : {Row{Ts(2, {kUnknown, kV4}), "10.1.0.0/24"}, Row{Ts(2, {kV4, kUnknown}), "10.1.0.0/24"},
                         Row{Ts(1, {kUnknown}), ""}}) {
    Reader r(row.body);
    auto ts = DecodeTs(PayloadType::kTsI, r);
    ASSERT_TRUE(ts);
    EXPECT_TRUE(ts->skipped_unknown);
    EXPECT_EQ(ToString(ts->selectors), row.left);
  }
}

}  // namespace
}  // namespace culvert::ike
