#include "control/ike/negotiate/phase1_proposal.h"

#include <functional>

#include <gtest/gtest.h>

#include "config/ikev1.h"
#include "control/ike/wire/v1/payloads.h"

namespace culvert::ike::v1 {
namespace {

std::vector<config::IkeProposal> Proposals(std::initializer_list<const char*> texts, config::Profile profile = {}) {
  config::Connection c{.version = 1};
  for (const char* text : texts) {
    auto p = config::ParseIkeProposal(text, profile);
    EXPECT_TRUE(p) << text << ": " << p.error();
    c.proposals.push_back(*p);
  }
  config::DeriveIkev1Proposals(c);
  return c.proposals_v1;
}

constexpr AuthMethod kPsk[] = {AuthMethod::kPreSharedKey};
constexpr AuthMethod kSignatures[] = {AuthMethod::kEcdsa256, AuthMethod::kRsaSignature};

SaPayload Decode(ByteView body) {
  Reader r(body);
  auto sa = DecodeSa(r);
  EXPECT_TRUE(sa);
  return sa ? *std::move(sa) : SaPayload{};
}

// An attribute of its own making; `value` is held by it.
struct Raw {
  uint16_t type;
  bool basic;
  Bytes value;
};
const Raw kAes{1, true, {0, 7}}, k256{14, true, {1, 0}}, kSha256{2, true, {0, 4}}, kGroup14{4, true, {0, 14}},
    kByPsk{3, true, {0, 1}}, kSeconds{11, true, {0, 1}}, kHour{12, false, {0, 0, 14, 16}};

SaPayload One(const std::vector<Raw>& attributes, uint8_t id = 1, ProtocolId protocol = ProtocolId::kIsakmp) {
  Transform t{.number = 1, .id = id, .attributes = {}};
  for (const Raw& a : attributes) t.attributes.push_back({a.type, a.basic, a.value});
  return {.proposals = {{.number = 1, .protocol = protocol, .spi = {}, .transforms = {t}}}};
}

IkeSuite Suite(EncrId encr, uint16_t bits, PrfId prf, KeGroup group) {
  return {.encr = encr, .encr_key_bits = bits, .integ = IntegId::kNone, .prf = prf, .group = group, .additional = {}};
}
const IkeSuite kUsual = Suite(EncrId::kAesCbc, 256, PrfId::kHmacSha256, KeGroup::kModp2048);

TEST(Phase1Offer, IsWhatTheProposalSaysInItsOrder) {
  const auto proposals = Proposals({"aes256-sha384-ecp384", "aes128-sha256-modp2048"});
  const Bytes body = OfferPhase1({.proposals = proposals, .methods = kSignatures, .life_seconds = 15840});
  EXPECT_EQ(DescribePhase1(Decode(body)),
            "AES_CBC-256/PRF_HMAC_SHA2_384/ECP_384 by ECDSA-256 signatures, "
            "AES_CBC-256/PRF_HMAC_SHA2_384/ECP_384 by RSA signatures, "
            "AES_CBC-128/PRF_HMAC_SHA2_256/MODP_2048 by ECDSA-256 signatures, "
            "AES_CBC-128/PRF_HMAC_SHA2_256/MODP_2048 by RSA signatures");
  EXPECT_TRUE(OfferPhase1({.proposals = {}, .methods = kPsk}).empty());
  EXPECT_TRUE(OfferPhase1({.proposals = proposals, .methods = {}}).empty());
}

// RFC 2409 appendix A: a lifetime of more than 16 bits is variable, and all else basic.
TEST(Phase1Offer, WritesAttributesAsTheRfcWantsThem) {
  const auto proposals = Proposals({"aes256-sha256-modp2048"});
  for (auto [life, basic] : {std::pair(uint64_t{15840}, true), std::pair(uint64_t{86400}, false)}) {
    const Bytes body = OfferPhase1({.proposals = proposals, .methods = kPsk, .life_seconds = life});
    const SaPayload sa = Decode(body);
    ASSERT_EQ(sa.proposals.size(), 1u);
    const Attributes& all = sa.proposals[0].transforms.at(0).attributes;
    ASSERT_EQ(all.size(), 7u);
    EXPECT_EQ(all[6].type, static_cast<uint16_t>(IkeAttribute::kLifeDuration));
    EXPECT_EQ(all[6].basic, basic);
    EXPECT_EQ(all[6].Number(), life);
    for (size_t i = 0; i < 6; ++i) EXPECT_TRUE(all[i].basic) << i;
  }
}

TEST(Phase1Offer, BringsEachAlgorithmInWhereNotAllFit) {
  const auto proposals = Proposals({"aes256-aes192-aes128-sha256-sha384-sha512-ecp256-ecp384-ecp521-modp2048-modp3072-modp4096"});
  const Bytes body = OfferPhase1({.proposals = proposals, .methods = kPsk});
  const SaPayload sa = Decode(body);
  EXPECT_EQ(sa.proposals.at(0).transforms.size(), kMaxTransformsOffered);
  for (const char* one : {"aes256-sha256-modp4096", "aes128-sha256-ecp256", "aes256-sha512-ecp256", "aes192-sha256-ecp256"}) {
    EXPECT_TRUE(ChoosePhase1({.proposals = Proposals({one}), .methods = kPsk}, sa)) << one;
  }
}

TEST(Phase1Offer, OfAggressiveModeHasOneGroup) {
  const auto proposals = Proposals({"aes256-sha256-modp2048-ecp256", "aes128-sha256-ecp256"});
  EXPECT_EQ(FirstGroup(proposals), KeGroup::kModp2048);
  const Bytes body = OfferPhase1({.proposals = proposals, .methods = kPsk, .only = KeGroup::kModp2048});
  EXPECT_EQ(DescribePhase1(Decode(body)), "AES_CBC-256/PRF_HMAC_SHA2_256/MODP_2048 by pre-shared key");
}

TEST(Phase1Choice, IsTheRespondersOrder) {
  const auto theirs = Proposals({"aes128-sha256-modp2048", "aes256-sha384-ecp384"});
  const auto ours = Proposals({"aes256-sha384-ecp384", "aes128-sha256-modp2048"});
  const Bytes offer = OfferPhase1({.proposals = theirs, .methods = kPsk, .life_seconds = 3600});
  auto chosen = ChoosePhase1({.proposals = ours, .methods = kPsk, .life_seconds = 14400}, Decode(offer));
  ASSERT_TRUE(chosen);
  EXPECT_EQ(chosen->suite.suite, Suite(EncrId::kAesCbc, 256, PrfId::kHmacSha384, KeGroup::kEcp384));
  EXPECT_EQ(chosen->suite.method, AuthMethod::kPreSharedKey);
  EXPECT_EQ(chosen->suite.life_seconds, 3600u);
  // RFC 2409 5: the transform as it came, so that its initiator knows it again.
  const SaPayload answer = Decode(chosen->answer), offered = Decode(offer);
  ASSERT_EQ(answer.proposals.size(), 1u);
  ASSERT_EQ(answer.proposals[0].transforms.size(), 1u);
  EXPECT_EQ(answer.proposals[0].transforms[0], offered.proposals[0].transforms[1]);
  EXPECT_EQ(AcceptPhase1(offer, answer), chosen->suite);
}

struct TransformCase {
  const char* name;
  std::vector<Raw> attributes;
  bool taken;
};

TEST(Phase1Choice, TakesWhatItUnderstandsAndPassesOverTheRest) {
  const TransformCase kCases[] = {
      {"as usual", {kAes, k256, kSha256, kGroup14, kByPsk, kSeconds, kHour}, true},
      {"in another order", {kByPsk, kGroup14, kSha256, k256, kAes}, true},
      {"no lifetime", {kAes, k256, kSha256, kGroup14, kByPsk}, true},
      {"two lifetimes", {kAes, k256, kSha256, kGroup14, kByPsk, kSeconds, kHour, {11, true, {0, 2}}, {12, true, {1, 0}}}, true},
      {"a variable attribute of two octets", {kAes, k256, kSha256, {4, false, {0, 14}}, kByPsk}, true},
      {"leading zeros", {kAes, k256, kSha256, {4, false, {0, 0, 0, 14}}, kByPsk}, true},
      {"no key length", {kAes, kSha256, kGroup14, kByPsk}, false},
      {"key length 0", {kAes, {14, true, {0, 0}}, kSha256, kGroup14, kByPsk}, false},
      {"a key length AES has not", {kAes, {14, true, {0, 200}}, kSha256, kGroup14, kByPsk}, false},
      {"a key length of 65792 bits", {kAes, {14, false, {0, 1, 1, 0}}, kSha256, kGroup14, kByPsk}, false},
      {"no cipher", {k256, kSha256, kGroup14, kByPsk}, false},
      {"no hash", {kAes, k256, kGroup14, kByPsk}, false},
      {"no group", {kAes, k256, kSha256, kByPsk}, false},
      {"no method", {kAes, k256, kSha256, kGroup14}, false},
      {"two groups", {kAes, k256, kSha256, kGroup14, kGroup14, kByPsk}, false},
      {"a prf of its own", {kAes, k256, kSha256, kGroup14, kByPsk, {13, true, {0, 1}}}, false},
      {"a group type", {kAes, k256, kSha256, kGroup14, kByPsk, {5, true, {0, 1}}}, false},
      {"an attribute nobody knows", {kAes, k256, kSha256, kGroup14, kByPsk, {16383, true, {0, 1}}}, false},
      {"a duration of nothing", {kAes, k256, kSha256, kGroup14, kByPsk, kHour}, false},
      {"a type without a duration", {kAes, k256, kSha256, kGroup14, kByPsk, kSeconds}, false},
      {"a lifetime of 0", {kAes, k256, kSha256, kGroup14, kByPsk, kSeconds, {12, true, {0, 0}}}, false},
      {"a lifetime in moons", {kAes, k256, kSha256, kGroup14, kByPsk, {11, true, {0, 9}}, kHour}, false},
      {"an empty value", {kAes, k256, kSha256, {4, false, {}}, kByPsk}, false},
      {"a value of nine octets", {kAes, k256, kSha256, {4, false, {1, 0, 0, 0, 0, 0, 0, 0, 14}}, kByPsk}, false},
      {"DES", {{1, true, {0, 1}}, kSha256, kGroup14, kByPsk}, false},
      {"MD5", {kAes, k256, {2, true, {0, 1}}, kGroup14, kByPsk}, false},
      {"MODP-768", {kAes, k256, kSha256, {4, true, {0, 1}}, kByPsk}, false},
      {"X25519, which IKEv1 has not", {kAes, k256, kSha256, {4, true, {0, 31}}, kByPsk}, false},
      {"RSA encryption", {kAes, k256, kSha256, kGroup14, {3, true, {0, 4}}}, false},
      {"revised RSA encryption", {kAes, k256, kSha256, kGroup14, {3, true, {0, 5}}}, false},
      {"a method of 65537", {kAes, k256, kSha256, kGroup14, {3, false, {0, 1, 0, 1}}}, false},
  };
  const auto proposals = Proposals({"aes256-sha256-modp2048"});
  for (const TransformCase& c : kCases) {
    auto chosen = ChoosePhase1({.proposals = proposals, .methods = kPsk}, One(c.attributes));
    EXPECT_EQ(chosen.has_value(), c.taken) << c.name;
    if (chosen) {
      EXPECT_EQ(chosen->suite.suite, kUsual) << c.name;
    }
  }
  const std::vector<Raw>& usual = kCases[0].attributes;
  EXPECT_FALSE(ChoosePhase1({.proposals = proposals, .methods = kPsk}, One(usual, 2))) << "another transform than KEY_IKE";
  EXPECT_FALSE(ChoosePhase1({.proposals = proposals, .methods = kPsk}, One(usual, 1, ProtocolId::kEsp)));
  // RFC 2408 4.2: proposals of one number are for use together, and ISAKMP stands for itself.
  SaPayload together = One(usual);
  together.proposals.push_back(together.proposals[0]);
  EXPECT_FALSE(ChoosePhase1({.proposals = proposals, .methods = kPsk}, together));
  together.proposals[1].number = 2;
  EXPECT_TRUE(ChoosePhase1({.proposals = proposals, .methods = kPsk}, together));
}

TEST(Phase1Choice, BoundsALifetimeWithoutEnd) {
  const Raw forever{12, false, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
  auto chosen = ChoosePhase1({.proposals = Proposals({"aes256-sha256-modp2048"}), .methods = kPsk},
                             One({kAes, k256, kSha256, kGroup14, kByPsk, kSeconds, forever}));
  ASSERT_TRUE(chosen);
  EXPECT_EQ(chosen->suite.life_seconds, 0xffffffffu);
}

TEST(Phase1Choice, Takes3DesWithoutAKeyLengthAlone) {
  const auto proposals = Proposals({"3des-sha256-modp2048"}, config::Profile::kLegacy);
  const Raw des3{1, true, {0, 5}};
  EXPECT_TRUE(ChoosePhase1({.proposals = proposals, .methods = kPsk}, One({des3, kSha256, kGroup14, kByPsk})));
  EXPECT_FALSE(ChoosePhase1({.proposals = proposals, .methods = kPsk},
                            One({des3, {14, true, {0, 192}}, kSha256, kGroup14, kByPsk})));
}

TEST(Phase1Accept, RefusesWhatWasNotOffered) {
  const auto proposals = Proposals({"aes256-sha256-modp2048"});
  const Bytes offer = OfferPhase1({.proposals = proposals, .methods = kPsk, .life_seconds = 3600});
  struct Case {
    const char* name;
    SaPayload answer;
    bool taken;
  };
  const std::vector<Raw> same{kAes, k256, kSha256, kGroup14, kByPsk};
  const std::vector<Raw> aes128{kAes, {14, true, {0, 128}}, kSha256, kGroup14, kByPsk},
      xauth{kAes, k256, kSha256, kGroup14, {3, true, {0xfd, 0xe9}}};
  SaPayload two = One(same), renumbered = One(same);
  two.proposals[0].transforms.push_back(two.proposals[0].transforms[0]);
  renumbered.proposals[0].transforms[0].number = 7;
  const Case kCases[] = {{"the same", One(same), true},     {"weaker", One(aes128), false}, {"another method", One(xauth), false},
                         {"two transforms", two, false},     {"none", {.proposals = {}}, false},
                         {"another number", renumbered, true}};
  for (const Case& c : kCases) EXPECT_EQ(AcceptPhase1(offer, c.answer).has_value(), c.taken) << c.name;
}

TEST(Phase1Floor, HoldsForWhatComesOut) {
  auto below = [](config::Profile floor, const IkeSuite& s) {
    return !BelowPhase1Floor(floor, {s, AuthMethod::kPreSharedKey, 0}).empty();
  };
  using enum config::Profile;
  EXPECT_FALSE(below(kDefault, kUsual));
  EXPECT_TRUE(below(kDefault, Suite(EncrId::k3Des, 192, PrfId::kHmacSha256, KeGroup::kModp2048)));
  EXPECT_TRUE(below(kDefault, Suite(EncrId::kAesCbc, 256, PrfId::kHmacSha1, KeGroup::kModp2048)));
  EXPECT_TRUE(below(kDefault, Suite(EncrId::kAesCbc, 256, PrfId::kHmacSha256, KeGroup::kModp1024)));
  EXPECT_FALSE(below(kLegacy, Suite(EncrId::k3Des, 192, PrfId::kHmacSha1, KeGroup::kModp1024)));
  EXPECT_TRUE(below(kBsi, kUsual)) << "MODP-2048 has fewer than 120 bits";
  EXPECT_TRUE(below(kCnsa2, Suite(EncrId::kAesCbc, 256, PrfId::kHmacSha384, KeGroup::kEcp384)));
}

TEST(Phase1Admits, TellsWhetherAConnectionWouldHaveAgreed) {
  const Phase1Suite agreed{kUsual, AuthMethod::kPreSharedKey, 17};
  EXPECT_TRUE(AdmitsPhase1(Proposals({"aes128-aes256-sha256-modp2048"}), agreed));
  EXPECT_FALSE(AdmitsPhase1(Proposals({"aes128-sha256-modp2048", "aes256-sha384-modp2048"}), agreed));
}

}  // namespace
}  // namespace culvert::ike::v1
