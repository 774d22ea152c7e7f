#include "config/proposal.h"

#include <gtest/gtest.h>

#include "config/proposal_tokens.h"

namespace culvert::config {
namespace {

std::string Join(const std::vector<Cipher>& list) {
  std::string out;
  for (auto& c : list) out += " " + Name(c.id) + "/" + std::to_string(c.key_bits);
  return out;
}
template <typename T>
std::string Join(const std::vector<T>& list) {
  std::string out;
  for (T id : list) {
    if constexpr (std::is_same_v<T, EsnId>)
      out += id == EsnId::kYes ? " ESN" : " NO_ESN";
    else
      out += " " + Name(id);
  }
  return out;
}
template <typename P>
std::string Additional(const P& p) {
  std::string out;
  for (size_t i = 0; i < std::size(p.additional); ++i) {
    if (!p.additional[i].empty()) out += " K" + std::to_string(i + 1) + Join(p.additional[i]);
  }
  return out;
}
std::string Print(const IkeProposal& p) {
  return "E" + Join(p.encrs) + " I" + Join(p.integs) + " P" + Join(p.prfs) + " K" + Join(p.groups) + Additional(p);
}
std::string Print(const EspProposal& p) {
  return "E" + Join(p.encrs) + " I" + Join(p.integs) + " K" + Join(p.groups) + Additional(p) + Join(p.esn);
}

struct Case {
  const char* text;
  const char* expect;  // the printed proposal, or the error after '!'
};

TEST(IkeProposal, Table) {
  const Case cases[] = {
      {"aes256gcm16-prfsha384-ecp384", "E AES_GCM_16/256 I P PRF_HMAC_SHA2_384 K ECP_384"},
      {"aes128gcm16-chacha20poly1305-prfsha256-x25519-ecp256",
       "E AES_GCM_16/128 CHACHA20_POLY1305/256 I P PRF_HMAC_SHA2_256 K CURVE_25519 ECP_256"},
      {"aes128-sha256-modp2048", "E AES_CBC/128 I HMAC_SHA2_256_128 P PRF_HMAC_SHA2_256 K MODP_2048"},
      {"aes-sha2_256-curve25519", "E AES_CBC/128 I HMAC_SHA2_256_128 P PRF_HMAC_SHA2_256 K CURVE_25519"},
      {"aes256-sha512-sha384-modp3072",
       "E AES_CBC/256 I HMAC_SHA2_512_256 HMAC_SHA2_384_192 P PRF_HMAC_SHA2_512 PRF_HMAC_SHA2_384 K MODP_3072"},
      {"aes256-sha256-prfsha512-modp4096", "E AES_CBC/256 I HMAC_SHA2_256_128 P PRF_HMAC_SHA2_512 K MODP_4096"},
      {"aes256-aes256-sha256-sha256-x25519-curve25519", "E AES_CBC/256 I HMAC_SHA2_256_128 P PRF_HMAC_SHA2_256 K CURVE_25519"},
      {"aes192gcm8-aes256ccm12-aes128ccm128-prfaesxcbc-prfaescmac-ecp512bp",
       "E AES_GCM_8/192 AES_CCM_12/256 AES_CCM_16/128 I P PRF_AES128_XCBC PRF_AES128_CMAC K ECP_512_BP"},
      {"aes192-aes128ctr-camellia256-camellia128ctr-aesxcbc-aescmac-modp8192-x448",
       "E AES_CBC/192 AES_CTR/128 CAMELLIA_CBC/256 CAMELLIA_CTR/128 I AES_XCBC_96 AES_CMAC_96 P PRF_AES128_XCBC "
       "PRF_AES128_CMAC K MODP_8192 CURVE_448"},
      {"camellia192ccm96-prfsha256-modp6144-ecp256bp-ecp384bp",
       "E CAMELLIA_CCM_12/192 I P PRF_HMAC_SHA2_256 K MODP_6144 ECP_256_BP ECP_384_BP"},
      {"", "!an empty proposal; expected algorithms joined by dashes"},
      {"aes256gcm16--prfsha256-x25519", "!an empty word between dashes; expected algorithms joined by single dashes"},
      {"aes256gcm16-", "!an empty word between dashes; expected algorithms joined by single dashes"},
      {"aes256gmc16-prfsha256-x25519", "!\"aes256gmc16\" is no algorithm of a proposal; did you mean \"aes256gcm16\"?"},
      {"AES256-sha256-x25519", "!\"AES256\" is no algorithm of a proposal; did you mean \"aes256\"?"},
      {"rot13-sha256-x25519", "!\"rot13\" is no algorithm of a proposal"},
      {"des-sha256-modp2048",
       "!\"des\" is broken or withdrawn and not built in; expected an algorithm of RFC 8247 or RFC 8221"},
      {"aes128-md5-modp2048",
       "!\"md5\" is broken or withdrawn and not built in; expected an algorithm of RFC 8247 or RFC 8221"},
      {"aes128-sha256-modp768",
       "!\"modp768\" is broken or withdrawn and not built in; expected an algorithm of RFC 8247 or RFC 8221"},
      {"3des-sha256-modp2048", "!\"3des\" is a legacy algorithm; expected another, or `profile = legacy`"},
      {"aes128-sha1-modp2048", "!\"sha1\" is a legacy algorithm; expected another, or `profile = legacy`"},
      {"aes128-sha256-modp1024", "!\"modp1024\" is a legacy algorithm; expected another, or `profile = legacy`"},
      {"null-sha256-x25519", "!\"null\" does not encrypt, and IKE always does"},
      {"aes128gmac-prfsha256-x25519", "!\"aes128gmac\" does not encrypt, and IKE always does"},
      {"aes256gcm16-prfsha256-mlkem768", "E AES_GCM_16/256 I P PRF_HMAC_SHA2_256 K ML_KEM_768"},
      {"aes256gcm16-prfsha384-x25519-ke1_mlkem768-ke1_mlkem1024-ke1_mlkem768-ke7_none",
       "E AES_GCM_16/256 I P PRF_HMAC_SHA2_384 K CURVE_25519 K1 ML_KEM_768 ML_KEM_1024 K7 NONE"},
      {"aes256gcm16-prfsha256-ke1_mlkem768", "!no key exchange method; expected one such as x25519"},
      {"aes256gcm16-prfsha256-x25519-ke1_sha256", "!\"ke1_sha256\": after ke1_ expected a key exchange method"},
      {"aes256gcm16-prfsha256-x25519-ke8_ecp384", "!\"ke8_ecp384\" is no algorithm of a proposal"},
      {"aes256gcm16-sha256-x25519",
       "!integrity \"sha256\" beside the AEAD \"aes256gcm16\"; expected none (a PRF is written prfsha256, prfsha384 or "
       "prfsha512)"},
      {"aes256gcm16-aes256-sha256-x25519", "!\"aes256gcm16\" is an AEAD and \"aes256\" is not; expected two proposals"},
      {"aes256-x25519", "!\"aes256\" without integrity; expected one such as sha256, or an AEAD such as aes256gcm16"},
      {"aes256gcm16-x25519", "!no PRF beside the AEAD \"aes256gcm16\"; expected one such as prfsha256"},
      {"aes256gcm16-prfsha256", "!no key exchange method; expected one such as x25519"},
      {"aes256gcm16-prfsha256-none", "!\"none\" among the key exchange methods; IKE cannot do without one (RFC 7296 1.2)"},
      {"aes256gcm16-prfsha256-x25519-none",
       "!\"none\" among the key exchange methods; IKE cannot do without one (RFC 7296 1.2)"},
      {"aes256gcm16-prfsha256-x25519-esn", "!esn and noesn belong to ESP and AH; expected neither in an IKE proposal"},
      {"prfsha256-x25519", "!no encryption algorithm; expected one such as aes256gcm16"},
  };
  for (auto& c : cases) {
    auto p = ParseIkeProposal(c.text);
    EXPECT_EQ(p ? Print(*p) : "!" + p.error(), c.expect) << c.text;
  }
}

TEST(EspProposal, Table) {
  const Case cases[] = {
      {"aes128gcm16", "E AES_GCM_16/128 I K NO_ESN"},
      {"aes128gcm128-esn", "E AES_GCM_16/128 I K ESN"},
      {"aes128gcm16-x25519-ke2_mlkem768-esn", "E AES_GCM_16/128 I K CURVE_25519 K2 ML_KEM_768 ESN"},
      {"aes128gcm16-ke1_mlkem768", "!additional key exchanges without a first one; expected one such as x25519"},
      {"aes256gcm16-x25519-esn-noesn", "E AES_GCM_16/256 I K CURVE_25519 ESN NO_ESN"},
      {"aes128-aes256-sha256-modp2048-none-noesn", "E AES_CBC/128 AES_CBC/256 I HMAC_SHA2_256_128 K MODP_2048 NONE NO_ESN"},
      {"aes256gcm-none", "E AES_GCM_16/256 I K NO_ESN"},
      {"chacha20poly1305-ecp521", "E CHACHA20_POLY1305/256 I K ECP_521 NO_ESN"},
      {"aes128", "!\"aes128\" without integrity; expected one such as sha256, or an AEAD such as aes256gcm16"},
      {"sha256", "!no encryption algorithm; expected one such as aes256gcm16"},
      {"aes128gcm16-sha256",
       "!integrity \"sha256\" beside the AEAD \"aes128gcm16\"; expected none (a PRF is written prfsha256, prfsha384 or "
       "prfsha512)"},
      {"aes128gcm16-prfsha256", "!a PRF in a child's proposal; expected none (the IKE SA's is used)"},
      {"null-sha256-esn", "E NULL/0 I HMAC_SHA2_256_128 K ESN"},
      {"null", "!\"null\" without integrity; expected one such as sha256, or an AEAD such as aes256gcm16"},
      {"aes192gmac-x25519", "E NULL_AES_GMAC/192 I K CURVE_25519 NO_ESN"},
      {"aes128gmac-sha256", "!integrity \"sha256\" beside the AEAD \"aes128gmac\"; expected none (a PRF is written prfsha256, "
                            "prfsha384 or prfsha512)"},
      {"aes128gcm8-aes192gcm12-aes256ccm8-aes128ccm", "E AES_GCM_8/128 AES_GCM_12/192 AES_CCM_8/256 AES_CCM_16/128 I K NO_ESN"},
      {"aes192ctr-aesxcbc-aescmac", "E AES_CTR/192 I AES_XCBC_96 AES_CMAC_96 K NO_ESN"},
      {"aes192ccm16", "!\"aes192ccm16\" is for IKE alone: the data path does not run it"},
      {"aes256-sha1", "!\"sha1\" is a legacy algorithm; expected another, or `profile = legacy`"},
      {"aes192-sha384", "E AES_CBC/192 I HMAC_SHA2_384_192 K NO_ESN"},
      {"aes192gcm16-brainpool", "!\"brainpool\" is no algorithm of a proposal"},
      {"camellia256-sha256", "!\"camellia256\" is for IKE alone: the data path does not run it"},
      {"camellia128ccm16", "!\"camellia128ccm16\" is for IKE alone: the data path does not run it"},
      {"aes128-sha256_96", "!\"sha256_96\" is not supported yet"},
  };
  for (auto& c : cases) {
    auto p = ParseEspProposal(c.text, false);
    EXPECT_EQ(p ? Print(*p) : "!" + p.error(), c.expect) << c.text;
    EXPECT_FALSE(p && p->accept_without_ke) << "an explicit proposal means exactly what it says: " << c.text;
  }
}

TEST(AhProposal, Table) {
  const Case cases[] = {
      {"sha256-sha512-x25519-esn", "E I HMAC_SHA2_256_128 HMAC_SHA2_512_256 K CURVE_25519 ESN"},
      {"aes128-sha256", "!encryption in an AH proposal; expected integrity algorithms alone"},
      {"x25519", "!no integrity algorithm; expected one such as sha256"},
  };
  for (auto& c : cases) {
    auto p = ParseEspProposal(c.text, true);
    EXPECT_EQ(p ? Print(*p) : "!" + p.error(), c.expect) << c.text;
  }
}

TEST(DefaultProposals, FollowTheAlgorithmPolicy) {
  const std::string groups = " K ECP_384 ECP_256 CURVE_25519 ECP_521 MODP_4096 MODP_3072 MODP_2048";
  const std::string prfs = " P PRF_HMAC_SHA2_256 PRF_HMAC_SHA2_384 PRF_HMAC_SHA2_512";
  const std::string aead = "E AES_GCM_16/256 AES_GCM_16/128 CHACHA20_POLY1305/256 I";
  const std::string classic = "E AES_CBC/256 AES_CBC/128 I HMAC_SHA2_256_128 HMAC_SHA2_384_192 HMAC_SHA2_512_256";
  auto ike = DefaultIkeProposals();
  ASSERT_EQ(ike.size(), 2u);
  EXPECT_EQ(Print(ike[0]), aead + prfs + groups);
  EXPECT_EQ(Print(ike[1]), classic + prfs + groups);
  auto esp = DefaultEspProposals();
  ASSERT_EQ(esp.size(), 2u);
  EXPECT_EQ(Print(esp[0]), aead + groups + " ESN NO_ESN");
  EXPECT_EQ(Print(esp[1]), classic + groups + " ESN NO_ESN");
  EXPECT_TRUE(esp[0].accept_without_ke && esp[1].accept_without_ke);
  auto ah = DefaultAhProposals();
  ASSERT_EQ(ah.size(), 1u);
  EXPECT_EQ(Print(ah[0]), "E I HMAC_SHA2_256_128 HMAC_SHA2_384_192 HMAC_SHA2_512_256" + groups + " ESN NO_ESN");
  EXPECT_TRUE(ah[0].accept_without_ke);
}

// hostile.md's "not compiled" algorithms have no path to the wire, whatever the spelling.
TEST(ProposalTokens, ForbiddenWordsCarryNoTransform) {
  for (const char* word : {"des", "blowfish", "blowfish256", "cast128", "md5", "md5_128", "prfmd5", "modp768", "modp1024s160",
                           "modp2048s224", "modp2048s256", "ecp192", "ecp224", "serpent", "modpnull"}) {
    auto* t = FindToken(word);
    ASSERT_NE(t, nullptr) << word;
    EXPECT_EQ(t->use, TokenUse::kForbidden) << word;
    EXPECT_EQ(t->id, 0) << word;
  }
}

}  // namespace
}  // namespace culvert::config
