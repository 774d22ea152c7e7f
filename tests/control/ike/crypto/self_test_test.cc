#include "control/ike/crypto/self_test.h"

#include <set>
#include <vector>

#include <gtest/gtest.h>

namespace culvert::ike {
namespace {

TEST(SelfTest, Passes) { EXPECT_EQ(RunSelfTest(), std::nullopt); }

TEST(SelfTest, ReachesEveryPrimitiveOfTheWorkingSet) {
  std::set<EncrId> encrs;
  std::set<PrfId> prfs;
  std::set<KeGroup> groups;
  for (const KnownAnswer& a : SelfTestAnswers()) {
    encrs.insert(a.encr);
    prfs.insert(a.prf);
    groups.insert(a.group);
  }
  for (EncrId id : {EncrId::kAesGcm16, EncrId::kAesCcm16, EncrId::kAesCtr, EncrId::kAesCbc, EncrId::kCamelliaCbc,
                    EncrId::kCamelliaCcm16, EncrId::kChaCha20Poly1305}) {
    EXPECT_TRUE(encrs.contains(id)) << Name(id);
  }
  for (PrfId id : {PrfId::kHmacSha256, PrfId::kHmacSha384, PrfId::kHmacSha512, PrfId::kAesCmac, PrfId::kAesXcbc}) {
    EXPECT_TRUE(prfs.contains(id)) << Name(id);
  }
  for (KeGroup id : {KeGroup::kX25519, KeGroup::kEcp256, KeGroup::kEcp384, KeGroup::kEcp521, KeGroup::kModp2048, KeGroup::kX448,
                     KeGroup::kBrainpool256}) {
    EXPECT_TRUE(groups.contains(id)) << Name(id);
  }
}

TEST(SelfTest, ReachesEveryKindOfSignature) {
  const std::string_view all[] = {"RSA SHA2-256", "RSA-PSS SHA2-256", "P256 SHA2-256", "P384 SHA2-384", "P521 SHA2-512", "Ed25519", "Ed448"};
  std::set<std::string> names;
  for (const KnownAnswer& a : SelfTestAnswers()) names.insert(a.name);
  for (std::string_view name : all) EXPECT_TRUE(names.contains("signature, " + std::string(name))) << name;
}

// F33: one flipped bit anywhere in the table. 0x10 is a bit that the Montgomery curves do not mask (RFC 7748 5).
TEST(SelfTest, FailsOnAnyFlippedBit) {
  for (const KnownAnswer& good : SelfTestAnswers()) {
    for (size_t field = 0; field < std::size(good.f); ++field) {
      // Long fields by sample: an exchange in a large group takes milliseconds.
      const size_t step = good.f[field].size() > 200 ? 62 : 2;
      for (size_t at = 0; at < good.f[field].size(); at += step) {
        std::string digits(good.f[field]);
        digits[at] = "0123456789abcdef"[(digits[at] <= '9' ? digits[at] - '0' : digits[at] - 'a' + 10) ^ 1];
        KnownAnswer bad = good;
        bad.f[field] = digits;
        auto failure = RunSelfTest({&bad, 1});
        ASSERT_TRUE(failure) << good.name << " field " << field << " digit " << at;
        EXPECT_NE(failure->find(good.name), std::string::npos);
      }
    }
  }
}

TEST(SelfTest, FailsOnAMissingOrMisshapenField) {
  for (const KnownAnswer& good : SelfTestAnswers()) {
    for (size_t field = 0; field < std::size(good.f); ++field) {
      if (good.f[field].empty()) continue;
      const std::string_view right = good.f[field];
      for (std::string_view wrong : {std::string_view(), right.substr(0, right.size() - 2), right.substr(1), std::string_view("zz")}) {
        KnownAnswer bad = good;
        bad.f[field] = wrong;
        // Less of prf+ is still its beginning.
        bool shorter_stream = good.kind == KnownAnswer::Kind::kPrfPlus && field == 2 && right.starts_with(wrong);
        EXPECT_EQ(RunSelfTest({&bad, 1}).has_value(), !shorter_stream) << good.name << " field " << field;
      }
    }
  }
}

TEST(SelfTest, NamesTheFirstWrongAnswer) {
  std::vector<KnownAnswer> answers(SelfTestAnswers().begin(), SelfTestAnswers().end());
  answers[3].f[2] = "00";
  auto failure = RunSelfTest(answers);
  ASSERT_TRUE(failure);
  EXPECT_NE(failure->find(answers[3].name), std::string::npos);
}

}  // namespace
}  // namespace culvert::ike
