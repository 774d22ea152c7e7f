#include "control/pools/attributes.h"

#include <gtest/gtest.h>

namespace culvert::pools {
namespace {

using Kind = config::PoolAttribute::Kind;

uint16_t Number(AttributeType t) { return static_cast<uint16_t>(t); }
IpAddress A(const char* text) { return *IpAddress::Parse(text); }
IpPrefix P(const char* text) { return *IpPrefix::Parse(text); }

TEST(Attributes, EncodeAsTheRegistrySays) {
  std::vector<config::Pool> pools(2);
  pools[0].name = "a";
  pools[0].attributes = {{.kind = Kind::kDns, .value = A("10.0.0.1")},
                         {.kind = Kind::kDns, .value = A("2001:db8::1")},
                         {.kind = Kind::kNetmask, .value = A("255.255.0.0")},
                         {.kind = Kind::kSubnet, .value = P("10.1.0.0/16")},
                         {.kind = Kind::kSubnet, .value = P("2001:db8::/48")},
                         {.kind = Kind::kSplitInclude, .value = P("10.1.0.0/16")},
                         {.kind = Kind::kSplitExclude, .value = P("0.0.0.0/0")},
                         {.kind = Kind::kNumber, .number = 28672, .value = Bytes{'h', 'i'}}};
  pools[1].name = "b";
  pools[1].attributes = {{.kind = Kind::kDns, .value = A("10.0.0.1")},
                         {.kind = Kind::kSplitInclude, .value = P("192.0.2.128/25")},
                         {.kind = Kind::kServer, .value = A("10.0.0.254")}};
  config::ControlSettings settings;
  settings.dns = {A("10.0.0.2")};
  settings.nbns = {A("10.0.0.3")};
  const std::vector<std::string> names = {"a", "nobody", "b"};
  const std::vector<Attribute> want = {
      {3, {10, 0, 0, 1}},
      {10, {0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}},
      {2, {255, 255, 0, 0}},
      {13, {10, 1, 0, 0, 255, 255, 0, 0}},
      {15, {0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 48}},
      {28676, {10, 1, 0, 0, 255, 255, 0, 0, 0, 0, 0, 0, 0, 0, 192, 0, 2, 128, 255, 255, 255, 128, 0, 0, 0, 0, 0, 0}},
      {28678, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}},
      {28672, {'h', 'i'}},
      {23456, {10, 0, 0, 254}},
      {3, {10, 0, 0, 2}},
      {4, {10, 0, 0, 3}},
  };
  EXPECT_EQ(AttributesOf(pools, names, settings), want);
  EXPECT_TRUE(AttributesOf(pools, {}, {}).empty());
}

TEST(Attributes, Addresses) {
  const Attribute v4 = AddressAttribute(A("10.3.0.7"));
  EXPECT_EQ(v4, (Attribute{Number(AttributeType::kIp4Address), {10, 3, 0, 7}}));
  const Attribute v6 = AddressAttribute(A("2001:db8::7"));
  EXPECT_EQ(v6.type, Number(AttributeType::kIp6Address));
  ASSERT_EQ(v6.value.size(), 17u);
  EXPECT_EQ(v6.value[16], 128);
  EXPECT_TRUE(AddressAttribute(IpAddress::Any(Family::kV6)).value.empty());

  EXPECT_EQ(AddressIn(v4.type, v4.value), A("10.3.0.7"));
  EXPECT_EQ(AddressIn(v6.type, v6.value), A("2001:db8::7"));
  EXPECT_EQ(AddressIn(v6.type, ByteView(v6.value).first(16)), A("2001:db8::7"));
  EXPECT_EQ(AddressIn(v4.type, {}), IpAddress::Any(Family::kV4));
  EXPECT_EQ(AddressIn(v6.type, {}), IpAddress::Any(Family::kV6));
  EXPECT_EQ(AddressIn(v4.type, v6.value), std::nullopt);
  EXPECT_EQ(AddressIn(v6.type, v4.value), std::nullopt);
  EXPECT_EQ(AddressIn(v6.type, ByteView(v6.value).first(15)), std::nullopt);
  EXPECT_EQ(AddressIn(Number(AttributeType::kIp4Dns), v4.value), std::nullopt);
}

}  // namespace
}  // namespace culvert::pools
