#include "config/schema/keys.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "config/schema/check_keys.h"
#include "config/text.h"

namespace culvert::config {
namespace {

TEST(Keys, EveryRowIsSoundAndAlone) {
  std::set<std::string_view> paths;
  for (const Key& k : AllKeys()) {
    EXPECT_TRUE(paths.insert(k.path).second) << k.path << " comes twice";
    EXPECT_FALSE(k.about.empty()) << k.path;
    EXPECT_FALSE(k.about.ends_with('.')) << k.path;
    auto dot = k.path.rfind('.');
    EXPECT_TRUE(dot == std::string_view::npos || paths.contains(k.path.substr(0, dot))) << k.path << " has no section before it";
    EXPECT_EQ(k.type == Type::kWord, !k.words.empty()) << k.path;
    EXPECT_EQ(k.type == Type::kInteger || k.type == Type::kFraction, k.max > 0) << k.path;
    if (k.fallback.empty()) continue;
    EXPECT_EQ(CheckValue(k, Value("k", std::string(k.fallback), {})), "") << k.path;
  }
}

TEST(Keys, WordVerdictsNameWordsOfTheTable) {
  for (const WordVerdict& w : AllWordVerdicts()) {
    auto row = std::ranges::find(AllKeys(), w.path, &Key::path);
    ASSERT_NE(row, AllKeys().end()) << w.path;
    auto words = Split(row->words, ' ');
    EXPECT_NE(std::ranges::find(words, w.word), words.end()) << w.path << " " << w.word;
    EXPECT_NE(row->fallback, w.word) << "a default cannot have a verdict of its own: " << w.path;
  }
}

TEST(Keys, NamesWithSuffixesAndFreeNames) {
  auto path = [](std::string_view section, bool sections, std::string_view name) -> std::string_view {
    auto* rule = FindSectionRule(section);
    if (!rule) return "no rule";
    auto* key = FindKey(sections ? rule->sections : rule->keys, name);
    return key ? key->path : "none";
  };
  EXPECT_EQ(path("", true, "connections"), "connections");
  EXPECT_EQ(path("connections", true, "anything"), "connections.<conn>");
  EXPECT_EQ(path("connections.<conn>", true, "local"), "connections.<conn>.local<suffix>");
  EXPECT_EQ(path("connections.<conn>", true, "local-eap"), "connections.<conn>.local<suffix>");
  EXPECT_EQ(path("connections.<conn>", true, "loca"), "none");
  EXPECT_EQ(path("connections.<conn>", false, "local_addrs"), "connections.<conn>.local_addrs");
  EXPECT_EQ(path("connections.<conn>.remote<suffix>", true, "cacert1"), "connections.<conn>.remote<suffix>.cacert<suffix>");
  EXPECT_EQ(path("connections.<conn>.remote<suffix>", true, "cert1"), "connections.<conn>.remote<suffix>.cert<suffix>");
  EXPECT_EQ(path("secrets", true, "pkcs12-a"), "secrets.pkcs12<suffix>");
  EXPECT_EQ(path("secrets", true, "ike"), "secrets.ike<suffix>");
  EXPECT_EQ(path("secrets.ike<suffix>", false, "id-moon"), "secrets.ike<suffix>.id<suffix>");
  EXPECT_EQ(path("pools.<pool>", false, "addrs"), "pools.<pool>.addrs");
  EXPECT_EQ(path("pools.<pool>", false, "28"), "pools.<pool>.<number>");
  EXPECT_EQ(path("nowhere", false, "x"), "no rule");
}

}  // namespace
}  // namespace culvert::config
