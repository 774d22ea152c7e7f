#include "control/auth/psk.h"

#include <gtest/gtest.h>

namespace culvert::auth {
namespace {

config::Secret Make(std::string data, std::vector<std::string> owners, config::Secret::Kind kind = config::Secret::Kind::kIke) {
  config::Secret s;
  s.kind = kind;
  s.data = SecretBytes(AsBytes(data));
  s.owners = std::move(owners);
  return s;
}

std::string Found(const std::vector<config::Secret>& secrets, const char* local, const char* remote) {
  const SecretBytes* s = FindPsk(secrets, *ike::Identity::Parse(local), *ike::Identity::Parse(remote));
  return s ? std::string(AsString(s->view())) : "none";
}

TEST(FindPsk, ThePeersOwnGoesFirst) {
  std::vector<config::Secret> secrets;
  secrets.push_back(Make("anybody", {}));
  secrets.push_back(Make("ours", {"gw.example.org"}));
  secrets.push_back(Make("peer", {"a.example.org"}));
  secrets.push_back(Make("pair", {"gw.example.org", "b.example.org"}));
  secrets.push_back(Make("wild", {"*.branch.example.org"}));
  secrets.push_back(Make("eap", {"c.example.org"}, config::Secret::Kind::kEap));
  EXPECT_EQ(Found(secrets, "gw.example.org", "a.example.org"), "peer");
  EXPECT_EQ(Found(secrets, "gw.example.org", "b.example.org"), "pair");
  EXPECT_EQ(Found(secrets, "gw.example.org", "7.branch.example.org"), "wild");
  EXPECT_EQ(Found(secrets, "gw.example.org", "c.example.org"), "ours");
  EXPECT_EQ(Found(secrets, "other.example.org", "c.example.org"), "anybody");
}

TEST(FindPsk, OfEqualsTheFirstAndOfNoneNone) {
  std::vector<config::Secret> secrets;
  EXPECT_EQ(Found(secrets, "a", "b"), "none");
  secrets.push_back(Make("first", {"192.0.2.1"}));
  secrets.push_back(Make("second", {"192.0.2.1"}));
  EXPECT_EQ(Found(secrets, "192.0.2.2", "192.0.2.1"), "first");
  EXPECT_EQ(Found(secrets, "192.0.2.2", "192.0.2.3"), "none");
}

}  // namespace
}  // namespace culvert::auth
