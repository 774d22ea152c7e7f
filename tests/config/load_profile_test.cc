#include <gtest/gtest.h>

#include "config/profile.h"
#include "config/proposal_tokens.h"
#include "tests/config/load_swanctl.h"

namespace culvert::config {
namespace {

TEST(LoadProfile, AProfileIsTheFloorOfConnectionsThatNameNone) {
  auto load = [](const std::string& settings, const std::string& connection) {
    Complaints complaints;
    auto control = Load("connections { a {\n" + connection + "\n" + kRounds + "children { x { } } } }", complaints, settings);
    EXPECT_TRUE(control) << Print(complaints);
    return control ? std::move(control->connections.at(0)) : Connection{};
  };
  EXPECT_EQ(load("", "").profile, Profile::kDefault);
  Connection inherited = load("profile = cnsa1", "");
  EXPECT_EQ(inherited.profile, Profile::kCnsa1);
  ASSERT_EQ(inherited.proposals.size(), 1u);
  EXPECT_EQ(inherited.proposals[0].groups, (std::vector{KeGroup::kEcp384, KeGroup::kModp4096, KeGroup::kModp3072}));
  EXPECT_EQ(inherited.children.at(0).esp_proposals.at(0).encrs, (std::vector{Cipher{EncrId::kAesGcm16, 256}}));
  Connection own = load("profile = cnsa1", "profile = legacy\nproposals = 3des-sha1-modp1024");
  EXPECT_EQ(own.profile, Profile::kLegacy);
  ASSERT_EQ(own.proposals.size(), 1u);
  EXPECT_EQ(own.proposals[0].encrs.at(0).id, EncrId::k3Des);
}

// What RFC 8247, RFC 8221 and RFC 9395 have done with has no implementation here, and no profile brings it back: each word an
// error at its line, wherever it stands in a proposal.
TEST(LoadProfile, WhatIsNotBuiltInIsAnErrorUnderEveryProfile) {
  std::vector<std::string> words = {"idea", "3idea", "rc5", "des_iv64", "desmac", "kpdk", "prftiger"};  // charon has none either
  for (const char* word : {"des", "blowfish", "blowfish128", "cast128", "md5", "md5_128", "sha1_160", "prfmd5", "modp768",
                           "modp1024s160", "modp2048s224", "modp2048s256"}) {
    const Token* token = FindToken(word);
    EXPECT_TRUE(token && token->use == TokenUse::kForbidden) << word;
  }
  for (const Token& token : AllTokens()) {
    if (token.use == TokenUse::kForbidden) words.emplace_back(token.text);
  }
  EXPECT_GT(words.size(), 60u);
  for (const std::string& word : words) {
    for (const char* profile : {"default", "windows", "legacy"}) {
      const std::string head = "connections { a {\nprofile = " + std::string(profile) + "\n", where = "E swanctl.conf:3: connections.a.";
      for (const std::string& ike : {"aes128-sha256-x25519-" + word, word + "-aes128-sha256-x25519", "aes128gcm16-prfsha256-x25519-ke1_" + word}) {
        const std::string said = Complain(head + "proposals = " + ike + "\n" + kRounds + "children { x { } } } }");
        EXPECT_TRUE(said.starts_with(where + "proposals: proposal \"" + ike + "\": \"")) << said;
      }
      const std::string esp = "aes128-sha256-" + word;
      const std::string said = Complain(head + "children { x { esp_proposals = " + esp + "\n} }\n" + kRounds + "} }");
      EXPECT_TRUE(said.starts_with(where + "children.x.esp_proposals: proposal \"" + esp + "\": \"" + word + "\" is ")) << said;
    }
  }
}

TEST(LoadProfile, TheProfileSaysWhereSha1Counts) {
  auto load = [](const std::string& profile, const std::string& auth) {
    Complaints complaints;
    auto control = Load("connections { a {\nprofile = " + profile + "\nlocal { auth = " + auth + "\n}\nremote { auth = pubkey\n}\n" +
                            "children { x { } } } }", complaints);
    EXPECT_TRUE(control) << Print(complaints);
    return control ? std::move(control->connections.at(0)) : Connection{};
  };
  for (const char* profile : {"default", "cnsa1", "cnsa2", "bsi", "3gpp"}) {
    Connection c = load(profile, "pubkey");
    EXPECT_EQ(c.local.at(0).rules.sha1, Sha1Use::kNever) << profile;
    EXPECT_EQ(c.remote.at(0).rules.sha1, Sha1Use::kNever) << profile;
  }
  EXPECT_EQ(load("windows", "pubkey").remote.at(0).rules.sha1, Sha1Use::kMethod1);
  Connection legacy = load("legacy", "rsa-sha1");
  EXPECT_EQ(legacy.remote.at(0).rules.sha1, Sha1Use::kAnywhere);
  ASSERT_EQ(legacy.local.at(0).rules.schemes.size(), 1u);
  EXPECT_EQ(legacy.local[0].rules.schemes[0].hash_bits, 160u);
}

TEST(LoadProfile, RefusesWhatIsBelowTheProfile) {
  auto complain = [](const std::string& settings, const std::string& connection, const std::string& child = "") {
    return Complain("connections { a {\n" + connection + "\n" + kRounds + "children { x {\n" + child + "\n} } } }", settings);
  };
  EXPECT_NE(complain("", "proposals = aes256-sha1-modp2048")
                .find("swanctl.conf:2: connections.a.proposals: proposal \"aes256-sha1-modp2048\": \"sha1\" is a legacy algorithm"),
            std::string::npos);
  EXPECT_NE(complain("profile = bsi", "proposals = aes256gcm16-prfsha256-x25519").find("\"x25519\" is below the floor of profile bsi"),
            std::string::npos);
  EXPECT_NE(complain("profile = legacy", "profile = 3gpp", "esp_proposals = chacha20poly1305")
                .find("\"chacha20poly1305\" is below the floor of profile 3gpp"),
            std::string::npos);
  EXPECT_NE(complain("profile = cnsa1", "", "ah_proposals = sha384").find("\"sha384\" is below the floor of profile cnsa1"),
            std::string::npos);
  EXPECT_NE(complain("profile = cnsa2", "", "ah_proposals = default").find("profile cnsa2 has no integrity without encryption"),
            std::string::npos);
  EXPECT_NE(complain("profile = cnsa2", "proposals = aes256gcm16-prfsha384-ecp384")
                .find("a key exchange without \"mlkem1024\", which profile cnsa2 demands; expected ke1_mlkem1024"),
            std::string::npos);
  EXPECT_NE(complain("", "profile = fips").find("\"fips\"; expected default, cnsa1"), std::string::npos);
}

}  // namespace
}  // namespace culvert::config
