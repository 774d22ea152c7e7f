#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/peers_v1.h"

// Quick mode: what a child of IKEv1 can be.
namespace culvert::ike {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

struct Client {
  const char* range;
  uint8_t protocol = 0;
  uint16_t port_first = 0, port_last = 65535;

  TrafficSelector selector() const { return {*IpRange::Parse(range), protocol, port_first, port_last}; }
};

void SetTs(TwoPeers& p, const Client& at_a, const Client& at_b) {
  p.ChildOf(p.a).local_ts = p.ChildOf(p.b).remote_ts = {{.selector = at_a.selector()}};
  p.ChildOf(p.b).local_ts = p.ChildOf(p.a).remote_ts = {{.selector = at_b.selector()}};
}

// What `net` asked for by a comes to: empty where it is up and carries traffic both ways.
std::string Outcome(TwoPeers& p) {
  p.Start();
  RequestId r = p.a.Up("net");
  p.RunFor(100s);
  if (!p.a.replies.contains(r)) return "never answered";
  if (!p.a.replies[r].ok) return p.a.replies[r].error;
  if (std::string d = p.Disagreement(); !d.empty()) return d;
  return p.CarriesBothWays() ? "" : "no way through";
}

TEST(QuickMode, WithPfsByEachGroup) {
  for (const char* esp : {"aes128gcm16-ecp256", "aes128gcm16-ecp384", "aes128gcm16-ecp521", "aes128gcm16-modp2048", "aes256-sha256-modp3072"}) {
    SCOPED_TRACE(esp);
    TwoPeers p;
    UseIkev1(p, {.esp = esp});
    EXPECT_EQ(Outcome(p), "");
    EXPECT_NE(p.b.LiveChildren().at(0).group, KeGroup::kNone);
  }
}

TEST(QuickMode, WhatTheResponderDoesNotTake) {
  struct Case {
    const char *esp_a, *esp_b;
  };
  for (const Case& c : {Case{"aes128gcm16-ecp256", "aes128gcm16-ecp384"}, Case{"aes128gcm16", "aes256gcm16"}, Case{"aes128gcm16", "aes128gcm16-ecp256"},
                        Case{"aes128-sha256", "aes128-sha512"}}) {
    SCOPED_TRACE(std::string(c.esp_a) + " " + c.esp_b);
    TwoPeers p;
    UseIkev1(p);
    p.ChildOf(p.a).esp_proposals = {*config::ParseEspProposal(c.esp_a, false)};
    p.ChildOf(p.b).esp_proposals = {*config::ParseEspProposal(c.esp_b, false)};
    EXPECT_THAT(Outcome(p), HasSubstr("NO-PROPOSAL-CHOSEN"));
    EXPECT_EQ(p.Disagreement(), "");
    EXPECT_TRUE(p.b.installed.empty());
  }
}

TEST(QuickMode, TheSecondProposalIsTakenWhereTheFirstIsNot) {
  TwoPeers p;
  UseIkev1(p);
  p.ChildOf(p.a).esp_proposals = {*config::ParseEspProposal("aes256gcm16", false), *config::ParseEspProposal("aes256-sha512", false),
                                  *config::ParseEspProposal("aes128-sha256", false)};
  p.ChildOf(p.b).esp_proposals = {*config::ParseEspProposal("aes128-sha256", false)};
  EXPECT_EQ(Outcome(p), "");
  EXPECT_EQ(p.a.LiveChildren().at(0).suite.encr, EncrId::kAesCbc);
}

TEST(QuickMode, EspAndAhInEitherMode) {
  for (bool ah : {false, true}) {
    for (bool transport : {false, true}) {
      for (bool pfs : {false, true}) {
        SCOPED_TRACE(std::string(ah ? "AH" : "ESP") + (transport ? " transport" : " tunnel") + (pfs ? " PFS" : ""));
        TwoPeers p;
        UseIkev1(p, {.esp = pfs ? "aes128gcm16-ecp256" : "aes128gcm16"});
        p.ForBoth([&](SimPeer& peer) {
          if (ah) p.UseAh(peer, pfs ? "sha256-ecp256" : "sha256");
          if (transport) p.UseTransport(peer);
        });
        EXPECT_EQ(Outcome(p), "");
        const InstallChild* out = p.a.Sends("net");
        ASSERT_TRUE(out);
        EXPECT_EQ(out->protocol, ah ? IpsecProtocol::kAh : IpsecProtocol::kEsp);
        EXPECT_EQ(out->mode, transport ? config::ChildMode::kTransport : config::ChildMode::kTunnel);
      }
    }
  }
}

TEST(QuickMode, AModeThatOnlyOneSideWantsIsRefused) {
  TwoPeers p;
  UseIkev1(p);
  p.UseTransport(p.a);
  p.ChildOf(p.b).local_ts = p.ChildOf(p.b).remote_ts = {{.dynamic = true, .selector = {}}};
  EXPECT_NE(Outcome(p), "");
  EXPECT_TRUE(p.a.installed.empty() && p.b.installed.empty());
}

TEST(QuickMode, ClientIdsAreAddressesSubnetsAndRangesWithProtocolAndPort) {
  constexpr uint8_t kTcp = 6, kUdp = 17, kIcmp = 1;
  const std::pair<Client, Client> cases[] = {
      {{"10.1.0.7"}, {"10.2.0.9"}},
      {{"10.1.0.0/16"}, {"10.2.0.9"}},
      {{"10.1.0.5-10.1.0.77"}, {"10.2.0.0/24"}},
      {{"0.0.0.0/0"}, {"10.2.0.0/24"}},
      {{"2001:db8:1::/48"}, {"2001:db8:2::7"}},
      {{"2001:db8:1::5-2001:db8:1::77"}, {"2001:db8:2::/64"}},
      {{"10.1.0.0/16", kTcp, 80, 80}, {"10.2.0.0/16", kTcp}},
      {{"10.1.0.0/16", kUdp, 1701, 1701}, {"10.2.0.0/16", kUdp, 1701, 1701}},
      {{"10.1.0.0/16", kIcmp}, {"10.2.0.0/16", kIcmp}},
  };
  for (const auto& [at_a, at_b] : cases) {
    SCOPED_TRACE(at_a.selector().ToString() + " " + at_b.selector().ToString());
    TwoPeers p;
    UseIkev1(p);
    SetTs(p, at_a, at_b);
    EXPECT_EQ(Outcome(p), "");
    ASSERT_EQ(p.a.LiveChildren().size(), 1u);
    ASSERT_EQ(p.b.LiveChildren().size(), 1u);
    EXPECT_EQ(p.a.LiveChildren()[0].local_ts, SelectorList{at_a.selector()});
    EXPECT_EQ(p.a.LiveChildren()[0].remote_ts, SelectorList{at_b.selector()});
    EXPECT_EQ(p.b.LiveChildren()[0].local_ts, SelectorList{at_b.selector()});
    EXPECT_EQ(p.b.LiveChildren()[0].remote_ts, SelectorList{at_a.selector()});
  }
}

TEST(QuickMode, ClientIdsThatNobodyConfiguredAreRefused) {
  TwoPeers p;
  UseIkev1(p);
  p.ChildOf(p.a).remote_ts = {SelectorTs("172.16.0.0/12")};
  EXPECT_THAT(Outcome(p), HasSubstr("INVALID-ID-INFORMATION"));
  EXPECT_TRUE(p.a.installed.empty() && p.b.installed.empty());
  EXPECT_EQ(p.a.Established().size(), 1u);
}

TEST(QuickMode, ManyAtOnce) {
  TwoPeers p;
  UseIkev1(p);
  constexpr unsigned kMany = 20;
  for (unsigned n = 0; n < kMany; ++n) p.AddChild("more" + std::to_string(n), n);
  UseIkev1(p);
  p.Start();
  std::vector<RequestId> asked{p.a.Up("net")};
  for (unsigned n = 0; n < kMany; ++n) asked.push_back((n % 2 ? p.a : p.b).Up("more" + std::to_string(n)));
  p.RunFor(100s);
  EXPECT_EQ(p.Disagreement(), "");
  for (unsigned n = 0; n < kMany; ++n) EXPECT_TRUE(p.CarriesBothWays("more" + std::to_string(n))) << n;
}

// RFC 2407 4.5.4: the shorter lifetime counts, by RESPONDER-LIFETIME or by itself.
TEST(QuickMode, TheShorterLifetimeIsKept) {
  for (bool a_shorter : {true, false}) {
    TwoPeers p;
    UseIkev1(p);
    p.ChildOf(a_shorter ? p.a : p.b).seconds_ = {60, 80, 0};
    p.ChildOf(a_shorter ? p.b : p.a).seconds_ = {6000, 8000, 0};
    EXPECT_EQ(Outcome(p), "");
    p.WatchTraffic("net", 10ms);
    const uint32_t before = p.a.LiveChildren().at(0).spi_in;
    p.RunFor(200s);
    p.StopTraffic();
    EXPECT_NE(p.a.LiveChildren().at(0).spi_in, before);
    EXPECT_EQ(p.lost, 0u) << p.first_loss;
    EXPECT_EQ(p.Disagreement(), "");
  }
}

}  // namespace
}  // namespace culvert::ike
