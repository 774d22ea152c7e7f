#include "control/auth/password.h"

#include <gtest/gtest.h>

namespace culvert::auth {
namespace {

using Kind = config::Secret::Kind;

config::Secret Secret(std::string_view data, std::vector<std::string> owners, Kind kind = Kind::kXauth) {
  return {.name = "s", .kind = kind, .data = SecretBytes(AsBytes(data)), .owners = std::move(owners), .file = {}};
}

std::vector<config::Secret> Users() {
  std::vector<config::Secret> list;
  list.push_back(Secret("for ike", {"carol"}, Kind::kIke));
  list.push_back(Secret("anybody's", {}));
  list.push_back(Secret("carol's", {"carol"}));
  list.push_back(Secret("carol's second", {"Carol"}, Kind::kEap));
  list.push_back(Secret("example's", {"*@example.org"}));
  list.push_back(Secret("dave's", {"dave@example.org"}));
  return list;
}

struct Case {
  std::string user, password;
  bool admitted;
};

TEST(PasswordTable, AdmitsAUserByAnyPasswordThatIsTheUsers) {
  const PasswordTable table(Users());
  const Case cases[] = {
      {"carol", "carol's", true},
      {"carol", "carol's second", true},
      {"CAROL", "carol's", true},
      {"carol", "anybody's", true},
      {"carol", "for ike", false},
      {"carol", "carol'", false},
      {"carol", "carol's ", false},
      {"carol", "", false},
      {"carol", "dave's", false},
      {"dave@example.org", "dave's", true},
      {"dave@example.org", "example's", true},
      {"eve@example.org", "example's", true},
      {"eve@example.org", "dave's", false},
      {"mallory", "carol's", false},
      {"mallory", "anybody's", true},
      {"*@example.org", "example's", true},   // a strange name, and as much example.org's as any
      {"%any", "carol's", false},
      {"", "carol's", false},
  };
  for (const Case& c : cases) EXPECT_EQ(table.Admits(c.user, AsBytes(c.password)), c.admitted) << c.user << " " << c.password;
}

TEST(PasswordTable, AdmitsNobodyWhereItHasNone) {
  const PasswordTable table;
  EXPECT_FALSE(table.Admits("carol", AsBytes("")));
  EXPECT_FALSE(table.Admits("carol", AsBytes("carol's")));
  EXPECT_EQ(table.Find("carol"), nullptr);
}

TEST(PasswordTable, FindsAUsersOwnFirst) {
  const PasswordTable table(Users());
  auto found = [&](std::string_view user) { return std::string(AsString(table.Find(user)->view())); };
  EXPECT_EQ(found("carol"), "carol's");
  EXPECT_EQ(found("dave@example.org"), "dave's");
  EXPECT_EQ(found("eve@example.org"), "example's");
  EXPECT_EQ(found("mallory"), "anybody's");
}

}  // namespace
}  // namespace culvert::auth
