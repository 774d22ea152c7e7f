#include "control/ike/v1/phase1_method.h"

#include <gtest/gtest.h>

#include "tests/support/test_pki.h"

namespace culvert::ike::v1 {
namespace {

using config::AuthKind;
using enum AuthMethod;

std::vector<config::AuthRound> Side(std::initializer_list<AuthKind> kinds) {
  std::vector<config::AuthRound> out;
  for (AuthKind k : kinds) out.push_back({.kind = k});
  return out;
}

std::shared_ptr<const auth::Credentials> With(std::initializer_list<KeyKind> kinds) {
  static const auth::TestCertificate ca = auth::Make(auth::Authority("CN=ca"));
  std::vector<auth::TestCertificate> certificates;
  for (KeyKind k : kinds) certificates.push_back(auth::Make({.subject = "CN=gw", .key = k}, &ca));
  std::vector<const auth::TestCertificate*> own;
  for (const auto& c : certificates) own.push_back(&c);
  return auth::Holding(own, {&ca});
}

TEST(Phase1Method, IsWhatTheRoundsSay) {
  constexpr AuthKind kPsk = AuthKind::kPsk, kKey = AuthKind::kPubkey, kXauth = AuthKind::kXauth;
  struct Case {
    const char* name;
    std::initializer_list<AuthKind> local, remote;
    bool we_initiate;
    std::vector<AuthMethod> methods;
  };
  const Case kCases[] = {
      {"psk", {kPsk}, {kPsk}, true, {kPreSharedKey}},
      {"psk, called", {kPsk}, {kPsk}, false, {kPreSharedKey}},
      {"keys", {kKey}, {kKey}, true, {kRsaSignature, kEcdsa384}},
      {"psk, then the peer's name", {kPsk}, {kPsk, kXauth}, false, {kXauthInitPreShared}},
      {"psk, then our name", {kPsk, kXauth}, {kPsk}, true, {kXauthInitPreShared}},
      {"psk, then the name of the peer we call", {kPsk}, {kPsk, kXauth}, true, {kXauthRespPreShared}},
      {"psk, then our name for who calls us", {kPsk, kXauth}, {kPsk}, false, {kXauthRespPreShared}},
      {"keys, then the peer's name", {kKey}, {kKey, kXauth}, false, {kXauthInitRsa}},
      {"keys, then our name for who calls us", {kKey, kXauth}, {kKey}, false, {kXauthRespRsa}},
      {"hybrid server", {kKey}, {kXauth}, false, {kHybridInitRsa}},
      {"hybrid client", {kXauth}, {kKey}, true, {kHybridInitRsa}},
      {"hybrid client that is called", {kXauth}, {kKey}, false, {kHybridRespRsa}},
      {"hybrid server that calls", {kKey}, {kXauth}, true, {kHybridRespRsa}},
      {"a key on one side alone", {kKey}, {kPsk}, true, {}},
  };
  const auto credentials = With({KeyKind::kRsa, KeyKind::kEcdsa384, KeyKind::kEd25519});
  for (const Case& c : kCases) {
    const config::Connection connection{.version = 1, .local = Side(c.local), .remote = Side(c.remote)};
    EXPECT_EQ(MethodsFor(connection, c.we_initiate, *credentials), c.methods) << c.name;
  }
}

TEST(Phase1Method, WantsAKeyThatCanSign) {
  const config::Connection c{.version = 1, .local = Side({AuthKind::kPubkey}), .remote = Side({AuthKind::kPubkey})};
  EXPECT_TRUE(MethodsFor(c, true, *With({KeyKind::kEd25519})).empty());
  EXPECT_EQ(MethodsFor(c, true, *With({KeyKind::kEcdsa521, KeyKind::kEcdsa256})),
            (std::vector<AuthMethod>{kEcdsa521, kEcdsa256}));
  // Whoever does not sign needs none.
  const config::Connection hybrid{.version = 1, .local = Side({AuthKind::kXauth}), .remote = Side({AuthKind::kPubkey})};
  EXPECT_EQ(MethodsFor(hybrid, true, *With({})), (std::vector<AuthMethod>{kHybridInitRsa}));
}

// B57
TEST(Phase1Method, HasNoRsaEncryption) {
  for (AuthMethod m : {kRsaEncryption, kRevisedRsaEncryption, kDss, static_cast<AuthMethod>(6)}) EXPECT_EQ(Find(m), nullptr);
}

}  // namespace
}  // namespace culvert::ike::v1
