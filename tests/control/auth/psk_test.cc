#include "control/auth/psk.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

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
  const PskTable table(secrets);
  const SecretBytes* s = table.Find(*ike::Identity::Parse(local), *ike::Identity::Parse(remote));
  return s ? std::string(AsString(s->view())) : "none";
}

TEST(PskTable, ThePeersOwnGoesFirst) {
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

TEST(PskTable, OfEqualsTheFirstAndOfNoneNone) {
  std::vector<config::Secret> secrets;
  EXPECT_EQ(Found(secrets, "a", "b"), "none");
  secrets.push_back(Make("first", {"192.0.2.1"}));
  secrets.push_back(Make("second", {"192.0.2.1"}));
  EXPECT_EQ(Found(secrets, "192.0.2.2", "192.0.2.1"), "first");
  EXPECT_EQ(Found(secrets, "192.0.2.2", "192.0.2.3"), "none");
}

TEST(PskTable, AnIdentitysCaseIsAsItsTypeHasIt) {
  std::vector<config::Secret> secrets;
  secrets.push_back(Make("name", {"A.Example.org"}));
  secrets.push_back(Make("key", {"@#616263"}));
  EXPECT_EQ(Found(secrets, "x", "a.eXample.org"), "name");
  EXPECT_EQ(Found(secrets, "x", "@#616263"), "key");
  EXPECT_EQ(Found(secrets, "x", "@#414243"), "none");
}

// As the rule says it, one by one.
std::string SlowlyFound(const std::vector<config::Secret>& secrets, const ike::Identity& local, const ike::Identity& remote) {
  std::string best = "none";
  int best_score = 0;
  for (const config::Secret& s : secrets) {
    auto owned_by = [&](const ike::Identity& id) {
      return std::ranges::any_of(s.owners, [&](const std::string& owner) { return ike::Matches(owner, id); });
    };
    int score = s.owners.empty() ? 1 : (owned_by(remote) ? 4 : 0) + (owned_by(local) ? 2 : 0);
    if (score <= best_score) continue;
    best_score = score;
    best = AsString(s.data.view());
  }
  return best;
}

TEST(PskTable, FindsWhatALookAtEachFinds) {
  const std::vector<std::string> owners = {"a.org", "B.org", "*.org", "*", "192.0.2.1", "192.0.2.0/24", "@#c0ffee", "CN=a",
                                           "CN=*", "u@a.org", "ipv4:oops"};
  const std::vector<std::string> ids = {"a.org", "b.ORG", "c.org", "d.net", "192.0.2.1", "192.0.2.2", "@#c0ffee", "CN=A", "u@A.org"};
  std::minstd_rand random(7);
  for (int round = 0; round < 2000; ++round) {
    std::vector<config::Secret> secrets;
    for (auto i = 0u, n = static_cast<unsigned>(random() % 6); i < n; ++i) {
      std::vector<std::string> some;
      for (auto k = random() % 4; k > 0; --k) some.push_back(owners[random() % owners.size()]);
      secrets.push_back(Make(std::to_string(i), std::move(some)));
    }
    for (const std::string& local : ids) {
      const std::string& remote = ids[random() % ids.size()];
      EXPECT_EQ(Found(secrets, local.c_str(), remote.c_str()),
                SlowlyFound(secrets, *ike::Identity::Parse(local), *ike::Identity::Parse(remote)));
    }
  }
}

}  // namespace
}  // namespace culvert::auth
