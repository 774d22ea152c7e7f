#include "control/auth/ppk.h"

#include <gtest/gtest.h>

#include "common/bytes/hex.h"

namespace culvert::auth {
namespace {

config::Secret Make(std::string_view data, std::vector<std::string> owners,
                    config::Secret::Kind kind = config::Secret::Kind::kPpk) {
  config::Secret s;
  s.kind = kind;
  s.data = SecretBytes(AsBytes(data));
  s.owners = std::move(owners);
  return s;
}

std::string Found(const PpkTable& table, const char* hex) {
  const SecretBytes* s = table.Find(*FromHex(hex));
  return s ? std::string(AsString(s->view())) : "none";
}

TEST(PpkTable, FindsByTypeAndOctets) {
  std::vector<config::Secret> secrets;
  secrets.push_back(Make("not this", {"k1"}, config::Secret::Kind::kIke));
  EXPECT_TRUE(PpkTable(secrets).empty());
  secrets.push_back(Make("one", {"k1", "@#00"}));
  secrets.push_back(Make("late", {"k1"}));
  secrets.push_back(Make("opaque", {"opaque:k1"}));
  const PpkTable table(secrets);
  EXPECT_FALSE(table.empty());
  EXPECT_EQ(Found(table, "026b31"), "one");
  EXPECT_EQ(Found(table, "0200"), "one");
  EXPECT_EQ(Found(table, "016b31"), "opaque");
  for (const char* hex : {"", "02", "026b", "026b3100", "024b31", "036b31", "0100"}) EXPECT_EQ(Found(table, hex), "none") << hex;
}

TEST(PpkTable, WithoutANameItIsForEveryNameNobodyHas) {
  std::vector<config::Secret> secrets;
  secrets.push_back(Make("any", {}));
  secrets.push_back(Make("never", {}));
  secrets.push_back(Make("one", {"k1"}));
  const PpkTable table(secrets);
  EXPECT_EQ(Found(table, "026b31"), "one");
  EXPECT_EQ(Found(table, "026b32"), "any");
  EXPECT_EQ(Found(table, "016b31"), "any");
  for (const char* hex : {"", "02", "01", "006b31"}) EXPECT_EQ(Found(table, hex), "none") << hex;
}

}  // namespace
}  // namespace culvert::auth
