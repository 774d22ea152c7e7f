#include <gtest/gtest.h>

#include "tests/config/load_swanctl.h"

namespace culvert::config {
namespace {

TEST(LoadChild, ProposalsOfTheTwoProtocols) {
  struct {
    const char* text;
    size_t esp, ah;
  } const rows[] = {{"", DefaultEspProposals().size(), 0},
                    {"ah_proposals = sha256-esn, sha512", 0, 2},
                    {"ah_proposals = default", 0, 1},
                    {"ah_proposals = sha256\n esp_proposals = aes128gcm16", 1, 1},
                    {"ah_proposals = sha256\n esp_proposals = default", DefaultEspProposals().size(), 1}};
  for (const auto& row : rows) {
    auto conn = LoadOne(std::string("connections { a { ") + kRounds + "children { x { " + row.text + "\n} } } }");
    ASSERT_TRUE(conn) << row.text;
    EXPECT_EQ(conn->children[0].esp_proposals.size(), row.esp) << row.text;
    EXPECT_EQ(conn->children[0].ah_proposals.size(), row.ah) << row.text;
    for (const EspProposal& p : conn->children[0].ah_proposals) EXPECT_TRUE(p.encrs.empty() && !p.integs.empty()) << row.text;
  }
  EXPECT_EQ(InConnection("encap = yes\nchildren { y { ah_proposals = sha256\n } }"),
            "E swanctl.conf:3: connections.a.children.y.ah_proposals: AH does not go in UDP, which encap = yes demands");
  EXPECT_EQ(InConnection("encap = yes\nchildren { y { ah_proposals = sha256\n esp_proposals = default\n } }"),
            "W swanctl.conf:3: connections.a.children.y.ah_proposals: of no use: AH does not go in UDP, which encap = yes demands");
}

// What transport mode protects is known where the connection names one address a side; selectors that leave it out never come up.
TEST(LoadChild, TransportModeIsForTheAddressesOfTheConnection) {
  const std::string one = "local_addrs = 192.0.2.1\nremote_addrs = 192.0.2.2\n", child = "children { y { mode = transport\n";
  for (const char* good : {"", "local_ts = 192.0.2.0/24, 10.0.0.0/8", "local_ts = dynamic[tcp]\n remote_ts = 192.0.2.2/32[tcp/179]",
                           "start_action = trap"}) {
    EXPECT_EQ(InConnection(one + child + good + "\n} }"), "") << good;
  }
  EXPECT_EQ(InConnection(one + child + "local_ts = 10.1.0.0/16\n} }"),
            "E swanctl.conf:5: connections.a.children.y.local_ts: transport mode protects own addresses; expected dynamic, or one of "
            "local_addrs among them");
  EXPECT_EQ(InConnection(one + child + "remote_ts = 192.0.2.1\n} }"),
            "E swanctl.conf:5: connections.a.children.y.remote_ts: transport mode protects the peer's addresses; expected dynamic, or "
            "one of remote_addrs among them");
  EXPECT_EQ(InConnection("remote_addrs = %any, 192.0.2.2\n" + child + "remote_ts = 10.0.0.0/8\n} }"), "");
  EXPECT_EQ(InConnection("remote_addrs = gw.example.org\n" + child + "remote_ts = 10.0.0.0/8\n} }"), "");
}

// Shunts are policies and no more: a connection of nothing else names no peer and proves nothing to one.
TEST(LoadChild, Shunts) {
  auto conn = LoadOne(
      "connections { exceptions { children {\n"
      "ssh { mode = pass\n local_ts = 10.1.0.0/16\n remote_ts = 0.0.0.0/0[tcp/ssh]\n start_action = trap\n }\n"
      "rest { mode = drop\n priority = 9\n }\n } } }");
  ASSERT_TRUE(conn);
  ASSERT_EQ(conn->children.size(), 2u);
  EXPECT_TRUE(conn->local.empty() && conn->remote.empty());
  EXPECT_EQ(conn->children[0].mode, ChildMode::kPass);
  EXPECT_EQ(conn->children[0].priority, 0u);
  EXPECT_EQ(conn->children[1].mode, ChildMode::kDrop);
  EXPECT_EQ(conn->children[1].priority, 9u);
  EXPECT_EQ(InChild("mode = pass\n start_action = start"), "") << "there is nobody to call";
  EXPECT_EQ(InChild("mode = drop\n policies = no"),
            "E swanctl.conf:4: connections.a.children.x.policies: no, and nothing is left of a child that is a policy and no more");
  EXPECT_EQ(Complain("connections { a { children { x { mode = pass\n }\n y { } } } }"),
            "E swanctl.conf:1: connections.a: has no section local; expected local { auth = psk ... }|"
            "E swanctl.conf:1: connections.a: has no section remote; expected remote { auth = psk ... }");
}

TEST(LoadChild, WithoutPolicies) {
  auto conn = LoadOne(std::string("connections { a { ") + kRounds + "children { x { policies = no\n } } } }");
  ASSERT_TRUE(conn);
  EXPECT_FALSE(conn->children[0].policies);
  EXPECT_EQ(InChild("policies = no\n start_action = trap"),
            "E swanctl.conf:4: connections.a.children.x.start_action: has nothing to catch packets with: policies = no");
  EXPECT_EQ(InChild("policies = no\n start_action = start"), "");
}

TEST(LoadChild, TunnelInterfaces) {
  auto conn = LoadOne(std::string("connections { a { ") + kRounds + "children { x { if_id_in = 42\n if_id_out = 0x2b\n } } } }");
  ASSERT_TRUE(conn);
  EXPECT_EQ(conn->children[0].if_id_in, 42u);
  EXPECT_EQ(conn->children[0].if_id_out, 43u);
  conn = LoadOne(std::string("connections { a { if_id_in = 1\n if_id_out = 2\n ") + kRounds +
                 "children { x { if_id_out = 3\n }\n y { mode = drop\n } } } }");
  ASSERT_TRUE(conn);
  EXPECT_EQ(conn->children[0].if_id_in, 1u);
  EXPECT_EQ(conn->children[0].if_id_out, 3u);
  EXPECT_EQ(conn->children[1].if_id_in, 0u);
  EXPECT_EQ(InChild("if_id_in = %unique"),
            "E swanctl.conf:3: connections.a.children.x.if_id_in: \"%unique\" is no whole number; expected 0 to 4294967295");
  EXPECT_EQ(InChild("if_id_out = 7\nmode = drop"),
            "E swanctl.conf:3: connections.a.children.x.if_id_out: names a tunnel interface, which is for mode = tunnel");
  // culvert.conf as a whole has them.
  MemoryFiles files;
  const std::string child = std::string("connections { a { ") + kRounds + "children { x { if_id_in = 42\n if_id_out = 43\n } } } }";
  files.files["/etc/d/culvert.conf"].text =
      "dataplane { tunnels { t { if_id = 42 } } }\ncontrol {\nsecrets { ike-a { secret = 0123456789abcdef\n } }\n" + child + "\n}";
  files.files["/etc/d/culvert.conf"].world_readable = false;
  Complaints complaints;
  EXPECT_FALSE(LoadControl(files, "/etc/d", nullptr, complaints));
  EXPECT_EQ(Print(complaints),
            "E culvert.conf:9: connections.a.children.x.if_id_out: no tunnel of dataplane { tunnels { } } has it");
}

}  // namespace
}  // namespace culvert::config
