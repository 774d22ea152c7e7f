#include <gtest/gtest.h>

#include "config/load.h"
#include "tests/config/memory_files.h"
#include "tests/config/print.h"

namespace culvert::config {
namespace {

constexpr unsigned kCores = 8;

std::optional<Dataplane> Load(const std::string& text, Complaints& complaints) {
  MemoryFiles files;
  files.files["/etc/d/culvert.conf"].text = text;
  return LoadDataplane(files, "/etc/d", kCores, complaints);
}

std::string Complain(const std::string& text) {
  Complaints complaints;
  bool loaded = Load(text, complaints).has_value();
  EXPECT_EQ(loaded, !HasErrors(complaints));
  return Print(complaints);
}

// With a port that is fine, to see one problem alone.
std::string InDataplane(const std::string& text) {
  return Complain("dataplane {\n" + text + "\nports { wan { device = 0000:3b:00.0  addrs = 192.0.2.1/24 } }\n}");
}

TEST(LoadDataplane, ReadsTheDesignsExample) {
  Complaints complaints;
  auto d = Load(R"(
dataplane {
  workers = 1                # cores that poll
  hugepages = auto           # auto | no | MiB
  idle = adaptive
  default_policy = forward
  ports {
    wan { device = 0000:3b:00.0             addrs = 192.0.2.1/24, 2001:db8::1/64 }
    lan { device = net_af_xdp0,iface=veth1  addrs = 10.1.0.1/24  mtu = 1400 }
  }
  routes { default { to = 0.0.0.0/0  via = 192.0.2.254 } }
}
control {
  vici { socket = unix:///run/culvert/vici.sock }
  include swanctl.conf
})",
                complaints);
  ASSERT_TRUE(d) << Print(complaints);
  EXPECT_EQ(Print(complaints), "");
  EXPECT_EQ(d->worker_cores, std::vector<unsigned>{7});
  EXPECT_EQ(d->hugepages, Hugepages::kAuto);
  EXPECT_EQ(d->idle, Idle::kAdaptive);
  EXPECT_TRUE(d->default_forward);
  EXPECT_FALSE(d->forward_without_ike);
  ASSERT_EQ(d->ports.size(), 2u);
  EXPECT_EQ(d->ports[0].name, "wan");
  EXPECT_EQ(d->ports[0].device, "0000:3b:00.0");
  ASSERT_EQ(d->ports[0].addrs.size(), 2u);
  EXPECT_EQ(d->ports[0].addrs[0].ToString(), "192.0.2.1/24");
  EXPECT_EQ(d->ports[0].addrs[1].ToString(), "2001:db8::1/64");
  EXPECT_EQ(d->ports[0].mtu, 1500u);
  EXPECT_EQ(d->ports[1].device, "net_af_xdp0,iface=veth1");
  EXPECT_EQ(d->ports[1].mtu, 1400u);
  ASSERT_EQ(d->routes.size(), 1u);
  EXPECT_EQ(d->routes[0].to.ToString(), "0.0.0.0/0");
  EXPECT_EQ(d->routes[0].via->ToString(), "192.0.2.254");
  EXPECT_EQ(d->routes[0].port, "wan");
}

TEST(LoadDataplane, DefaultsAndOtherForms) {
  Complaints complaints;
  auto d = Load(
      "dataplane { workers = 2, 4-5\n hugepages = 512\n default_policy = drop\n without_ike = forward\n"
      "ports { p { device = net_null0 } }\n"
      "routes { a { to = 10.0.0.0/8  port = p }\n b { to = fe80::/10  via = fe80::1  port = p } } }",
      complaints);
  ASSERT_TRUE(d) << Print(complaints);
  EXPECT_EQ(d->worker_cores, (std::vector<unsigned>{2, 4, 5}));
  EXPECT_EQ(d->hugepages, Hugepages::kMiB);
  EXPECT_EQ(d->hugepages_mib, 512u);
  EXPECT_FALSE(d->idle);
  EXPECT_FALSE(d->default_forward);
  EXPECT_TRUE(d->forward_without_ike);
  EXPECT_FALSE(d->routes[0].via);
  EXPECT_EQ(d->routes[0].port, "p");
  EXPECT_EQ(d->routes[1].port, "p");
}

TEST(LoadDataplane, ReadsTheSegmentSizeOfTcp) {
  struct {
    const char* text;
    Dataplane::Mss mss;
    unsigned octets;
  } kCases[] = {{"", Dataplane::Mss::kNo, 0},
                {"mss = no", Dataplane::Mss::kNo, 0},
                {"mss = auto", Dataplane::Mss::kAuto, 0},
                {"mss = 1360", Dataplane::Mss::kOctets, 1360}};
  for (const auto& c : kCases) {
    Complaints complaints;
    auto d = Load(std::string("dataplane { ") + c.text + "\n ports { wan { device = net_null0 } } }", complaints);
    ASSERT_TRUE(d) << Print(complaints);
    EXPECT_EQ(d->mss, c.mss) << c.text;
    EXPECT_EQ(d->mss_octets, c.octets) << c.text;
  }
  Complaints complaints;
  EXPECT_FALSE(Load("dataplane { mss = 40\n ports { wan { device = net_null0 } } }", complaints));
  EXPECT_EQ(Print(complaints), "E culvert.conf:1: dataplane.mss: \"40\"; expected no, auto or 216 to 9176 octets");
}

TEST(LoadDataplane, HasVlansOfItsPorts) {
  Complaints complaints;
  auto d = Load("dataplane { ports { dmz { vlan = 7  parent = lan  addrs = 10.7.0.1/24, 10.8.0.1/24 }\n"
                "lan { device = net_null0  mtu = 1400 } off { vlan = 8  parent = lan  mtu = 1300 } } }",
                complaints);
  ASSERT_TRUE(d) << Print(complaints);
  EXPECT_EQ(Print(complaints), "");
  EXPECT_EQ(d->ports[0].vlan, 7u);
  EXPECT_EQ(d->ports[0].parent, "lan");
  EXPECT_EQ(d->ports[0].mtu, 1400u);
  EXPECT_EQ(d->ports[0].addrs.size(), 2u);
  EXPECT_EQ(d->ports[1].vlan, 0u);
  EXPECT_EQ(d->ports[2].mtu, 1300u);
}

TEST(LoadDataplane, RefusesVlansOfNothing) {
  struct {
    const char* port;
    const char* expect;
  } kCases[] = {
      {"vlan = 7", "E culvert.conf:2: dataplane.ports.v.parent: missing; expected the port the VLAN is of"},
      {"vlan = 7  parent = wan", "E culvert.conf:2: dataplane.ports.v.parent: \"wan\" is no port"},
      {"vlan = 7  parent = w", "E culvert.conf:2: dataplane.ports.v.vlan: is of \"w\", which is a VLAN itself"},
      {"vlan = 6  parent = lan", "E culvert.conf:2: dataplane.ports.v.vlan: 6 of \"lan\" is port \"w\" too"},
      {"vlan = 7  parent = lan  mtu = 1501", "E culvert.conf:2: dataplane.ports.v.mtu: 1501 octets; \"lan\" carries 1500"},
      {"vlan = 7  parent = lan  device = net_null1",
       "E culvert.conf:2: dataplane.ports.v.device: is the parent's: a VLAN has none of its own"},
      {"device = net_null1  parent = lan", "E culvert.conf:2: dataplane.ports.v.parent: says nothing without vlan"},
      {"vlan = 4095  parent = lan", "E culvert.conf:2: dataplane.ports.v.vlan: \"4095\" is not between 1 and 4094"},
  };
  for (const auto& c : kCases) {
    Complaints complaints;
    EXPECT_FALSE(Load(std::string("dataplane { ports { lan { device = net_null0 } w { vlan = 6  parent = lan }\n v { ") + c.port +
                          " } } }",
                      complaints));
    EXPECT_EQ(Print(complaints), c.expect) << c.port;
  }
}

TEST(LoadDataplane, GivesAPortATap) {
  Complaints complaints;
  auto d = Load("dataplane { ports { wan { device = net_null0  tap = yes } lan { device = net_null1 } } }", complaints);
  ASSERT_TRUE(d) << Print(complaints);
  EXPECT_EQ(Print(complaints), "");
  EXPECT_TRUE(d->ports[0].tap);
  EXPECT_FALSE(d->ports[1].tap);
}

TEST(LoadDataplane, NeverOpensWhatControlIncludes) {
  MemoryFiles files;
  files.files["/etc/d/culvert.conf"].text =
      "include ports.conf\ncontrol { include swanctl.conf\n include missing.conf\n }\ncontrol.more { include swanctl.conf\n }";
  files.files["/etc/d/ports.conf"].text = "dataplane { ports { p { device = x } } }";
  files.files["/etc/d/swanctl.conf"].text = "not even a configuration";
  Complaints complaints;
  EXPECT_TRUE(LoadDataplane(files, "/etc/d", kCores, complaints)) << Print(complaints);
  EXPECT_EQ(files.opened.size(), 2u);
  EXPECT_FALSE(files.opened.contains("/etc/d/swanctl.conf"));
}

TEST(LoadDataplane, Errors) {
  struct Case {
    const char* text;
    const char* expect;
  };
  const Case cases[] = {
      {"", ""},
      {"worker = 1", "E culvert.conf:2: dataplane.worker: unknown key; did you mean \"workers\"?"},
      {"zzz = 1", "E culvert.conf:2: dataplane.zzz: unknown key"},
      {"prots { }", "E culvert.conf:2: dataplane.prots: unknown section; did you mean \"ports\"?"},
      {"ports = 1", "E culvert.conf:2: dataplane.ports: is a section; expected ports { }"},
      {"workers { }", "E culvert.conf:2: dataplane.workers: is a key; expected workers = a value"},
      {"workers = 9", "E culvert.conf:2: dataplane.workers: \"9\" is not between 1 and 8 workers"},
      {"workers = 0", "E culvert.conf:2: dataplane.workers: \"0\" is not between 1 and 8 workers"},
      {"workers = many", "E culvert.conf:2: dataplane.workers: \"many\" is no whole number; expected 1 to 8 workers"},
      {"workers = 1, 999", "E culvert.conf:2: dataplane.workers: \"999\"; this machine has cores 0 to 7"},
      {"workers = 0-4294967295", "E culvert.conf:2: dataplane.workers: \"0-4294967295\"; this machine has cores 0 to 7"},
      {"workers = 1,1", "E culvert.conf:2: dataplane.workers: names a core twice"},
      {"hugepages = yes", "E culvert.conf:2: dataplane.hugepages: \"yes\"; expected auto, no or a number of MiB"},
      {"idle = sleep", "E culvert.conf:2: dataplane.idle: \"sleep\"; expected poll or adaptive"},
      {"default_policy = accept", "E culvert.conf:2: dataplane.default_policy: \"accept\"; expected forward or drop"},
      {"ports { a { } }",
       "E culvert.conf:2: dataplane.ports.a.device: missing; expected a PCI address or a vdev such as net_af_xdp0,iface=eth1"},
      {"ports { a { device = x  mtu = 70000 } }",
       "E culvert.conf:2: dataplane.ports.a.mtu: \"70000\" is not between 576 and 9216"},
      {"ports { a { device = x  addrs = 10.0.0.0/33 } }",
       "E culvert.conf:2: dataplane.ports.a.addrs: \"10.0.0.0/33\"; expected an address with its prefix length, such as "
       "192.0.2.1/24"},
      {"ports { a { device = x  addrs = 10.0.0.1 } }",
       "E culvert.conf:2: dataplane.ports.a.addrs: \"10.0.0.1\"; expected an address with its prefix length, such as "
       "192.0.2.1/24"},
      {"ports { a { device = x  addrs = 224.0.0.1/24 } }",
       "E culvert.conf:2: dataplane.ports.a.addrs: \"224.0.0.1/24\"; expected a unicast address"},
      {"ports { a { device = 0000:3b:00.0 } }",
       "E culvert.conf:3: dataplane.ports.wan.device: is the device of port \"a\" too"},
      {"ports { a { device = x  addrs = 192.0.2.1/16 } }",
       "E culvert.conf:3: dataplane.ports.wan.addrs: 192.0.2.1 is an address of port \"a\" too"},
      {"ports { a234567890123456 { device = x } }",
       "E culvert.conf:2: dataplane.ports.a234567890123456: the name is too long; expected at most 15 characters"},
      {"ports { a { device = x  tap = maybe } }", "E culvert.conf:2: dataplane.ports.a.tap: \"maybe\"; expected yes or no"},
      {"ports { a/b { device = x  tap = yes } }",
       "E culvert.conf:2: dataplane.ports.a/b.tap: no interface can be called \"a/b\"; give the port another name"},
      {"ports { a%d { device = x  tap = yes } }",
       "E culvert.conf:2: dataplane.ports.a%d.tap: no interface can be called \"a%d\"; give the port another name"},
      {"ports { all { device = x  tap = yes } }",
       "E culvert.conf:2: dataplane.ports.all.tap: no interface can be called \"all\"; give the port another name"},
      {"ports { a/b { device = x  tap = no } }", ""},
      {"tunnels { t { if_id = 42 } }", ""},
      {"tunnels { t { addrs = 169.254.1.1/30 } }",
       "E culvert.conf:2: dataplane.tunnels.t.if_id: missing; expected the number of the children it is for"},
      {"tunnels { t { if_id = 0 } }", "E culvert.conf:2: dataplane.tunnels.t.if_id: \"0\" is not between 1 and 4294967295"},
      {"tunnels { t { if_id = 7 } u { if_id = 7 } }",
       "E culvert.conf:2: dataplane.tunnels.u.if_id: is that of tunnel \"t\" too"},
      {"tunnels { wan { if_id = 7 } }", "E culvert.conf:2: dataplane.tunnels.wan: a port has that name"},
      {"tunnels { t234567890123456 { if_id = 7 } }",
       "E culvert.conf:2: dataplane.tunnels.t234567890123456: the name is too long; expected at most 15 characters"},
      {"tunnels { t { if_id = 7  addrs = 192.0.2.1/32 } }",
       "E culvert.conf:2: dataplane.tunnels.t.addrs: 192.0.2.1 is an address of port \"wan\" too"},
      {"tunnels { t { if_id = 7  addrs = fe80::1/64 } }",
       "E culvert.conf:2: dataplane.tunnels.t.addrs: fe80::1 is link-local; expected an address that is routed"},
      {"tunnels { t { if_id = 7 } } routes { r { to = 10.0.0.0/8  via = 169.254.1.2  port = t } }",
       "E culvert.conf:2: dataplane.routes.r.via: 169.254.1.2 is in no subnet of that tunnel"},
      {"routes { r { via = 192.0.2.2 } }",
       "E culvert.conf:2: dataplane.routes.r.to: missing; expected a prefix such as 0.0.0.0/0"},
      {"routes { r { to = 10.0.0.0/8 } }",
       "E culvert.conf:2: dataplane.routes.r.via: missing; expected a next hop, or a port for an on-link route"},
      {"routes { r { to = 10.0.0.0/8  via = 10.0.0.1 } }",
       "E culvert.conf:2: dataplane.routes.r.via: 10.0.0.1 is in no subnet of any port"},
      {"routes { r { to = 10.0.0.0/8  via = 10.0.0.1  port = wan } }",
       "E culvert.conf:2: dataplane.routes.r.via: 10.0.0.1 is in no subnet of that port"},
      {"routes { r { to = 10.0.0.0/8  via = gw } }", "E culvert.conf:2: dataplane.routes.r.via: \"gw\"; expected an address"},
      {"routes { r { to = ::/0  via = 192.0.2.2 } }",
       "E culvert.conf:2: dataplane.routes.r.via: is of another address family than the destination"},
      {"routes { r { to = 10.0.0.0/8  port = lan } }",
       "E culvert.conf:2: dataplane.routes.r.port: \"lan\" is no port or tunnel of this gateway"},
      {"routes { r { to = 0.0.0.0/0  via = 192.0.2.2 } s { to = 0.0.0.0/0  via = 192.0.2.3 } }",
       "E culvert.conf:2: dataplane.routes.s.to: 0.0.0.0/0 is the destination of route \"r\" too"},
  };
  for (auto& c : cases) EXPECT_EQ(InDataplane(c.text), c.expect) << c.text;
  EXPECT_EQ(Complain("control { }"), "E culvert.conf: has no section dataplane { }");
  EXPECT_EQ(Complain("dataplane { }"), "E culvert.conf:1: dataplane.ports: missing; expected at least one port");
  EXPECT_EQ(Complain("dataplane {"), "E culvert.conf:1: section \"dataplane\" is not closed; expected a \"}\"");
  std::string ports;
  for (int i = 0; i < 17; ++i) ports += "p" + std::to_string(i) + " { device = d" + std::to_string(i) + " }\n";
  EXPECT_EQ(Complain("dataplane { ports {\n" + ports + "} }"),
            "E culvert.conf:1: dataplane.ports: 17 ports; expected at most 16");
}

TEST(LoadDataplane, CryptoDevices) {
  Complaints complaints;
  auto d = Load(R"(
dataplane {
  ports { wan { device = 0000:3b:00.0 } }
  crypto_devices {
    qat { device = 0000:3d:01.0 }
    mb { device = crypto_aesni_mb,max_nb_queue_pairs=4  sessions = 100  lookaside_ipsec = software }
    gcm { device = crypto_aesni_gcm  lookaside_ipsec = no }
  }
})",
                complaints);
  ASSERT_TRUE(d) << Print(complaints);
  EXPECT_EQ(Print(complaints), "");
  ASSERT_EQ(d->crypto_devices.size(), 3u);
  EXPECT_EQ(d->crypto_devices[0].name, "qat");
  EXPECT_EQ(d->crypto_devices[0].device, "0000:3d:01.0");
  EXPECT_EQ(d->crypto_devices[0].sessions, 2048u);
  EXPECT_EQ(d->crypto_devices[1].device, "crypto_aesni_mb,max_nb_queue_pairs=4");
  EXPECT_EQ(d->crypto_devices[1].sessions, 100u);
  EXPECT_EQ(d->crypto_devices[0].lookaside_ipsec, CryptoDevice::Lookaside::kAuto);
  EXPECT_EQ(d->crypto_devices[1].lookaside_ipsec, CryptoDevice::Lookaside::kSoftware);
  EXPECT_EQ(d->crypto_devices[2].lookaside_ipsec, CryptoDevice::Lookaside::kNo);
}

TEST(LoadDataplane, CryptoDevicesThatCannotBe) {
  Complaints complaints;
  EXPECT_FALSE(Load(R"(
dataplane {
  ports { wan { device = 0000:3b:00.0 } }
  crypto_devices {
    a { sessions = 1 }
    b { device = crypto_openssl }
    c { device = crypto_openssl }
    d { device = crypto_aesni_mb  lookaside_ipsec = yes }
  }
})",
                    complaints));
  EXPECT_EQ(Print(complaints),
            "E culvert.conf:5: dataplane.crypto_devices.a.sessions: \"1\" is not between 2 and 262144|"
            "E culvert.conf:8: dataplane.crypto_devices.d.lookaside_ipsec: \"yes\"; expected auto, no or software|"
            "E culvert.conf:5: dataplane.crypto_devices.a.device: missing; expected a PCI address or a vdev such as "
            "crypto_aesni_mb|"
            "E culvert.conf:7: dataplane.crypto_devices.c.device: is that of crypto device \"b\" too");
}

TEST(LoadDataplane, Tunnels) {
  Complaints complaints;
  auto d = Load(R"(
dataplane {
  ports { wan { device = 0000:3b:00.0  addrs = 192.0.2.1/24 } }
  tunnels {
    t1 { if_id = 42  addrs = 169.254.1.1/30, fd00:1::1/64 }
    t2 { if_id = 0x2b }
  }
  routes {
    a { to = 10.9.0.0/16  port = t1 }
    b { to = 10.8.0.0/16  via = 169.254.1.2 }
    c { to = 10.7.0.0/16  port = t2 }
  }
})",
                complaints);
  ASSERT_TRUE(d) << Print(complaints);
  EXPECT_EQ(Print(complaints), "");
  ASSERT_EQ(d->tunnels.size(), 2u);
  EXPECT_EQ(d->tunnels[0].name, "t1");
  EXPECT_EQ(d->tunnels[0].if_id, 42u);
  ASSERT_EQ(d->tunnels[0].addrs.size(), 2u);
  EXPECT_EQ(d->tunnels[0].addrs[0].ToString(), "169.254.1.1/30");
  EXPECT_EQ(d->tunnels[1].if_id, 43u);
  ASSERT_EQ(d->routes.size(), 3u);
  EXPECT_EQ(d->routes[0].port, "t1");
  EXPECT_EQ(d->routes[1].port, "t1") << "found by its next hop";
  EXPECT_EQ(d->routes[2].port, "t2");
}

TEST(LoadDataplane, EveryProblemIsSaid) {
  EXPECT_EQ(InDataplane("idle = x\nworkers = y"),
            "E culvert.conf:2: dataplane.idle: \"x\"; expected poll or adaptive|"
            "E culvert.conf:3: dataplane.workers: \"y\" is no whole number; expected 1 to 8 workers");
}

}  // namespace
}  // namespace culvert::config
