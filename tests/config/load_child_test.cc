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

}  // namespace
}  // namespace culvert::config
