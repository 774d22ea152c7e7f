#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/two_peers.h"

// Peers that are called by their names (F22).
namespace culvert::ike {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class Named : public testing::Test {
 protected:
  Named() {
    p_.ConnectionOf(p_.a).remote_addrs = {"vpn.example.org"};
    p_.a.job_delay = 2s;
  }
  TwoPeers p_;
};

TEST_F(Named, IsCalledWhereItsNameLeads) {
  p_.a.names["vpn.example.org"] = {p_.b.address};
  p_.Start();
  RequestId r = p_.a.Up("net");
  p_.RunFor(10s);
  EXPECT_TRUE(p_.a.replies[r].ok) << p_.a.replies[r].error;
  EXPECT_TRUE(p_.a.Logged("vpn.example.org is 192.0.2.2"));
  EXPECT_EQ(p_.Disagreement(), "");
}

TEST_F(Named, AndMayCallItself) {
  p_.Start();
  RequestId r = p_.b.Up("net");
  p_.RunFor(10s);
  EXPECT_TRUE(p_.b.replies[r].ok) << p_.b.replies[r].error;
}

// Of what a name leads to the first that there is an address to call from.
TEST_F(Named, AddressesOfAnotherFamilyArePassedOver) {
  p_.a.names["vpn.example.org"] = {Address("2001:db8::2"), p_.b.address};
  p_.Start();
  RequestId r = p_.a.Up("net");
  p_.RunFor(10s);
  EXPECT_TRUE(p_.a.replies[r].ok) << p_.a.replies[r].error;
}

// F22: whoever waits is told; what is to be up is tried again, ever more rarely, until the name leads somewhere.
TEST_F(Named, ThatLeadsNowhereIsAskedForAgain) {
  p_.ChildOf(p_.a).start_action = config::StartAction::kStart;
  p_.AddChild("other", 1);
  p_.Start();
  p_.RunFor(3600s);
  const auto asked = std::ranges::count_if(p_.a.log, [](const auto& l) { return l.find("asking again") != std::string::npos; });
  EXPECT_GE(asked, 10);
  EXPECT_LE(asked, 20);   // 5 s, 10 s, … 300 s
  EXPECT_EQ(p_.network.sent, 0u);
  p_.a.names["vpn.example.org"] = {p_.b.address};
  p_.RunFor(400s);
  EXPECT_TRUE(p_.CarriesBothWays());
}

TEST_F(Named, ThatLeadsNowhereFailsWhoWaits) {
  p_.Start();
  RequestId r = p_.a.Up("net");
  p_.RunFor(10s);
  ASSERT_TRUE(p_.a.replies.contains(r));
  EXPECT_THAT(p_.a.replies[r].error, HasSubstr("no address of vpn.example.org: no such name"));
  EXPECT_TRUE(p_.a.core->List().empty());
}

TEST_F(Named, TheIntervalIsAsConfigured) {
  p_.a.control.settings.retry_initiate_interval = 60s;
  p_.ChildOf(p_.a).start_action = config::StartAction::kStart;
  p_.Start();
  p_.RunFor(650s);
  EXPECT_EQ(std::ranges::count_if(p_.a.log, [](const auto& l) { return l.find("asking again in 60 s") != std::string::npos; }), 11);
}

// The answer comes when nobody wants it any more.
TEST_F(Named, GivenUpWhileAskedFor) {
  p_.a.names["vpn.example.org"] = {p_.b.address};
  p_.Start();
  RequestId r = p_.a.Up("net");
  p_.RunFor(1s);
  p_.a.Down("gw");
  p_.RunFor(10s);
  EXPECT_TRUE(p_.a.replies.contains(r));
  EXPECT_TRUE(p_.a.core->List().empty());
  EXPECT_EQ(p_.network.sent, 0u);
}

// The peer's addresses in turn, as often as keyingtries allow.
TEST_F(Named, AddressesAndNamesInTurn) {
  p_.a.names["vpn.example.org"] = {p_.b.address};
  p_.ConnectionOf(p_.a).remote_addrs = {"192.0.2.99", "10.0.0.0/8", "vpn.example.org"};
  p_.ConnectionOf(p_.a).keyingtries = 2;
  p_.a.job_delay = {};
  p_.Start();
  RequestId r = p_.a.Up("net");
  p_.RunFor(90s);
  EXPECT_TRUE(p_.a.replies[r].ok) << p_.a.replies[r].error;
  EXPECT_TRUE(p_.CarriesBothWays());
}

}  // namespace
}  // namespace culvert::ike
