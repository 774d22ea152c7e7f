#include "control/ike/connection_match.h"

#include <gtest/gtest.h>

namespace culvert::ike {
namespace {

ConnectionRef Make(std::string name, std::vector<std::string> local, std::vector<std::string> remote, uint8_t version = 2) {
  config::Connection c;
  c.name = std::move(name);
  c.local_addrs = std::move(local);
  c.remote_addrs = std::move(remote);
  c.version = version;
  return std::make_shared<const config::Connection>(std::move(c));
}

std::vector<std::string> Names(const std::vector<ConnectionRef>& all, std::string_view local, std::string_view remote) {
  std::vector<std::string> names;
  for (const auto& c : ConnectionsFor(all, *IpAddress::Parse(local), *IpAddress::Parse(remote))) names.push_back(c->name);
  return names;
}

TEST(ConnectionMatch, ClosestFirstThenInOrderOfLoading) {
  std::vector<ConnectionRef> all = {Make("any", {}, {"%any"}),
                                    Make("any-too", {"0.0.0.0"}, {}),
                                    Make("net", {}, {"192.0.2.0/24"}),
                                    Make("range", {}, {"192.0.2.1-192.0.2.9"}),
                                    Make("host", {}, {"192.0.2.1"}),
                                    Make("host-and-local", {"198.51.100.1"}, {"192.0.2.1"}),
                                    Make("elsewhere", {}, {"192.0.2.2"}),
                                    Make("v6", {}, {"%any6"}),
                                    Make("name", {}, {"vpn.example.org"}),
                                    Make("old", {}, {"192.0.2.1"}, 1),
                                    Make("either", {}, {"vpn.example.org", "192.0.2.1"}, 0)};
  EXPECT_EQ(Names(all, "198.51.100.1", "192.0.2.1"),
            (std::vector<std::string>{"host-and-local", "host", "either", "net", "range", "any", "any-too"}));
  EXPECT_EQ(Names(all, "198.51.100.2", "203.0.113.1"), (std::vector<std::string>{"any", "any-too"}));
  EXPECT_EQ(Names(all, "2001:db8::1", "2001:db8::2"), (std::vector<std::string>{"any", "v6"}));
}

TEST(ConnectionMatch, WhomToCallAndFromWhere) {
  auto c = Make("c", {"%any", "2001:db8::1", "192.0.2.7"}, {"%any", "10.0.0.0/8", "vpn.example.org", "192.0.2.1", "192.0.2.2"});
  EXPECT_EQ(CallTo(*c), IpAddress::Parse("192.0.2.1"));
  EXPECT_EQ(CallFrom(*c, *IpAddress::Parse("192.0.2.1")), IpAddress::Parse("192.0.2.7"));
  EXPECT_EQ(CallFrom(*Make("d", {}, {}), *IpAddress::Parse("192.0.2.1")), std::nullopt);
  EXPECT_EQ(CallTo(*Make("e", {}, {"%any", "0.0.0.0", "gw.example.org"})), std::nullopt);
}

}  // namespace
}  // namespace culvert::ike
