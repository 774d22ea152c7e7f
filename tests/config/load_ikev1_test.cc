#include <gtest/gtest.h>

#include "config/ikev1.h"
#include "tests/config/load_swanctl.h"

namespace culvert::config {
namespace {

using std::chrono::seconds;

std::string WithRounds(const std::string& text, const std::string& rounds, const std::string& settings = "") {
  return Complain("connections { a {\n" + text + "\n" + rounds + "\nchildren { x { } } } }\nsecrets { eap-1 { secret = p\n } }",
                  settings);
}

TEST(LoadIkev1, DefaultsAreCharons) {
  auto c = LoadOne(std::string("connections { a { version = 1\n") + kRounds + "children { x { } } } }");
  ASSERT_TRUE(c);
  EXPECT_EQ(c->version, 1);
  EXPECT_FALSE(c->aggressive);
  EXPECT_TRUE(c->pull);
  EXPECT_EQ(c->dpd_timeout, seconds(150));
  EXPECT_TRUE(c->vips.empty() && c->pools.empty());
  ASSERT_EQ(c->proposals_v1.size(), 1u);
  const IkeProposal& ike = c->proposals_v1[0];
  EXPECT_EQ(ike.encrs, (std::vector<Cipher>{{EncrId::kAesCbc, 256}, {EncrId::kAesCbc, 128}}));
  EXPECT_EQ(ike.integs.size(), 3u);
  EXPECT_EQ(ike.prfs.size(), 3u);
  EXPECT_EQ(ike.groups, (std::vector{KeGroup::kEcp384, KeGroup::kEcp256, KeGroup::kEcp521, KeGroup::kModp4096,
                                     KeGroup::kModp3072, KeGroup::kModp2048}));
  const Child& x = c->children.at(0);
  ASSERT_EQ(x.esp_proposals_v1.size(), 2u);
  for (const EspProposal& p : x.esp_proposals_v1) {
    EXPECT_EQ(p.groups.front(), KeGroup::kNone);
    EXPECT_EQ(p.groups.size(), 7u);
    EXPECT_EQ(p.esn, std::vector{EsnId::kNo});
    EXPECT_FALSE(p.accept_without_ke);
  }
}

TEST(LoadIkev1, ReadsItsKeys) {
  auto c = LoadOne(
      "connections { a { version = 1\n dpd_timeout = 60\n pull = no\n vips = 0.0.0.0, %any6, 10.3.0.7\n pools = p, q\n"
      "local-1 { auth = psk\n }\n local-xauth { auth = xauth\n round = 2\n xauth_id = user1\n }\n remote { auth = psk\n }\n"
      "children { x { esp_proposals = aes128gcm16, aes128-sha256-modp2048\n } } } }\n"
      "pools { p { addrs = 10.4.0.0/24\n } q { addrs = 10.5.0.0/24\n } }\nsecrets { xauth-1 { secret = p\n } }");
  ASSERT_TRUE(c);
  EXPECT_EQ(c->dpd_timeout, seconds(60));
  EXPECT_FALSE(c->pull);
  EXPECT_EQ(c->vips, (std::vector{IpAddress::Any(Family::kV4), IpAddress::Any(Family::kV6), IpAddress::V4(10, 3, 0, 7)}));
  EXPECT_EQ(c->pools, (std::vector<std::string>{"p", "q"}));
  ASSERT_EQ(c->local.size(), 2u);
  EXPECT_EQ(c->local[0].kind, AuthKind::kPsk);
  EXPECT_EQ(c->local[1].kind, AuthKind::kXauth);
  EXPECT_EQ(c->local[1].xauth_id, "user1");
  EXPECT_EQ(c->children[0].esp_proposals_v1.size(), 2u);
  EXPECT_TRUE(c->children[0].esp_proposals_v1[0].groups.empty());
}

TEST(LoadIkev1, BothVersionsInOneConnection) {
  auto c = LoadOne(std::string("connections { a { version = 0\n proposals = aes256gcm16-prfsha256-x25519, aes256-sha256-x25519-modp2048\n") +
                   kRounds + "children { x { } } } }");
  ASSERT_TRUE(c);
  EXPECT_EQ(c->version, 0);
  EXPECT_EQ(c->proposals.size(), 2u);
  ASSERT_EQ(c->proposals_v1.size(), 1u);
  EXPECT_EQ(c->proposals_v1[0].groups, std::vector{KeGroup::kModp2048});
  auto v2 = LoadOne(std::string("connections { a { ") + kRounds + "children { x { } } } }");
  EXPECT_TRUE(v2->proposals_v1.empty() && v2->children[0].esp_proposals_v1.empty());
}

TEST(LoadIkev1, ProfilesSayWhatDefaultIs) {
  auto c = LoadOne(std::string("connections { a { version = 1\n profile = legacy\n") + kRounds + "children { x { } } } }");
  ASSERT_TRUE(c);
  ASSERT_EQ(c->proposals_v1.size(), 2u);
  EXPECT_EQ(c->proposals_v1[1].encrs.back().id, EncrId::k3Des);
  EXPECT_EQ(c->proposals_v1[1].groups.back(), KeGroup::kModp1024);
  EXPECT_EQ(c->proposals_v1[1].prfs.size(), c->proposals_v1[1].integs.size());
  EXPECT_EQ(InConnection("version = 1\n profile = cnsa1"),
            "E swanctl.conf:1: connections.a.proposals: nothing of it is IKEv1's; expected AES-CBC with SHA-2 and a MODP or ECP group");
}

TEST(LoadIkev1, WhatIkev1CannotNegotiate) {
  struct {
    const char *proposal, *problem;
  } const rows[] = {
      {"aes256-sha256-modp2048", ""},
      {"aes256-sha384-prfsha384-ecp384", ""},
      {"aes128-aes256-sha256-sha512-modp8192-ecp521", ""},
      {"aes256gcm16-prfsha256-ecp256", "IKEv1 has no AES_GCM_16 here; expected aes128, aes192 or aes256"},
      {"aes256-sha256-x25519", "IKEv1 has no CURVE_25519 here; expected a MODP group or ecp256, ecp384 or ecp521"},
      {"aes256-sha256-prfsha512-ecp256", "the PRF of IKEv1 is its hash's; expected none of its own"},
      {"aes256-aesxcbc-prfsha256-ecp256", "IKEv1 has no AES_XCBC_96 here; expected sha256, sha384 or sha512"},
      {"aes256-sha256-ecp256-ke1_mlkem768", "IKEv1 has no additional key exchanges; expected one"},
  };
  for (const auto& row : rows) {
    const std::string problem =
        *row.problem ? std::string("E swanctl.conf:3: connections.a.proposals: proposal \"") + row.proposal + "\": " + row.problem : "";
    const std::string got = InConnection(std::string("version = 1\nproposals = ") + row.proposal);
    EXPECT_TRUE(problem.empty() ? got.empty() : got.starts_with(problem)) << row.proposal << ": " << got;
  }
  struct {
    const char *text, *problem;
  } const children[] = {
      {"esp_proposals = aes256gcm16-modp2048, aes128-sha256", ""},
      {"esp_proposals = aes256gcm16-none-modp2048", ""},
      {"ah_proposals = sha256-ecp256", ""},
      {"esp_proposals = aes256gcm16-esn-noesn", "IKEv1 negotiates no esn here; expected none"},
      {"esp_proposals = chacha20poly1305", "IKEv1 has no CHACHA20_POLY1305 here; expected AES-GCM with a tag of 16 octets, or AES-CBC"},
      {"esp_proposals = aes256gcm16-x25519", "IKEv1 has no CURVE_25519 here; expected a MODP group or ecp256, ecp384 or ecp521"},
  };
  for (const auto& row : children) {
    const std::string got = InConnection(std::string("version = 1\nchildren { y { ") + row.text + "\n} }");
    EXPECT_EQ(*row.problem == '\0', got.empty()) << row.text << ": " << got;
    EXPECT_NE(got.find(row.problem), std::string::npos) << row.text << ": " << got;
  }
}

TEST(LoadIkev1, RoundsOfXauth) {
  const std::string psk = "{ auth = psk\n }\n", cert = "{ auth = pubkey\n }\n";
  struct {
    std::string version, rounds, complaint;
  } const rows[] = {
      {"1", "local " + psk + "remote-1 " + psk + "remote-2 { auth = xauth\n }", ""},
      {"1", "local-1 " + psk + "local-2 { auth = xauth-generic\n xauth_id = user1\n }\nremote " + psk, ""},
      {"1", "local " + cert + "remote { auth = xauth\n }", ""},
      {"1", "local { auth = xauth\n }\nremote " + cert, ""},
      {"0", "local " + cert + "remote { auth = xauth\n }",
       "W swanctl.conf:2: connections.a.version: 0 admits IKEv1 alone here: XAUTH is not IKEv2's"},
      {"2", "local " + cert + "remote { auth = xauth\n }", "E swanctl.conf:1: connections.a: XAUTH is IKEv1's; expected `version = 1`"},
      {"1", "local " + psk + "remote { auth = xauth\n }",
       "E swanctl.conf:1: connections.a: hybrid authentication, XAUTH alone on one side, needs `auth = pubkey` on the other"},
      {"1", "local { auth = xauth\n }\nremote { auth = xauth\n }",
       "E swanctl.conf:1: connections.a: has 2 rounds of XAUTH; expected one, on one side|"
       "E swanctl.conf:1: connections.a: hybrid authentication, XAUTH alone on one side, needs `auth = pubkey` on the other"},
      {"1", "local " + psk + "remote-1 { auth = xauth\n }\nremote-2 " + psk,
       "E swanctl.conf:1: connections.a: XAUTH comes before another round; expected it in the last"},
      {"1", "local " + psk + "remote-1 { auth = xauth\n round = 5\n }\nremote-2 { auth = psk\n round = 1\n }", ""},
      {"1", "local " + psk + "remote " + cert,
       "E swanctl.conf:1: connections.a: IKEv1 authenticates both sides in one way; expected psk or pubkey on both"},
      {"0", "local " + psk + "remote " + cert,
       "W swanctl.conf:1: connections.a: is IKEv2's alone: IKEv1 authenticates both sides in one way; expected psk or pubkey on both"},
      {"1", "local { auth = ed25519\n }\nremote " + cert,
       "E swanctl.conf:1: connections.a: IKEv1 signs by PKCS#1 v1.5 or ECDSA alone; expected pubkey, rsa or ecdsa"},
      {"1", "local { auth = rsa/pss\n }\nremote " + cert,
       "E swanctl.conf:1: connections.a: IKEv1 signs by PKCS#1 v1.5 or ECDSA alone; expected pubkey, rsa or ecdsa"},
      {"1", "local { auth = pubkey-sha256\n }\nremote { auth = ecdsa\n }", ""},
      {"1", "local " + psk + "remote-1 " + psk + "remote-2 { auth = xauth-pam\n }",
       "E swanctl.conf:7: connections.a.remote-2.auth: \"xauth-pam\"; expected xauth-generic or xauth-radius"},
      {"1", "local-1 " + psk + "remote " + psk + "local-2 { auth = xauth-radius\n }",
       "E swanctl.conf:7: connections.a.local-2.auth: \"xauth-radius\"; expected xauth-generic"},
      {"1", "local " + psk + "remote-1 " + psk + "remote-2 { auth = xauth-radius\n }",
       "E swanctl.conf:1: connections.a: xauth-radius has nobody to ask; expected control.radius.servers { }"},
  };
  for (const auto& row : rows) EXPECT_EQ(WithRounds("version = " + row.version, row.rounds), row.complaint) << row.rounds;
  EXPECT_EQ(Complain("connections { a { version = 1\n local { auth = pubkey\n }\nremote { auth = xauth\n } children { x { } } } }"),
            "W swanctl.conf:1: connections.a: no password for XAUTH in these files; expected sections xauth or eap in secrets { }");
}

TEST(LoadIkev1, AggressiveModeNamesItsRisk) {
  const std::string risk = "whoever sees aggressive mode has a hash of the pre-shared key, and may search it offline";
  const std::string yes = "i_dont_care_about_security_and_use_aggressive_mode_psk = yes";
  for (const char* version : {"0", "1"}) {
    const std::string text = std::string("version = ") + version + "\naggressive = yes";
    EXPECT_EQ(WithRounds(text, kRounds), "E swanctl.conf:3: connections.a.aggressive: " + risk +
                                             "; expected main mode, certificates, or control.i_dont_care_about_security_and_use_"
                                             "aggressive_mode_psk = yes");
    EXPECT_EQ(WithRounds(text, kRounds, yes), "W swanctl.conf:3: connections.a.aggressive: " + risk);
    EXPECT_EQ(WithRounds(text, "local { }\nremote { }"), "");
  }
  EXPECT_EQ(WithRounds("version = 1\naggressive = yes", "local { }\nremote { auth = xauth\n }"), "");
}

TEST(LoadIkev1, KeysThatSayNothingToIkev2) {
  EXPECT_EQ(InConnection("aggressive = yes\npull = no\nfragmentation = force"),
            "W swanctl.conf:2: connections.a.aggressive: has no effect: IKEv1 only|"
            "W swanctl.conf:3: connections.a.pull: has no effect: IKEv1 only|"
            "W swanctl.conf:4: connections.a.fragmentation: has no effect: `force` is IKEv1's");
  EXPECT_EQ(InConnection("version = 1\naggressive = no\npull = no\nfragmentation = force\ndpd_timeout = 1m"), "");
  EXPECT_EQ(InConnection("version = 1\nppk_id = x\nppk_required = yes").substr(0, 75),
            "E swanctl.conf:4: connections.a.ppk_required: post-quantum keys are IKEv2's");
}

TEST(LoadIkev1, ProposalsOfAConnectionMadeByHand) {
  Connection c{.version = 1, .proposals = DefaultIkeProposals(Profile::kLegacy)};
  c.children.push_back({.name = "x", .esp_proposals = DefaultEspProposals(), .ah_proposals = DefaultAhProposals()});
  DeriveIkev1Proposals(c);
  EXPECT_EQ(c.proposals_v1.size(), 2u);
  EXPECT_EQ(c.children[0].esp_proposals_v1.size(), 2u);
  EXPECT_EQ(c.children[0].ah_proposals_v1.size(), 1u);
  for (const IkeProposal& p : c.proposals_v1) EXPECT_EQ(Ikev1Problem(p), "");
  for (const EspProposal& p : c.children[0].esp_proposals_v1) EXPECT_EQ(Ikev1Problem(p, false), "");
  c.version = 2;
  DeriveIkev1Proposals(c);
  EXPECT_TRUE(c.proposals_v1.empty() && c.children[0].esp_proposals_v1.empty());
}

}  // namespace
}  // namespace culvert::config
