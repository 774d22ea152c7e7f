#include "control/ike/negotiate/floor.h"

#include <gtest/gtest.h>

namespace culvert::ike {
namespace {

using config::Profile;

std::vector<config::IkeProposal> Ike(std::initializer_list<const char*> texts) {
  std::vector<config::IkeProposal> out;
  for (const char* text : texts) out.push_back(*config::ParseIkeProposal(text, Profile::kLegacy));
  return out;
}
std::vector<config::EspProposal> Esp(std::initializer_list<const char*> texts, bool ah = false) {
  std::vector<config::EspProposal> out;
  for (const char* text : texts) out.push_back(*config::ParseEspProposal(text, ah, Profile::kLegacy));
  return out;
}

// What comes of it where both sides have these proposals, and one of them that floor: "" where it is above.
std::string IkeUnder(Profile floor, std::initializer_list<const char*> texts) {
  const SaPayload offer = OfferIke(Ike(texts), {});
  auto r = AboveFloor(floor, ChooseIke(Ike(texts), offer, {}));
  return r ? "" : r.error().ToString(offer);
}
std::string EspUnder(Profile floor, std::initializer_list<const char*> texts, bool with_ke = true) {
  const SaPayload offer = OfferEsp(Esp(texts), IpsecProtocol::kEsp, 0x1000, with_ke);
  auto r = AboveFloor(floor, ChooseEsp(Esp(texts), offer, with_ke, 0x2000));
  return r ? "" : r.error().ToString(offer, with_ke);
}

TEST(Floor, SaysWhichRuleAResultMisses) {
  struct {
    Profile floor;
    const char *ike, *why;
  } rows[] = {
      {Profile::kCnsa1, "aes256gcm16-prfsha384-ecp384", ""},
      {Profile::kCnsa1, "aes128gcm16-prfsha384-ecp384", ", below profile cnsa1 (cipher AES_GCM_16-128)"},
      {Profile::kCnsa1, "aes256gcm16-prfsha256-ecp384", ", below profile cnsa1 (PRF_HMAC_SHA2_256)"},
      {Profile::kCnsa1, "aes256gcm16-prfsha384-x25519", ", below profile cnsa1 (key exchange CURVE_25519)"},
      {Profile::kCnsa1, "aes256-sha1-modp1024",
       ", below profile cnsa1 (cipher AES_CBC-256; PRF_HMAC_SHA1; integrity HMAC_SHA1_96; key exchange MODP_1024)"},
      {Profile::kCnsa2, "aes256gcm16-prfsha384-ecp384", ", below profile cnsa2 (no key exchange ML_KEM_1024)"},
      {Profile::kCnsa2, "aes256gcm16-prfsha384-ecp384-ke1_mlkem768",
       ", below profile cnsa2 (key exchange KE1_ML_KEM_768; no key exchange ML_KEM_1024)"},
      {Profile::kCnsa2, "aes256gcm16-prfsha384-ecp384-ke1_mlkem1024", ""},
      {Profile::kCnsa2, "aes256gcm16-prfsha384-mlkem1024", ""},
      {Profile::kDefault, "3des-sha256-modp2048", ", below profile default (cipher 3DES_CBC)"},
      {Profile::kLegacy, "3des-sha1-modp1024", ""},
  };
  for (const auto& row : rows) EXPECT_EQ(IkeUnder(row.floor, {row.ike}), row.why) << row.ike;
}

// Where a better choice was there: the rule is that of what was chosen.
TEST(Floor, JudgesTheChoiceAndNotTheOffer) {
  EXPECT_EQ(IkeUnder(Profile::kCnsa1, {"aes128gcm16-aes256gcm16-prfsha384-ecp384"}),
            ", below profile cnsa1 (cipher AES_GCM_16-128)");
  EXPECT_EQ(IkeUnder(Profile::kCnsa1, {"aes256gcm16-aes128gcm16-prfsha384-ecp384"}), "");
}

TEST(Floor, SaysWhichRuleAChildMisses) {
  EXPECT_EQ(EspUnder(Profile::kBsi, {"aes256gcm16-ecp384"}), "");
  EXPECT_EQ(EspUnder(Profile::kBsi, {"aes256gcm16-modp2048"}), ", below profile bsi (key exchange MODP_2048)");
  // In IKE_AUTH there is no key exchange (RFC 7296 1.2): it shows at the first rekeying.
  EXPECT_EQ(EspUnder(Profile::kBsi, {"aes256gcm16-modp2048"}, false), "");
  EXPECT_EQ(EspUnder(Profile::kDefault, {"aes128-sha1"}, false), ", below profile default (integrity HMAC_SHA1_96)");
  EXPECT_EQ(EspUnder(Profile::kCnsa1, {"null-sha384"}), ", below profile cnsa1 (cipher NULL; integrity HMAC_SHA2_384_192)");
  EXPECT_EQ(EspUnder(Profile::kCnsa2, {"aes256gcm16-ecp384"}), ", below profile cnsa2 (no key exchange ML_KEM_1024)");
  EXPECT_EQ(EspUnder(Profile::kCnsa2, {"aes256gcm16"}), "") << "none of its own is not a weak one";
}

std::string AhUnder(Profile floor, const char* text, bool with_ke = true) {
  const SaPayload offer = OfferEsp(Esp({text}, true), IpsecProtocol::kAh, 0x1000, with_ke);
  auto r = AboveFloor(floor, ChooseEsp(Esp({text}, true), offer, with_ke, 0x2000));
  return r ? "" : r.error().ToString(offer, with_ke);
}

// AH is integrity without a cipher: a profile that knows no integrity but an AEAD's has none of it.
TEST(Floor, HoldsForAh) {
  for (Profile floor : {Profile::kDefault, Profile::kBsi, Profile::k3gpp, Profile::kWindows, Profile::kLegacy}) {
    EXPECT_EQ(AhUnder(floor, "sha256-ecp256"), "") << config::Name(floor);
  }
  EXPECT_EQ(AhUnder(Profile::kLegacy, "sha1"), "");
  EXPECT_EQ(AhUnder(Profile::kDefault, "sha1"), ", below profile default (integrity HMAC_SHA1_96)");
  EXPECT_EQ(AhUnder(Profile::kBsi, "aescmac"), ", below profile bsi (integrity AES_CMAC_96)");
  EXPECT_EQ(AhUnder(Profile::kBsi, "sha256-modp2048"), ", below profile bsi (key exchange MODP_2048)");
  EXPECT_EQ(AhUnder(Profile::kCnsa1, "sha384-ecp384"), ", below profile cnsa1 (integrity HMAC_SHA2_384_192)");
  EXPECT_EQ(AhUnder(Profile::kCnsa2, "sha384"), ", below profile cnsa2 (integrity HMAC_SHA2_384_192)");
}

// Nothing chosen at all: of every proposal the rules it misses whatever is taken of it; none where one misses none.
TEST(Floor, SaysWhichRulesAnOfferMisses) {
  auto why = [](Profile floor, std::initializer_list<const char*> texts) {
    auto r = AboveFloor(floor, std::optional<ChosenIke>());
    return r.error().ToString(OfferIke(Ike(texts), {}));
  };
  EXPECT_EQ(why(Profile::kCnsa1, {"aes128gcm16-prfsha384-ecp384", "aes256gcm16-prfsha256-prfsha1-ecp384-x25519"}),
            ", below profile cnsa1 (cipher AES_GCM_16-128 | PRF_HMAC_SHA2_256, PRF_HMAC_SHA1)");
  EXPECT_EQ(why(Profile::kCnsa1, {"aes128gcm16-prfsha384-ecp384", "aes256gcm16-prfsha384-ecp384"}), "");
  EXPECT_EQ(why(Profile::kCnsa1, {"aes128-aes192-aes256-aes128ctr-aes192ctr-sha384-ecp384"}),
            ", below profile cnsa1 (cipher AES_CBC-128, AES_CBC-192, AES_CBC-256, AES_CTR-128, ...; integrity "
            "HMAC_SHA2_384_192)");
  EXPECT_EQ(AboveFloor(Profile::kCnsa1, std::optional<ChosenIke>()).error().ToString({}), "");
}

// Numbers this build has no algorithm for are above no floor.
TEST(Floor, NeverTakesWhatIsUnknown) {
  for (Profile floor : {Profile::kDefault, Profile::kCnsa1, Profile::kLegacy}) {
    for (auto id : std::vector<uint16_t>{1, 2, 99, 65535}) {
      SaPayload offer = OfferIke(Ike({"aes256gcm16-prfsha384-ecp384"}), {});
      offer.proposals[0].transforms[0] = {.type = TransformType::kEncr, .id = id};
      const std::string why = AboveFloor(floor, std::optional<ChosenIke>()).error().ToString(offer);
      EXPECT_NE(why.find("(cipher " + Name(static_cast<EncrId>(id))), std::string::npos) << why;
    }
    EXPECT_FALSE(config::Permits(floor, config::Cipher{EncrId::kAesCbc, 127}));
    EXPECT_FALSE(config::Permits(floor, static_cast<PrfId>(1)));
    EXPECT_FALSE(config::Permits(floor, static_cast<IntegId>(1)));
    EXPECT_FALSE(config::Permits(floor, static_cast<KeGroup>(1)));
  }
}

}  // namespace
}  // namespace culvert::ike
