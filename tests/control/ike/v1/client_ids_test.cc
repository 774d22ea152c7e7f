#include "control/ike/v1/client_ids.h"

#include <gtest/gtest.h>

#include "common/bytes/hex.h"

namespace culvert::ike::v1 {
namespace {

// The selector of an ID payload's body, as it is printed; "" where there is none.
std::string Named(const char* hex) {
  const Bytes body = *FromHex(hex);
  auto p = DecodeBody(PayloadType::kId, Reader(body));
  if (!p) return "undecodable";
  auto ts = SelectorOf(std::get<IdPayload>(*p));
  return ts ? ts->ToString() : "";
}

TEST(ClientIds, EachTypeNamesASelector) {
  struct Case {
    const char* hex;   // type, protocol, port, addresses
    const char* selector;
  };
  const Case kCases[] = {
      {"01000000" "0a010203", "10.1.2.3/32"},
      {"011106a5" "0a010203", "10.1.2.3/32[udp/1701]"},
      {"01060000" "0a010203", "10.1.2.3/32[tcp]"},
      {"04000000" "0a010000ffff0000", "10.1.0.0/16"},
      {"04060050" "0a010000ffff0000", "10.1.0.0/16[tcp/80]"},
      {"04000000" "0000000000000000", "0.0.0.0/0"},
      {"04000000" "0a010203ffffffff", "10.1.2.3/32"},
      {"07000000" "0a0102030a010209", "10.1.2.3-10.1.2.9"},
      {"07000000" "0a0102000a0102ff", "10.1.2.0/24"},
      {"05000000" "20010db8000000000000000000000001", "2001:db8::1/128"},
      {"06000000" "20010db8000000000000000000000000" "ffffffff000000000000000000000000", "2001:db8::/32"},
      {"08000000" "20010db8000000000000000000000001" "20010db8000000000000000000000003", "2001:db8::1-2001:db8::3"},
  };
  for (const Case& c : kCases) {
    EXPECT_EQ(Named(c.hex), c.selector);
    const Bytes body = *FromHex(c.hex);
    auto ts = SelectorOf(std::get<IdPayload>(*DecodeBody(PayloadType::kId, Reader(body))));
    ASSERT_TRUE(ts);
    const auto again = ClientIdOf(*ts);
    ASSERT_TRUE(again);
    EXPECT_EQ(Named(ToHex(*again).c_str()), c.selector) << "round trip";
  }
}

TEST(ClientIds, HostBitsOfASubnetAreOfNoAccount) { EXPECT_EQ(Named("04000000" "0a010203ffff0000"), "10.1.0.0/16"); }

TEST(ClientIds, APortOfNoProtocolIsNone) { EXPECT_EQ(Named("01000050" "0a010203"), "10.1.2.3/32"); }

TEST(ClientIds, WhatNamesNoAddressesIsRefused) {
  const char* kBad[] = {
      "01000000" "0a0102",                        // too short
      "01000000" "0a01020304",                    // too long
      "04000000" "0a010000ff00ff00",              // a mask with a hole
      "04000000" "0a010000",                      // no mask
      "07000000" "0a0102090a010203",              // backwards
      "05000000" "0a010203",                      // IPv6 of 4 octets
      "02000000" "6777",                          // FQDN
      "0b000000" "6777",                          // key ID
      "63000000" "0a010203",                      // unknown
  };
  for (const char* hex : kBad) EXPECT_EQ(Named(hex), "") << hex;
}

TEST(ClientIds, SomePortsCannotBeSaid) {
  const IpAddress a = IpAddress::V4(10, 1, 2, 3);
  const TrafficSelector range{.addresses = {a, a}, .protocol = 6, .port_first = 80, .port_last = 90};
  const TrafficSelector opaque{.addresses = {a, a}, .protocol = 6, .port_first = 65535, .port_last = 0};
  const TrafficSelector zero{.addresses = {a, a}, .protocol = 6, .port_first = 0, .port_last = 0};
  const TrafficSelector one{.addresses = {a, a}, .protocol = 6, .port_first = 80, .port_last = 80};
  EXPECT_FALSE(ClientIdOf(range));
  EXPECT_FALSE(ClientIdOf(opaque));
  EXPECT_FALSE(ClientIdOf(zero)) << "port 0 says any";
  ASSERT_TRUE(ClientIdOf(one));
  EXPECT_EQ(ToHex(*ClientIdOf(one)), "010600500a010203");
}

}  // namespace
}  // namespace culvert::ike::v1
