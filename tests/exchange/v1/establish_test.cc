#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/ike/wire/v1/message.h"
#include "tests/support/peers_v1.h"

// Main mode and aggressive mode with each way of authenticating, XAUTH and mode config, up to traffic on a child.
namespace culvert::ike {
namespace {

using namespace std::chrono_literals;
using By = SpeakV1::By;
using testing::HasSubstr;

struct Row {
  const char* name;
  SpeakV1 how;
};
const Row kWays[] = {
    {"psk", {}},
    {"RSA", {.by = By::kPubkey, .key = KeyKind::kRsa}},
    {"ECDSA-256", {.by = By::kPubkey}},
    {"ECDSA-384", {.by = By::kPubkey, .key = KeyKind::kEcdsa384, .ike = "aes256-sha384-ecp384"}},
    {"ECDSA-521", {.by = By::kPubkey, .key = KeyKind::kEcdsa521, .ike = "aes256-sha512-ecp521"}},
    {"hybrid", {.by = By::kHybrid, .key = KeyKind::kRsa}},
    {"psk and XAUTH", {.xauth = true}},
    {"RSA and XAUTH", {.by = By::kPubkey, .xauth = true, .key = KeyKind::kRsa}},
    {"psk, XAUTH and mode config", {.xauth = true, .mode_config = true}},
    {"psk and mode config pushed", {.mode_config = true, .pull = false}},
    {"psk, XAUTH and mode config pushed", {.xauth = true, .mode_config = true, .pull = false}},
    {"hybrid and mode config", {.by = By::kHybrid, .mode_config = true, .key = KeyKind::kRsa}},
};

TEST(EstablishV1, EachWayOfAuthenticatingInEitherMode) {
  for (bool aggressive : {false, true}) {
    for (Row row : kWays) {
      SCOPED_TRACE(std::string(aggressive ? "aggressive, " : "main, ") + row.name);
      row.how.aggressive = aggressive;
      TwoPeers p;
      UseIkev1(p, row.how);
      p.Establish();
      ASSERT_EQ(p.a.Established().size(), 1u);
      EXPECT_EQ(p.a.Established()[0].version, 1u);
      EXPECT_EQ(p.a.Established()[0].remote_id, "b.example.org");
      EXPECT_EQ(p.b.Established()[0].remote_id, "a.example.org");
      EXPECT_EQ(p.b.Established()[0].state, "ESTABLISHED");
      if (!row.how.mode_config) continue;
      EXPECT_EQ(p.a.LiveChildren().at(0).local_ts, Selectors({"10.9.0.1/32"}));
      EXPECT_EQ(p.b.LiveChildren().at(0).remote_ts, Selectors({"10.9.0.1/32"}));
    }
  }
}

TEST(EstablishV1, TheOtherSideMayCallAsWell) {
  for (const Row& row : kWays) {
    if (row.how.asks_user() || row.how.mode_config) continue;
    SCOPED_TRACE(row.name);
    TwoPeers p;
    UseIkev1(p, row.how);
    p.Start();
    RequestId r = p.b.Up("net");
    p.RunFor(1s);
    ASSERT_TRUE(p.b.replies.contains(r) && p.b.replies[r].ok) << p.b.replies[r].error;
    EXPECT_EQ(p.Disagreement(), "");
    EXPECT_TRUE(p.CarriesBothWays());
  }
}

TEST(EstablishV1, EachAlgorithm) {
  constexpr auto kLegacy = config::Profile::kLegacy;
  const SpeakV1 suites[] = {
      {.ike = "aes192-sha256-ecp256"},
      {.ike = "aes256-sha256-modp2048"},
      {.ike = "aes256-sha384-modp3072"},
      {.ike = "aes128-sha512-ecp384"},
      {.ike = "aes256-sha512-modp4096"},
      {.ike = "3des-sha1-modp1024", .profile = kLegacy},
      {.ike = "aes128-sha1-modp1536", .profile = kLegacy},
      {.ike = "aes256-sha1-modp2048", .profile = kLegacy},
      {.esp = "aes256gcm16"},
      {.esp = "aes128-sha256"},
      {.esp = "aes192-sha384"},
      {.esp = "aes256-sha512"},
      {.esp = "aes256-sha1", .profile = kLegacy},
  };
  for (const SpeakV1& how : suites) {
    SCOPED_TRACE(std::string(how.ike) + " " + how.esp);
    TwoPeers p;
    UseIkev1(p, how);
    p.Establish();
  }
}

// A phase 1 alone, as without a child's name.
TEST(EstablishV1, WithoutAChild) {
  TwoPeers p;
  UseIkev1(p);
  p.Start();
  RequestId r = p.a.Up("", "gw");
  p.RunFor(1s);
  EXPECT_TRUE(p.a.replies[r].ok) << p.a.replies[r].error;
  EXPECT_EQ(p.a.Established().size(), 1u);
  EXPECT_TRUE(p.a.LiveChildren().empty());
  EXPECT_EQ(p.Disagreement(), "");
}

// Identities: by address in main mode with a secret of that address, by name, by whatever the other believes.
TEST(EstablishV1, SecretsByAddressAndByName) {
  struct Case {
    const char* name;
    bool aggressive;
    const char *id_a, *id_b;
    std::vector<std::string> owners;   // of the secret, at both
    bool up;
  };
  const Case cases[] = {
      {"addresses own it", false, "192.0.2.1", "192.0.2.2", {"192.0.2.1", "192.0.2.2"}, true},
      {"addresses own it, names are told", false, "a.example.org", "b.example.org", {"192.0.2.1", "192.0.2.2"}, true},
      {"names own it, aggressive", true, "a.example.org", "b.example.org", {"a.example.org", "b.example.org"}, true},
      {"a mail address", true, "a@example.org", "b.example.org", {"a@example.org", "b.example.org"}, true},
      {"a key id: a group", true, "keyid:road", "b.example.org", {"keyid:road", "b.example.org"}, true},
      {"somebody else's", true, "a.example.org", "b.example.org", {"c.example.org", "d.example.org"}, false},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    TwoPeers p;
    UseIkev1(p, {.aggressive = c.aggressive});
    p.ForBoth([&](SimPeer& peer) { peer.control.secrets[0].owners = c.owners; });
    p.ConnectionOf(p.a).local[0].id = p.ConnectionOf(p.b).remote[0].id = c.id_a;
    p.ConnectionOf(p.b).local[0].id = p.ConnectionOf(p.a).remote[0].id = c.id_b;
    p.Start();
    RequestId r = p.a.Up("net");
    p.RunFor(100s);
    ASSERT_TRUE(p.a.replies.contains(r));
    EXPECT_EQ(p.a.replies[r].ok, c.up) << p.a.replies[r].error;
    EXPECT_EQ(p.Disagreement(), "");
    EXPECT_EQ(p.a.Established().size(), c.up ? 1u : 0u);
  }
}

// What ends without an SA says so to whoever asked, and leaves nothing behind.
TEST(EstablishV1, Refusals) {
  struct Case {
    const char* name;
    SpeakV1 how;
    std::function<void(TwoPeers&)> spoil;
    const char* logged_by_b;
    const char* told_to_a = "";
  };
  auto secret = [](TwoPeers& p) { p.a.control.secrets[0].data = SecretBytes(AsBytes("another secret, also long enough")); };
  auto suite = [](TwoPeers& p) { p.ConnectionOf(p.a).proposals = {*config::ParseIkeProposal("aes256-sha512-ecp521")}; };
  auto name = [](TwoPeers& p) { p.ConnectionOf(p.a).local[0].id = "mallory.example.org"; };
  auto password = [](TwoPeers& p) { p.a.control.secrets[1].data = SecretBytes(AsBytes("what alice forgot")); };
  auto method = [](TwoPeers& p) {
    p.ConnectionOf(p.a).local[0].kind = p.ConnectionOf(p.a).remote[0].kind = config::AuthKind::kPsk;
  };
  auto mode = [](TwoPeers& p) { p.ConnectionOf(p.b).aggressive = false; };
  auto not_the_switch = [](TwoPeers& p) { p.b.control.settings.aggressive_psk = false; };
  auto version = [](TwoPeers& p) { p.ConnectionOf(p.b).version = 2; };
  const Case cases[] = {
      {"another secret", {}, secret, "", "another pre-shared key"},
      {"another secret, aggressive", {.aggressive = true}, secret, "", "is the pre-shared key the same?"},
      {"no common suite", {}, suite, "NO-PROPOSAL-CHOSEN"},
      {"no common suite, aggressive", {.aggressive = true}, suite, "NO-PROPOSAL-CHOSEN"},
      {"another name", {}, name, ""},
      {"another name, aggressive", {.aggressive = true}, name, ""},
      {"another name, signed", {.by = By::kPubkey}, name, ""},
      {"another method", {.by = By::kPubkey}, method, "NO-PROPOSAL-CHOSEN"},
      {"a wrong password", {.xauth = true}, password, ""},
      {"a wrong password, hybrid", {.by = By::kHybrid, .key = KeyKind::kRsa}, password, ""},
      {"aggressive mode that only the caller wants", {.aggressive = true}, mode, ""},
      {"aggressive mode with a secret, without the switch", {.aggressive = true}, not_the_switch, ""},
      {"a peer that speaks IKEv2 alone", {}, version, ""},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    TwoPeers p;
    UseIkev1(p, c.how);
    c.spoil(p);
    p.Start();
    RequestId r = p.a.Up("net");
    p.RunFor(200s);
    ASSERT_TRUE(p.a.replies.contains(r));
    EXPECT_FALSE(p.a.replies[r].ok);
    EXPECT_FALSE(p.a.replies[r].error.empty());
    EXPECT_NE(p.a.replies[r].error.find(c.told_to_a), std::string::npos) << p.a.replies[r].error;
    EXPECT_TRUE(*c.logged_by_b == 0 || p.b.Logged(c.logged_by_b));
    p.ForBoth([](SimPeer& peer) {
      EXPECT_TRUE(peer.core->List().empty()) << peer.name;
      EXPECT_EQ(peer.Untidiness(), "");
    });
  }
}

// version = 0: called by either version, calls by IKEv2.
TEST(EstablishV1, AConnectionOfBothVersionsAnswersEither) {
  for (bool v1_calls : {true, false}) {
    TwoPeers p;
    UseIkev1(p);
    p.ConnectionOf(p.b).version = 0;
    if (!v1_calls) p.ConnectionOf(p.a).version = 2;
    p.ForBoth([&](SimPeer& peer) {
      p.ConnectionOf(peer).proposals.push_back(*config::ParseIkeProposal("aes128gcm16-prfsha256-x25519"));
    });
    p.Establish();
    EXPECT_EQ(p.b.Established().at(0).version, v1_calls ? 1u : 2u);
  }
}

TEST(EstablishV1, ComesUpWhateverHappensToOneMessage) {
  for (SpeakV1 how : {SpeakV1{}, SpeakV1{.aggressive = true}, SpeakV1{.xauth = true, .mode_config = true},
                      SpeakV1{.aggressive = true, .xauth = true, .mode_config = true, .pull = false}}) {
    SCOPED_TRACE(how.aggressive);
    TellWithEveryDisturbance({.prepare =
                                  [&](TwoPeers& p) {
                                    UseIkev1(p, how);
                                    p.ConnectionOf(p.a).keyingtries = 3;
                                    p.Start();
                                  },
                              .story = [](TwoPeers& p) { p.a.Up("net"); },
                              .check =
                                  [](TwoPeers& p) {
                                    EXPECT_EQ(p.Disagreement(), "");
                                    EXPECT_TRUE(p.CarriesBothWays());
                                    EXPECT_EQ(p.a.Established().size(), 1u);
                                  }});
  }
}

}  // namespace
}  // namespace culvert::ike
