#include <gtest/gtest.h>

#include "tests/config/load_swanctl.h"

namespace culvert::config {
namespace {

using Kind = PoolAttribute::Kind;

TEST(LoadPools, ReadsRangesAndAttributes) {
  Complaints complaints;
  auto control = Load(R"(
pools {
  v4 {
    addrs = 10.3.0.0/24
    dns = 10.1.0.1, 2001:db8::1
    netmask = 255.255.255.0
    subnet = 10.1.0.0/16, 2001:db8:1::/48
    split_include = 10.1.0.0/16
    p_cscf = 10.1.0.9
    28672 = Welcome
    25 = 0x01ff
    20 = 10.1.0.8
    28676 = 10.9.0.0/16
  }
  v6 { addrs = 2001:db8:2::-2001:db8:2::ffff
  }
  info { dns = 10.1.0.1
  }
})",
                      complaints);
  ASSERT_TRUE(control) << Print(complaints);
  ASSERT_EQ(control->pools.size(), 3u);
  const Pool& v4 = control->pools[0];
  EXPECT_EQ(v4.name, "v4");
  EXPECT_EQ(v4.addrs->ToString(), "10.3.0.1-10.3.0.254");
  ASSERT_EQ(v4.attributes.size(), 11u);
  EXPECT_EQ(v4.attributes[1].kind, Kind::kDns);
  EXPECT_EQ(std::get<IpAddress>(v4.attributes[1].value).ToString(), "2001:db8::1");
  EXPECT_EQ(std::get<IpPrefix>(v4.attributes[4].value).ToString(), "2001:db8:1::/48");
  EXPECT_EQ(v4.attributes[7].kind, Kind::kNumber);
  EXPECT_EQ(v4.attributes[7].number, 28672);
  EXPECT_EQ(std::get<std::vector<uint8_t>>(v4.attributes[7].value).size(), 7u);
  EXPECT_EQ(std::get<std::vector<uint8_t>>(v4.attributes[8].value), (std::vector<uint8_t>{1, 0xff}));
  EXPECT_EQ(std::get<IpAddress>(v4.attributes[9].value), IpAddress::V4(10, 1, 0, 8));
  EXPECT_EQ(control->pools[1].addrs->ToString(), "2001:db8:2::/112");
  EXPECT_FALSE(control->pools[2].addrs);
}

TEST(LoadPools, ASubnetSparesItsEnds) {
  struct {
    const char *addrs, *range;
  } const rows[] = {{"10.3.0.0/24", "10.3.0.1-10.3.0.254"},   {"10.3.0.5/24", "10.3.0.5-10.3.0.254"},
                    {"10.3.0.0/30", "10.3.0.1-10.3.0.2"},     {"10.3.0.0/31", "10.3.0.0/31"},
                    {"10.3.0.7/32", "10.3.0.7/32"},           {"10.3.0.7", "10.3.0.7/32"},
                    {"10.3.0.0-10.3.0.9", "10.3.0.0-10.3.0.9"}, {"2001:db8::/126", "2001:db8::1-2001:db8::2"}};
  for (const auto& row : rows) {
    Complaints complaints;
    auto control = Load(std::string("pools { p { addrs = ") + row.addrs + "\n } }", complaints);
    ASSERT_TRUE(control) << row.addrs << Print(complaints);
    EXPECT_EQ(control->pools[0].addrs->ToString(), row.range) << row.addrs;
  }
}

TEST(LoadPools, Complaints) {
  struct {
    const char *text, *complaint;
  } const rows[] = {
      {"addrs = 10.0.0.0/33", "addrs: \"10.0.0.0/33\"; expected a subnet such as 10.3.0.0/24, or a range a-b"},
      {"addrs = 10.0.0.255/24", "addrs: \"10.0.0.255/24\"; expected a subnet such as 10.3.0.0/24, or a range a-b"},
      {"addrs = 0.0.0.0-1.0.0.0", "addrs: holds addresses that are no host's"},
      {"dns = example.org", "dns: \"example.org\"; expected an address"},
      {"netmask = 255.0.255.0", "netmask: \"255.0.255.0\"; expected a netmask such as 255.255.255.0"},
      {"netmask = ffff::", "netmask: \"ffff::\"; it is IPv4's alone"},
      {"subnet = 10.0.0.0/33", "subnet: \"10.0.0.0/33\"; expected a subnet such as 10.1.0.0/16"},
      {"split_include = 2001:db8::/32", "split_include: \"2001:db8::/32\"; it is IPv4's alone"},
      {"splitinclude = 10.0.0.0/8", "splitinclude: unknown key; expected an attribute of pools, or its number"},
      {"32768 = x", "32768: unknown key; expected an attribute of pools, or its number"},
      {"1 = 10.0.0.1", "1: is the leased address itself; expected `addrs`"},
      {"25 = 0x0", "25: \"0x0\"; expected an even number of hexadecimal digits after 0x"},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(Complain(std::string("pools { p {\n") + row.text + "\n} }"), std::string("E swanctl.conf:2: pools.p.") + row.complaint)
        << row.text;
  }
  EXPECT_EQ(Complain("pools { p { addrs = 10.3.0.0/24\n }\n q { addrs = 10.3.0.200-10.3.1.0\n } }"),
            "E swanctl.conf:3: pools.q.addrs: overlaps with pool \"p\"");
  EXPECT_EQ(Complain("pools { radius { addrs = 10.3.0.0/24\n } }"),
            "E swanctl.conf:1: pools.radius: the name is taken; expected another");
  EXPECT_EQ(InConnection("version = 1\npools = nobody"), "W swanctl.conf:3: connections.a.pools: no pool in these files is called \"nobody\"");
  EXPECT_EQ(InConnection("version = 1\npools = dhcp").substr(0, 56), "E swanctl.conf:3: connections.a.pools: \"dhcp\": addresses");
  EXPECT_EQ(InConnection("version = 1\nvips = ::1/64"), "E swanctl.conf:3: connections.a.vips: \"::1/64\"; expected an address, 0.0.0.0 or ::");
}

TEST(LoadPools, GlobalServers) {
  Complaints complaints;
  auto c = Load("", complaints, "dns1 = 10.0.0.1\n dns2 = 2001:db8::1\n nbns1 = 10.0.0.2\n cisco_unity = yes");
  ASSERT_TRUE(c) << Print(complaints);
  EXPECT_EQ(c->settings.dns.size(), 2u);
  EXPECT_EQ(c->settings.nbns, std::vector{IpAddress::V4(10, 0, 0, 2)});
  EXPECT_TRUE(c->settings.cisco_unity);
}

constexpr const char* kRadius = R"(radius {
  retransmit_timeout = 0.5
  servers {
    a { address = 192.0.2.1
      secret = one }
    b { address = 2001:db8::1
      secret = 0x0203
      preference = 5
      auth_port = 1645
      retransmit_tries = 2
      nas_identifier = gw }
  }
})";

TEST(LoadRadius, ServersByPreference) {
  Complaints complaints;
  auto c = Load("", complaints, kRadius);
  ASSERT_TRUE(c) << Print(complaints);
  ASSERT_EQ(c->radius.size(), 2u);
  const RadiusServer &b = c->radius[0], &a = c->radius[1];
  EXPECT_EQ(b.name, "b");
  EXPECT_EQ(b.auth_port, 1645);
  EXPECT_EQ(b.secret.size(), 2u);
  EXPECT_EQ(b.tries, 2u);
  EXPECT_EQ(b.nas_identifier, "gw");
  EXPECT_EQ(a.address, IpAddress::V4(192, 0, 2, 1));
  EXPECT_EQ(a.auth_port, 1812);
  EXPECT_EQ(a.tries, 4u);
  EXPECT_DOUBLE_EQ(a.timeout_s, 0.5);
  EXPECT_DOUBLE_EQ(a.base, 1.4);
  EXPECT_EQ(a.nas_identifier, "culvert");
}

TEST(LoadRadius, Complaints) {
  auto with = [](const std::string& text) { return Complain("", "radius { servers { a {\n" + text + "\n} } }"); };
  EXPECT_EQ(with("address = radius.example.org\nsecret = x"),
            "E culvert.conf:3: control.radius.servers.a.address: \"radius.example.org\"; expected an address");
  EXPECT_EQ(with("address = 192.0.2.1"),
            "E culvert.conf:2: control.radius.servers.a.secret: missing; expected text, 0x and hexadecimal, or 0s and base64");
  EXPECT_EQ(with("address = 192.0.2.1\nsecret = x\nretransmit_timeout = 0"),
            "E culvert.conf:5: control.radius.servers.a.retransmit_timeout: 0 would send without a pause; expected more");
  MemoryFiles files;
  files.files["/etc/d/culvert.conf"] = {"control { radius { servers { a { address = 192.0.2.1\n secret = x\n } } } }", true};
  Complaints complaints;
  EXPECT_FALSE(LoadControl(files, "/etc/d", nullptr, complaints));
  EXPECT_EQ(Print(complaints), "E culvert.conf:2: control.radius.servers.a.secret: stands in a file that everybody may read; "
                               "expected mode 0640 or stricter");
}

}  // namespace
}  // namespace culvert::config
