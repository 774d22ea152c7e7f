#include "control/ike/connection_table.h"

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

std::vector<std::string> Names(const std::vector<ConnectionRef>& all, std::string_view local, std::string_view remote,
                               unsigned version = 2) {
  std::vector<std::string> names;
  const ConnectionTable table(all);
  const IpAddress from = *IpAddress::Parse(remote), to = *IpAddress::Parse(local);
  table.Visit({to, from, nullptr, version}, [&](const ConnectionRef& c) {
    names.push_back(c->name);
    return false;
  });
  EXPECT_EQ(table.CountFor(to, from, version), names.size());
  return names;
}

TEST(ConnectionTable, ClosestFirstThenInOrderOfLoading) {
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
            (std::vector<std::string>{"host-and-local", "host", "either", "net", "range", "any", "any-too", "name"}));
  EXPECT_EQ(Names(all, "198.51.100.2", "203.0.113.1"), (std::vector<std::string>{"any", "any-too", "name", "either"}));
  EXPECT_EQ(Names(all, "2001:db8::1", "2001:db8::2"), (std::vector<std::string>{"any", "v6", "name", "either"}));
}

TEST(ConnectionTable, OfEitherVersionOrBoth) {
  const std::vector<ConnectionRef> all = {Make("new", {}, {"192.0.2.1"}), Make("old", {}, {"192.0.2.1"}, 1),
                                          Make("both", {}, {"%any"}, 0)};
  EXPECT_EQ(Names(all, "198.51.100.1", "192.0.2.1", 1), (std::vector<std::string>{"old", "both"}));
  EXPECT_EQ(Names(all, "198.51.100.1", "192.0.2.1", 2), (std::vector<std::string>{"new", "both"}));
}

ConnectionRef ForPeer(std::string name, std::vector<std::string> remote, std::string id) {
  config::Connection c = *Make(std::move(name), {}, std::move(remote));
  c.remote.push_back({.id = std::move(id)});
  return std::make_shared<const config::Connection>(std::move(c));
}

TEST(ConnectionTable, WhoSaysItsNameMeetsThoseThatAdmitIt) {
  const ConnectionTable table({ForPeer("wild", {"%any"}, "*.example.org"), ForPeer("a", {}, "a.example.org"),
                               ForPeer("b", {"%any"}, "b.example.org"), ForPeer("open", {"%any"}, "%any"),
                               ForPeer("near", {"192.0.2.1"}, "A.example.org"), ForPeer("near-b", {"192.0.2.1"}, "b.example.org")});
  auto names = [&](const char* peer, bool stop) {
    std::string all;
    const Identity id = *Identity::Parse(peer);
    table.Visit({*IpAddress::Parse("198.51.100.1"), *IpAddress::Parse("192.0.2.1"), &id}, [&](const ConnectionRef& c) {
      all += c->name + " ";
      return stop;
    });
    return all;
  };
  EXPECT_EQ(names("a.example.org", false), "near wild a open ");
  EXPECT_EQ(names("a.example.org", true), "near ");
  EXPECT_EQ(names("c.example.org", false), "wild open ");
  EXPECT_EQ(names("192.0.2.1", false), "open ");
  EXPECT_EQ((*table.ByName("b"))->name, "b");
  EXPECT_EQ(table.ByName("c"), nullptr);
}

TEST(ConnectionTable, OneThatNamesAnAddressTwiceIsMetOnce) {
  EXPECT_EQ(Names({Make("c", {"%any"}, {"192.0.2.1", "192.0.2.1", "192.0.2.0/24", "%any"})}, "198.51.100.1", "192.0.2.1"),
            std::vector<std::string>{"c"});
}

TEST(ConnectionTable, CallsFromAnAddressThatIsThere) {
  auto c = Make("c", {"192.0.2.7", "192.0.2.8", "2001:db8::1"}, {"192.0.2.1"});
  const std::vector<IpAddress> ours = {*IpAddress::Parse("2001:db8::1"), *IpAddress::Parse("192.0.2.8")};
  EXPECT_EQ(CallFrom(*c, *IpAddress::Parse("192.0.2.1"), ours), IpAddress::Parse("192.0.2.8"));
  EXPECT_EQ(CallFrom(*c, *IpAddress::Parse("192.0.2.1"), std::span(ours).first(1)), IpAddress::Parse("192.0.2.7"));
}

TEST(AdmitsLocal, AsLocalAddrsSay) {
  auto admits = [](std::vector<std::string> local_addrs, std::string_view address) {
    return AdmitsLocal(*Make("c", std::move(local_addrs), {}), *IpAddress::Parse(address));
  };
  EXPECT_TRUE(admits({}, "192.0.2.7"));
  EXPECT_TRUE(admits({"%any"}, "2001:db8::1"));
  EXPECT_TRUE(admits({"192.0.2.0/29", "2001:db8::1"}, "192.0.2.7"));
  EXPECT_FALSE(admits({"192.0.2.0/29", "2001:db8::1"}, "192.0.2.8"));
  EXPECT_FALSE(admits({"%any6"}, "192.0.2.7"));
  EXPECT_TRUE(admits({"gw.example.org"}, "192.0.2.7"));
}

TEST(ConnectionTable, WhomToCallAndFromWhere) {
  auto c = Make("c", {"%any", "2001:db8::1", "192.0.2.7"}, {"%any", "10.0.0.0/8", "vpn.example.org", "192.0.2.1", "192.0.2.2"});
  const Callee in_turn[] = {"vpn.example.org", *IpAddress::Parse("192.0.2.1"), *IpAddress::Parse("192.0.2.2")};
  for (unsigned attempt = 1; attempt <= 7; ++attempt) EXPECT_EQ(CallTo(*c, attempt), in_turn[(attempt - 1) % 3]) << attempt;
  EXPECT_EQ(CallFrom(*c, *IpAddress::Parse("192.0.2.1")), IpAddress::Parse("192.0.2.7"));
  EXPECT_EQ(CallFrom(*Make("d", {}, {}), *IpAddress::Parse("192.0.2.1")), std::nullopt);
  EXPECT_EQ(CallTo(*Make("e", {}, {"%any", "0.0.0.0", "10.0.0.0/8"}), 1), std::nullopt);
  EXPECT_TRUE(MayCallFrom(*c, Family::kV6));
  EXPECT_FALSE(MayCallFrom(*Make("f", {"192.0.2.7"}, {}), Family::kV6));
}

}  // namespace
}  // namespace culvert::ike
