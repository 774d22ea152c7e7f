#include "dataplane/fib/forwarding.h"

#include <gtest/gtest.h>

#include "tests/support/frames.h"

namespace culvert::dp {
namespace {

using testing::Ip;

Forwarding Table() {
  return Forwarding(7,
                    {{*IpPrefix::Parse("10.1.0.0/24"), {.port = 1, .mtu = 1400}},
                     {*IpPrefix::Parse("0.0.0.0/0"), {.port = 0, .gateway = 5}},
                     {*IpPrefix::Parse("2001:db8::/64"), {.port = 0}}},
                    {{Ip("10.1.0.1"), 1, 24},
                     {Ip("192.0.2.1"), 0, 24},
                     {Ip("192.0.2.65"), 0, 31},
                     {Ip("2001:db8::1"), 0, 64},
                     {Ip("fe80::1"), 0, 64},
                     {Ip("fe80::2"), 1, 64}},
                    {{.port = 0}, {.port = 1}});
}

const uint8_t* At(const IpAddress& a) { return a.octets.data(); }

TEST(Forwarding, LooksUpByFamily) {
  Forwarding f = Table();
  EXPECT_EQ(f.Lookup(4, At(Ip("10.1.0.9")))->mtu, 1400);
  EXPECT_EQ(f.Lookup(4, At(Ip("8.8.8.8")))->gateway, 5u);
  EXPECT_EQ(f.Lookup(6, At(Ip("2001:db8::9")))->port, 0);
  EXPECT_EQ(f.Lookup(6, At(Ip("2001:db9::9"))), nullptr);
  EXPECT_EQ(f.Link(1)->port, 1);
  EXPECT_EQ(f.Link(2), nullptr);
}

TEST(Forwarding, KnowsItsOwnAddressesAndTheLinkLocalOnesByPort) {
  Forwarding f = Table();
  struct {
    const char* address;
    uint16_t port;
    bool own;
  } kCases[] = {{"10.1.0.1", 0, true},    {"10.1.0.1", 1, true}, {"10.1.0.2", 1, false}, {"2001:db8::1", 1, true},
                {"2001:db8::2", 0, false}, {"fe80::1", 0, true},  {"fe80::1", 1, false},  {"fe80::2", 1, true}};
  for (const auto& c : kCases) {
    IpAddress a = Ip(c.address);
    EXPECT_EQ(f.IsOwn(static_cast<uint8_t>(a.family), At(a), c.port), c.own) << c.address << " port " << c.port;
  }
}

TEST(Forwarding, NamesBroadcastsButNoneOfASlash31) {
  Forwarding f = Table();
  EXPECT_TRUE(f.IsBroadcast(At(Ip("192.0.2.255"))));
  EXPECT_TRUE(f.IsBroadcast(At(Ip("10.1.0.255"))));
  EXPECT_TRUE(f.IsBroadcast(At(Ip("255.255.255.255"))));
  EXPECT_FALSE(f.IsBroadcast(At(Ip("192.0.2.65"))));
  EXPECT_FALSE(f.IsBroadcast(At(Ip("192.0.2.254"))));
}

TEST(Forwarding, SpeaksFromTheSubnetThenThePortThenAnything) {
  Forwarding f = Table();
  EXPECT_EQ(f.SourceFor(1, 4, At(Ip("10.1.0.77")))->address, Ip("10.1.0.1"));
  EXPECT_EQ(f.SourceFor(0, 4, At(Ip("8.8.8.8")))->address, Ip("192.0.2.1"));
  EXPECT_EQ(f.SourceFor(1, 6, At(Ip("2001:db8:5::1")))->address, Ip("2001:db8::1"));  // lan has no global one
  EXPECT_EQ(f.SourceFor(1, 6, At(Ip("fe80::99")))->address, Ip("fe80::2"));
  EXPECT_EQ(f.SourceFor(2, 6, At(Ip("fe80::99"))), nullptr);
}

}  // namespace
}  // namespace culvert::dp
