#include <format>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/ike/wire/header.h"
#include "tests/support/two_peers.h"

namespace culvert::ike {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

// Runs `p` until the request is answered, and returns its error.
std::string OutcomeOf(TwoPeers& p, SimPeer& who, RequestId r) {
  p.RunFor(70s);
  if (!who.replies.contains(r)) return "never answered";
  return who.replies[r].ok ? "ok" : who.replies[r].error;
}

void ExpectNothingLeft(TwoPeers& p) {
  p.RunFor(120s);
  p.ForBoth([](SimPeer& peer) {
    EXPECT_TRUE(peer.core->List().empty()) << peer.name;
    EXPECT_TRUE(peer.installed.empty()) << peer.name;
    EXPECT_TRUE(peer.spis.drawn.empty()) << peer.name;
  });
}

TEST(Establish, BringsUpIkeAndChildInFourMessages) {
  TwoPeers p;
  p.Establish();
  auto ike = p.a.Established();
  ASSERT_EQ(ike.size(), 1u);
  EXPECT_EQ(ike[0].local_id, "a.example.org");
  EXPECT_EQ(ike[0].remote_id, "b.example.org");
  EXPECT_TRUE(ike[0].initiator);
  EXPECT_EQ(p.network.sent, 4u);
  EXPECT_EQ(p.b.Established()[0].connection, "gw");
  ASSERT_EQ(ike[0].children.size(), 1u);
  EXPECT_EQ(ike[0].children[0].local_ts, Selectors({"10.1.0.0/16"}));
  EXPECT_EQ(ike[0].children[0].remote_ts, Selectors({"10.2.0.0/16"}));
  // A child's SPIs and its IKE SA's share the bucket.
  EXPECT_EQ(SpiBucket(ike[0].children[0].spi_in), IkeSpiBucket(ike[0].spi_i));
}

TEST(Establish, ComesUpWhateverHappensToOneMessage) {
  TellWithEveryDisturbance({.prepare = [](TwoPeers& p) { p.Start(); },
                            .story = [](TwoPeers& p) { p.a.Up("net"); },
                            .check = [](TwoPeers& p) {
                              EXPECT_EQ(p.Disagreement(), "");
                              EXPECT_TRUE(p.CarriesBothWays());
                              EXPECT_EQ(p.a.Established().size(), 1u);
                            }});
}

TEST(Establish, EverySuite) {
  for (const char* ike : {"aes128-sha256-ecp256", "aes256-sha384-ecp384", "aes256-sha512-ecp521", "aes256gcm16-prfsha384-modp2048",
                          "chacha20poly1305-prfsha256-x25519", "aes128gcm16-prfsha512-modp3072"}) {
    for (const char* esp : {"aes256gcm16", "aes128-sha256", "aes256-sha512", "chacha20poly1305", "aes128gcm16-esn-noesn"}) {
      SCOPED_TRACE(std::string(ike) + " " + esp);
      TwoPeers p;
      p.ForBoth([&](SimPeer& peer) {
        p.ConnectionOf(peer).proposals = {*config::ParseIkeProposal(ike)};
        p.ChildOf(peer).esp_proposals = {*config::ParseEspProposal(esp, false)};
      });
      p.Establish();
    }
  }
}

// One child suite is enough: the IKE suite protects the exchange and derives the child's keys, whatever they are for.
TEST(Establish, EveryIkeTransform) {
  for (const char* ike :
       {"aes128gcm8-prfsha256-x25519", "aes192gcm12-prfsha256-x25519", "aes256gcm16-prfaesxcbc-x25519",
        "aes128ccm8-prfaescmac-x25519", "aes192ccm12-prfsha256-x25519", "aes256ccm16-prfsha256-x25519",
        "aes128ctr-sha256-x25519", "aes192ctr-sha512-x25519", "aes256ctr-aesxcbc-x25519", "aes192-sha384-x25519",
        "aes128-aesxcbc-x25519", "aes256-aescmac-x25519", "camellia128-sha256-x25519", "camellia192-sha256-x25519",
        "camellia256-sha512-x25519", "camellia128ctr-sha256-x25519", "camellia256ctr-aescmac-x25519",
        "camellia128ccm8-prfsha256-x25519", "camellia192ccm12-prfsha256-x25519", "camellia256ccm16-prfsha256-x25519",
        "aes128gcm16-prfsha256-modp2048", "aes128gcm16-prfsha256-modp3072", "aes128gcm16-prfsha256-modp4096",
        "aes128gcm16-prfsha256-modp6144", "aes128gcm16-prfsha256-modp8192", "aes128gcm16-prfsha256-ecp256bp",
        "aes128gcm16-prfsha256-ecp224bp",
        "aes128gcm16-prfsha256-ecp384bp", "aes128gcm16-prfsha256-ecp512bp", "aes128gcm16-prfsha256-x448"}) {
    SCOPED_TRACE(ike);
    TwoPeers p;
    p.ForBoth([&](SimPeer& peer) { p.ConnectionOf(peer).proposals = {*config::ParseIkeProposal(ike)}; });
    p.Establish();
    // A rekeyed SA takes SK_d through the old PRF, its keys through the new one (RFC 7296 2.18).
    RequestId rekey = p.a.RekeyIke("gw");
    p.RunFor(std::chrono::seconds(10));
    EXPECT_TRUE(p.a.replies[rekey].ok);
    EXPECT_EQ(p.Disagreement(), "");
    EXPECT_TRUE(p.CarriesBothWays());
  }
}

TEST(Establish, OverIpv6) {
  TwoPeers v4;
  SimClock clock;
  SimNetwork network(clock, 1);
  SimPeer a({clock, network, 1}, "a", Address("2001:db8::1")), b({clock, network, 2}, "b", Address("2001:db8::2"));
  for (auto [me, peer, old] : {std::tuple{&a, &b, &v4.a}, std::tuple{&b, &a, &v4.b}}) {
    config::Connection c = v4.ConnectionOf(*old);
    c.local_addrs = {me->address.ToString()};
    c.remote_addrs = {peer->address.ToString()};
    c.children[0].local_ts = {SelectorTs(me == &a ? "2001:db8:1::/48" : "2001:db8:2::/48")};
    c.children[0].remote_ts = {SelectorTs(me == &a ? "2001:db8:2::/48" : "2001:db8:1::/48")};
    me->control.connections = {c};
    me->control.secrets.push_back({.name = "ike", .data = SecretBytes(AsBytes("a secret of both, and long enough")), .owners = {}});
    me->Start();
  }
  a.Up("net");
  clock.RunFor(1s);
  EXPECT_EQ(a.LiveChildren().size(), 1u);
  EXPECT_EQ(b.LiveChildren().size(), 1u);
}

TEST(Establish, NarrowsToWhatBothAllow) {
  TwoPeers p;
  p.ChildOf(p.a).remote_ts = {SelectorTs("0.0.0.0/0")};
  p.ChildOf(p.b).remote_ts = {SelectorTs("10.1.7.0/24")};
  p.Establish();
  EXPECT_EQ(p.a.LiveChildren()[0].local_ts, Selectors({"10.1.7.0/24"}));
  EXPECT_EQ(p.a.LiveChildren()[0].remote_ts, Selectors({"10.2.0.0/16"}));
}

TEST(Establish, DynamicSelectorsAreTheOuterAddresses) {
  TwoPeers p;
  p.ForBoth([&](SimPeer& peer) {
    p.ChildOf(peer).local_ts = {{.dynamic = true, .selector = {}}};
    p.ChildOf(peer).remote_ts.clear();
  });
  p.Establish();
  EXPECT_EQ(p.a.LiveChildren()[0].local_ts, Selectors({"192.0.2.1/32"}));
  EXPECT_EQ(p.a.LiveChildren()[0].remote_ts, Selectors({"192.0.2.2/32"}));
}

TEST(Establish, WrongPreSharedKeyIsRefusedAndLeavesNothing) {
  TwoPeers p;
  p.b.control.secrets[0].data = SecretBytes(AsBytes("quite another secret, just as long"));
  p.Start();
  RequestId r = p.a.Up("net");
  EXPECT_THAT(OutcomeOf(p, p.a, r), HasSubstr("AUTHENTICATION_FAILED"));
  EXPECT_TRUE(p.b.Logged("AUTH of a.example.org is wrong"));
  EXPECT_EQ(p.b.Counted(Count::kAuthenticationFailed), 1u);
  ExpectNothingLeft(p);
}

TEST(Establish, UnknownPeerAndWrongKeyLookTheSame) {
  TwoPeers wrong_key, unknown;
  wrong_key.b.control.secrets[0].data = SecretBytes(AsBytes("quite another secret, just as long"));
  unknown.ConnectionOf(unknown.b).remote[0].id = "somebody.else.org";
  std::vector<size_t> sizes[2];
  int i = 0;
  for (TwoPeers* p : {&wrong_key, &unknown}) {
    p->network.on_send = [&sizes, i](const SimPacket& packet) { sizes[i].push_back(packet.data.size()); };
    p->Start();
    RequestId r = p->a.Up("net");
    EXPECT_THAT(OutcomeOf(*p, p->a, r), HasSubstr("AUTHENTICATION_FAILED"));
    ++i;
  }
  EXPECT_EQ(sizes[0], sizes[1]);
  EXPECT_TRUE(unknown.b.Logged("no connection for peer a.example.org"));
  EXPECT_TRUE(unknown.b.Logged("gw wants the peer to be somebody.else.org"));
}

TEST(Establish, AResponderWithAnotherKeyIsToldByADelete) {
  TwoPeers p;
  // The responder verifies us, but proves itself with a key of its own.
  p.b.control.secrets.clear();
  p.b.control.secrets.push_back({.name = "for-a", .data = SecretBytes(AsBytes("a secret of both, and long enough")), .owners = {"a.example.org"}});
  p.a.control.secrets.push_back({.name = "for-b", .data = SecretBytes(AsBytes("what b never heard of, but is asked")), .owners = {"b.example.org"}});
  p.Start();
  RequestId r = p.a.Up("net");
  EXPECT_NE(OutcomeOf(p, p.a, r), "ok");
  ExpectNothingLeft(p);
}

TEST(Establish, RespondersIdentityMustBeTheOneWanted) {
  TwoPeers p;
  p.ConnectionOf(p.a).remote[0].id = "*.example.net";
  p.Start();
  RequestId r = p.a.Up("net");
  EXPECT_THAT(OutcomeOf(p, p.a, r), HasSubstr("the peer is b.example.org, wanted *.example.net"));
  // b believed a, and heard by a Delete that a does not believe b.
  EXPECT_TRUE(p.b.Logged("IKE SA up with a.example.org"));
  ExpectNothingLeft(p);
}

TEST(Establish, NoCommonIkeProposal) {
  TwoPeers p;
  p.ConnectionOf(p.b).proposals = {*config::ParseIkeProposal("aes256-sha512-ecp521")};
  p.Start();
  RequestId r = p.a.Up("net");
  EXPECT_THAT(OutcomeOf(p, p.a, r), HasSubstr("NO_PROPOSAL_CHOSEN"));
  EXPECT_TRUE(p.b.Logged("offered AES_GCM_16-128/PRF_HMAC_SHA2_256/CURVE_25519"));
  EXPECT_TRUE(p.b.Logged("gw wants AES_CBC-256"));
  ExpectNothingLeft(p);
}

struct ChildFailure {
  const char* name;
  void (*arrange)(TwoPeers&);
  const char* notify;
  const char* log;
};

class ChildFails : public testing::TestWithParam<ChildFailure> {};

// RFC 7296 2.21.2: the IKE SA is up all the same, on both sides.
TEST_P(ChildFails, TheIkeSaStays) {
  TwoPeers p;
  GetParam().arrange(p);
  p.Start();
  RequestId r = p.a.Up("net");
  EXPECT_THAT(OutcomeOf(p, p.a, r), HasSubstr(GetParam().notify));
  EXPECT_TRUE(p.b.Logged(GetParam().log));
  EXPECT_EQ(p.a.Established().size(), 1u);
  EXPECT_EQ(p.Disagreement(), "");
  EXPECT_TRUE(p.a.LiveChildren().empty());
}

INSTANTIATE_TEST_SUITE_P(
    Each, ChildFails,
    testing::Values(
        ChildFailure{"NoProposal", [](TwoPeers& p) { p.ChildOf(p.b).esp_proposals = {*config::ParseEspProposal("aes256-sha512", false)}; },
                     "NO_PROPOSAL_CHOSEN", "net wants AES_CBC-256/HMAC_SHA2_512_256"},
        ChildFailure{"NoSelectors", [](TwoPeers& p) { p.ChildOf(p.b).local_ts = {SelectorTs("172.16.0.0/12")}; }, "TS_UNACCEPTABLE",
                     "net wants 172.16.0.0/12 === 10.1.0.0/16"},
        ChildFailure{"NoRoomInTheDataPlane",
                     [](TwoPeers& p) { p.b.install_status = [](const InstallChild&) { return InstallStatus::kNoResources; }; },
                     "NO_ADDITIONAL_SAS", "the data plane refuses Child SA net"},
        ChildFailure{"NoSpi", [](TwoPeers& p) { p.b.spis.exhausted = true; }, "NO_ADDITIONAL_SAS", "no SPI is free"}),
    [](const auto& row) { return row.param.name; });

TEST(Establish, OwnDataPlaneRefusing) {
  for (bool inbound : {true, false}) {
    TwoPeers p;
    p.a.install_status = [=](const InstallChild& i) { return i.inbound == inbound ? InstallStatus::kRefused : InstallStatus::kOk; };
    p.Start();
    RequestId r = p.a.Up("net");
    EXPECT_THAT(OutcomeOf(p, p.a, r), HasSubstr("the data plane refuses"));
    EXPECT_EQ(p.Disagreement(), "");
    EXPECT_TRUE(p.b.LiveChildren().empty());
  }
}

TEST(Establish, AnswersOnlyWhenTheChildIsInstalled) {
  TwoPeers p;
  p.b.install_delay = 300ms;
  p.Start();
  p.a.Up("net");
  p.RunFor(250ms);
  EXPECT_EQ(p.network.sent, 3u);
  p.RunFor(100ms);
  EXPECT_EQ(p.network.sent, 4u);
  p.RunFor(1s);
  EXPECT_EQ(p.Disagreement(), "");
}

TEST(Establish, IkeSaAlone) {
  TwoPeers p;
  p.Start();
  p.a.Post(Initiate{.request = 77, .ike = "gw", .child = ""});
  p.RunFor(1s);
  ASSERT_TRUE(p.a.replies.contains(77));
  EXPECT_TRUE(p.a.replies[77].ok) << p.a.replies[77].error;
  EXPECT_EQ(p.a.Established().size(), 1u);
  EXPECT_EQ(p.Disagreement(), "");
  EXPECT_TRUE(p.a.LiveChildren().empty());
  p.a.Up("net");
  p.RunFor(1s);
  EXPECT_TRUE(p.CarriesBothWays());
  EXPECT_EQ(p.a.Established().size(), 1u);
}

TEST(Establish, FurtherChildrenGoOnTheSameIkeSa) {
  TwoPeers p;
  p.AddChild("other", 1);
  p.Start();
  RequestId first = p.a.Up("net"), second = p.a.Up("other");   // the second while the first is still coming up
  p.RunFor(1s);
  EXPECT_TRUE(p.a.replies[first].ok && p.a.replies[second].ok);
  EXPECT_EQ(p.a.Established().size(), 1u);
  EXPECT_EQ(p.Disagreement(), "");
  EXPECT_TRUE(p.CarriesBothWays("other"));
}

TEST(Establish, UnknownNamesAreErrors) {
  TwoPeers p;
  p.Start();
  EXPECT_THAT(OutcomeOf(p, p.a, p.a.Up("nothing")), HasSubstr("there is no child 'nothing'"));
  p.a.Post(Initiate{.request = 90, .ike = "", .child = ""});
  EXPECT_THAT(OutcomeOf(p, p.a, 90), HasSubstr("there is no connection ''"));
  EXPECT_THAT(OutcomeOf(p, p.a, p.a.Down("gw")), HasSubstr("no matching SAs"));
}

TEST(Establish, TwoConnectionsWithOneChildNameAreAmbiguous) {
  TwoPeers p;
  p.a.control.connections.push_back(p.ConnectionOf(p.a));
  p.a.control.connections.back().name = "gw2";
  p.Start();
  EXPECT_THAT(OutcomeOf(p, p.a, p.a.Up("net")), HasSubstr("more than one connection"));
  EXPECT_EQ(OutcomeOf(p, p.a, p.a.Up("net", "gw2")), "ok");
}

TEST(Establish, NobodyInParticularIsNotCalled) {
  for (const char* remote : {"%any", "10.0.0.0/8"}) {
    TwoPeers p;
    p.ConnectionOf(p.a).remote_addrs = {remote};
    p.Start();
    EXPECT_THAT(OutcomeOf(p, p.a, p.a.Up("net")), HasSubstr("no single address to call")) << remote;
    EXPECT_EQ(p.network.sent, 0u);
  }
}

TEST(Establish, AsksForTheWayWhereNoLocalAddressIsGiven) {
  TwoPeers p;
  p.ConnectionOf(p.a).local_addrs = {"%any"};
  p.ConnectionOf(p.a).keyingtries = 0;
  p.a.routes = false;
  p.Start();
  p.a.Up("net");
  p.RunFor(12s);
  EXPECT_EQ(p.network.sent, 0u);
  p.a.routes = true;
  p.RunFor(10s);
  EXPECT_EQ(p.Disagreement(), "");
  EXPECT_EQ(p.a.LiveChildren().size(), 1u);
}

TEST(Establish, BothCallAtOnceAndBothGetThrough) {
  TwoPeers p;
  p.Start();
  RequestId ra = p.a.Up("net"), rb = p.b.Up("net");
  p.RunFor(2s);
  EXPECT_TRUE(p.a.replies[ra].ok && p.b.replies[rb].ok);
  EXPECT_EQ(p.Disagreement(), "");
  EXPECT_TRUE(p.CarriesBothWays());
}

TEST(Establish, StartActionAndTraps) {
  TwoPeers p;
  p.AddChild("other", 1);
  p.ChildOf(p.a).start_action = config::StartAction::kStart;
  p.Start();
  p.RunFor(1s);
  EXPECT_EQ(p.a.LiveChildren().size(), 1u);
  // Many packets, one SA; the packet itself goes first into the selectors.
  for (int i = 0; i < 5; ++i) {
    TrafficSelector local = Selectors({"10.101.1.5/32"})[0], remote = Selectors({"10.102.1.9/32"})[0];
    local.protocol = remote.protocol = 6;
    local.port_first = local.port_last = 40000;
    remote.port_first = remote.port_last = 80;
    p.a.Post(TrapHit{"gw", "other", local, remote});
  }
  p.RunFor(1s);
  EXPECT_EQ(p.a.LiveChildren().size(), 2u);
  EXPECT_TRUE(p.CarriesBothWays("other"));
  EXPECT_EQ(p.a.Sends("other")->local_ts, Selectors({"10.101.1.0/24"}));
  EXPECT_EQ(p.Disagreement(), "");
}

TEST(Establish, GivesUpBySilenceAndCallsAgainAsOftenAsItMay) {
  for (unsigned tries : {1u, 3u}) {
    TwoPeers p;
    p.ConnectionOf(p.a).keyingtries = tries;
    p.network.fate = [](const SimPacket&) { return Fate{.arrivals = {}}; };
    p.Start();
    RequestId r = p.a.Up("net");
    p.RunFor(5 * 60s);
    EXPECT_EQ(p.network.sent, 5 * tries);   // D08: IKE_SA_INIT at most five times a try
    ASSERT_TRUE(p.a.replies.contains(r));
    EXPECT_THAT(p.a.replies[r].error, HasSubstr("no answer"));
    EXPECT_TRUE(p.a.core->List().empty());
  }
  TwoPeers p;
  p.ConnectionOf(p.a).keyingtries = 0;
  p.network.fate = [](const SimPacket&) { return Fate{.arrivals = {}}; };
  p.Start();
  p.a.Up("net");
  p.RunFor(10 * 60s);
  p.network.fate = nullptr;
  p.RunFor(60s);
  EXPECT_EQ(p.Disagreement(), "");
  EXPECT_EQ(p.a.LiveChildren().size(), 1u);
}

TEST(Establish, InitialContactClearsWhatTheCrashedPeerForgot) {
  TwoPeers p;
  p.Establish();
  p.a.Crash();
  p.a.Start();
  p.a.Up("net");
  p.RunFor(1s);
  EXPECT_EQ(p.b.Established().size(), 1u);
  EXPECT_EQ(p.b.LiveChildren().size(), 1u);
  EXPECT_EQ(p.b.installed.size(), 3u) << "the old child still takes what is under way";
  EXPECT_TRUE(p.CarriesBothWays());
  p.RunFor(p.b.control.settings.delete_rekeyed_delay);
  EXPECT_EQ(p.Disagreement(), "");
  EXPECT_EQ(p.b.Established().size(), 1u);
  EXPECT_TRUE(p.CarriesBothWays());
}

TEST(Establish, UniqueNeverLetsOthersWithThatIdentityBe) {
  TwoPeers p;
  p.ForBoth([&](SimPeer& peer) { p.ConnectionOf(peer).unique = config::Unique::kNever; });
  p.Establish();
  p.a.Crash();
  p.a.Start();
  p.a.Up("net");
  p.RunFor(1s);
  EXPECT_EQ(p.b.Established().size(), 2u);
}

TEST(Establish, UniqueReplaceAndKeep) {
  for (auto unique : {config::Unique::kReplace, config::Unique::kKeep}) {
    TwoPeers p;
    p.ConnectionOf(p.b).unique = unique;
    // A second connection of a's with the same identities, from another port.
    p.a.control.connections.push_back(p.ConnectionOf(p.a));
    p.a.control.connections.back().name = "second";
    p.a.control.connections.back().remote_port = 4500;
    p.ConnectionOf(p.a).unique = p.a.control.connections.back().unique = config::Unique::kNever;
    p.Start();
    p.a.Up("net", "gw");
    p.RunFor(1s);
    RequestId r = p.a.Up("net", "second");
    p.RunFor(2s);
    bool replaced = unique == config::Unique::kReplace;
    EXPECT_EQ(p.a.replies[r].ok, replaced);
    EXPECT_EQ(p.Disagreement(), "");
    ASSERT_EQ(p.a.Established().size(), 1u);
    EXPECT_EQ(p.a.Established()[0].connection, replaced ? "second" : "gw");
    EXPECT_EQ(p.b.Logged("is connected already"), !replaced);
  }
}

TEST(Establish, ChoosesTheConnectionByAddressThenIdentity) {
  TwoPeers p;
  config::Connection& last = p.ConnectionOf(p.b);
  config::Connection other = last;
  other.name = "other-peer";
  other.remote[0].id = "c.example.org";
  config::Connection anybody = last;
  anybody.name = "anybody";
  anybody.remote_addrs = {"%any"};
  anybody.remote[0].id = "";
  p.b.control.connections = {anybody, other, last};
  p.Establish();
  EXPECT_EQ(p.b.Established()[0].connection, "gw");
}

// Trap 5: who can see IKE_SA_INIT can answer it before the peer does, with keys that work. It is the peer that gets the SA.
TEST(Establish, AForgedFirstAnswerDoesNotWin) {
  for (bool answers_auth : {true, false}) {
    for (Duration job_delay : {Duration(0ms), Duration(8ms), Duration(30ms)}) {
      // Who answers IKE_AUTH too before the peer's first answer is here costs the attempt: there is nobody else to wait for.
      if (answers_auth && job_delay == 0ms) continue;
      SCOPED_TRACE(std::format("{} IKE_AUTH, jobs take {}", answers_auth ? "answers" : "does not answer", job_delay));
      TwoPeers p, elsewhere(2);
      SimPeer& evil = elsewhere.b;   // at b's address, with another key
      evil.control.secrets[0].data = SecretBytes(AsBytes("what the attacker made up for it"));
      AnswerBeforeB(p, elsewhere, answers_auth);
      p.a.job_delay = job_delay;
      p.Start();
      RequestId r = p.a.Up("net");
      p.RunFor(15s);
      ASSERT_TRUE(p.a.replies.contains(r));
      EXPECT_TRUE(p.a.replies[r].ok) << p.a.replies[r].error;
      EXPECT_GE(p.a.Counted(Count::kRivalAnswer), 1u);
      EXPECT_EQ(p.Disagreement(), "");
      EXPECT_TRUE(p.CarriesBothWays());
      EXPECT_TRUE(evil.Established().empty());
    }
  }
}

TEST(Establish, KeyLogHasBothTables) {
  TwoPeers p;
  p.Start();
  p.ForBoth([](SimPeer& peer) { peer.core->set_key_logging(true); });
  p.a.Up("net");
  p.RunFor(1s);
  ASSERT_EQ(p.a.key_log.size(), 3u);
  EXPECT_EQ(p.a.key_log[0].kind, KeyLog::Kind::kIke);
  EXPECT_THAT(p.a.key_log[0].line, testing::MatchesRegex("[0-9a-f]{16},[0-9a-f]{16},[0-9a-f]{40},[0-9a-f]{40},"
                                                         "\"AES-GCM-128 with 16 octet ICV \\[RFC5282\\]\",,,\"NONE \\[RFC4306\\]\""));
  EXPECT_THAT(p.a.key_log[1].line,
              testing::MatchesRegex("\"IPv4\",\"192.0.2.1\",\"192.0.2.2\",\"0x[0-9a-f]{8}\",\"AES-GCM with 16 octet ICV "
                                    "\\[RFC4106\\]\",\"0x[0-9a-f]{40}\",\"NULL\",\"\""));
  // Both sides log the same rows.
  auto lines = [](const SimPeer& peer) {
    std::set<std::string> s;
    for (const auto& k : peer.key_log) s.insert(k.line);
    return s;
  };
  EXPECT_EQ(lines(p.a), lines(p.b));
}

// A core that ends in the middle of a handshake gives back what it holds, SPIs that are only reserved among it.
TEST(Establish, ACoreMayEndInTheMiddleOfIt) {
  TwoPeers p;
  p.network.fate = [](const SimPacket& packet) {
    return DecodeHeader(packet.data)->exchange == ExchangeType::kIkeAuth ? Fate{.arrivals = {}} : Fate{};
  };
  p.Start();
  p.a.Up("net");
  p.RunFor(1s);
  EXPECT_EQ(p.a.spis.drawn.size(), 1u);
  p.a.core.reset();
  EXPECT_TRUE(p.a.spis.drawn.empty());
}

TEST(Establish, NoKeysAreLoggedUnlessAsked) {
  TwoPeers p;
  p.Establish();
  EXPECT_TRUE(p.a.key_log.empty());
}

}  // namespace
}  // namespace culvert::ike
