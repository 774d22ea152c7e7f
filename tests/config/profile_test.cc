#include "config/profile.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace culvert::config {
namespace {

constexpr Profile kAll[] = {Profile::kDefault, Profile::kCnsa1, Profile::kCnsa2, Profile::kBsi, Profile::k3gpp, Profile::kWindows, Profile::kLegacy};

TEST(Profile, IsFoundByItsName) {
  for (Profile p : kAll) EXPECT_EQ(FindProfile(Name(p)), p) << Name(p);
  for (const char* word : {"", "cnsa", "cnsa3", "Default", "fips"}) EXPECT_FALSE(FindProfile(word)) << word;
}

struct Case {
  Profile profile;
  const char* permitted;  // between blanks
  const char* refused;
};
const Case kIke[] = {
    {Profile::kDefault,
     "aes256gcm16-prfsha384-ecp384 aes128-sha256-modp2048 chacha20poly1305-prfsha256-x25519 camellia256-sha512-x448 "
     "aes128ccm8-prfaesxcbc-ecp256bp aes192ctr-aescmac-modp8192",
     "aes256-sha1-modp2048 3des-sha256-modp2048 aes256gcm16-prfsha1-x25519 aes256gcm16-prfsha256-modp1024 "
     "aes256gcm16-prfsha256-modp1536 des-sha256-modp2048 aes256-md5-modp2048 aes256gcm16-prfsha256-modp768"},
    {Profile::kCnsa1,
     "aes256gcm16-prfsha384-ecp384 aes256gcm16-prfsha512-modp3072 aes256gcm16-prfsha384-modp4096",
     "aes128gcm16-prfsha384-ecp384 aes256gcm12-prfsha384-ecp384 aes256-sha384-ecp384 aes256gcm16-prfsha256-ecp384 "
     "aes256gcm16-prfsha384-ecp256 aes256gcm16-prfsha384-ecp521 aes256gcm16-prfsha384-x25519 aes256gcm16-prfsha384-modp2048 "
     "chacha20poly1305-prfsha384-ecp384 aes256gcm16-aes128gcm16-prfsha384-ecp384"},
    {Profile::kCnsa2,
     "aes256gcm16-prfsha384-ecp384-ke1_mlkem1024 aes256gcm16-prfsha512-mlkem1024 aes256gcm16-prfsha384-ecp384-ke3_mlkem1024",
     "aes256gcm16-prfsha384-ecp384 aes256gcm16-prfsha384-ecp384-ke1_mlkem768 aes256gcm16-prfsha384-ecp384-ke1_mlkem1024-ke1_none "
     "aes128gcm16-prfsha384-ecp384-ke1_mlkem1024 aes256gcm16-prfsha256-ecp384-ke1_mlkem1024 "
     "aes256gcm16-prfsha384-x25519-ke1_mlkem1024 aes256gcm16-prfsha384-ecp384-mlkem1024"},
    {Profile::kBsi,
     "aes256gcm16-prfsha256-ecp256bp aes128-sha256-modp3072 aes192-aesxcbc-ecp521 aes128ccm12-prfaescmac-modp8192",
     "aes256gcm16-prfsha256-x25519 aes256gcm16-prfsha256-modp2048 chacha20poly1305-prfsha256-ecp256 aes256gcm8-prfsha256-ecp256 "
     "camellia256-sha256-ecp256 aes128-sha1-modp3072 aes128-aescmac-ecp256 aes256gcm16-prfsha256-x448"},
    {Profile::k3gpp,
     "aes128gcm16-prfsha256-ecp256 aes256-sha384-ecp384",
     "aes128gcm16-prfsha256-modp2048 aes128gcm16-prfsha512-ecp256 aes128gcm16-prfsha256-x25519 aes128-sha1-ecp256 "
     "chacha20poly1305-prfsha256-ecp256 aes128-aesxcbc-ecp256"},
    {Profile::kWindows,
     "aes256-sha1-modp1024 3des-sha1-modp1024 aes256gcm16-prfsha384-ecp384 aes128-sha256-modp2048",
     "aes256-sha1-modp1536 aes256-sha512-modp2048 chacha20poly1305-prfsha256-ecp256 aes256-sha256-x25519 "
     "camellia128-sha256-modp2048"},
    {Profile::kLegacy,
     "3des-sha1-modp1024 aes128-sha1-modp1536 aes256gcm16-prfsha1-x25519 camellia128-sha256-x25519",
     "des-sha1-modp1024 3des-md5-modp1024 3des-sha1-modp768 3des-sha1-modp1024s160 blowfish128-sha1-modp1024"},
};
const Case kEsp[] = {
    {Profile::kDefault, "aes128gcm16 aes128gmac null-sha256 aes256ctr-aesxcbc chacha20poly1305-x25519", "aes256-sha1 aes256-md5"},
    {Profile::kCnsa1, "aes256gcm16 aes256gcm16-ecp384-esn", "aes128gcm16 aes256-sha384 aes256gmac null-sha384 aes256gcm16-x25519"},
    {Profile::kCnsa2, "aes256gcm16 aes256gcm16-ecp384-ke1_mlkem1024-esn", "aes256gcm16-ecp384 aes128gcm16 aes256gmac"},
    {Profile::kBsi, "aes128gcm16 aes256gcm12 aes128ccm16 aes128-aesxcbc aes256gcm16-ecp256bp", "null-sha256 aes256gmac aes128-sha1"},
    {Profile::k3gpp, "aes128gcm16 aes256-sha256 aes128gmac", "null-sha256 chacha20poly1305 aes128-sha1 aes192gmac"},
    {Profile::kWindows, "aes256-sha1 aes128-sha1 aes256gcm16 aes192-sha256", "null-sha1 aes256-sha512 chacha20poly1305"},
    {Profile::kLegacy, "aes256-sha1 null-sha1 aes128ctr-sha1", "3des-sha1 aes256-md5 des-sha1"},
};

std::vector<std::string> Words(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    size_t end = std::min(text.find(' '), text.size());
    if (end != 0) out.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

TEST(Profile, TakesWhatItPermitsAndRefusesWhatIsBelow) {
  for (const Case& c : kIke) {
    for (const auto& text : Words(c.permitted)) {
      auto p = ParseIkeProposal(text, c.profile);
      EXPECT_TRUE(p) << Name(c.profile) << " " << text << ": " << (p ? "" : p.error());
    }
    for (const auto& text : Words(c.refused)) EXPECT_FALSE(ParseIkeProposal(text, c.profile)) << Name(c.profile) << " " << text;
  }
  for (const Case& c : kEsp) {
    for (const auto& text : Words(c.permitted)) {
      auto p = ParseEspProposal(text, false, c.profile);
      EXPECT_TRUE(p) << Name(c.profile) << " " << text << ": " << (p ? "" : p.error());
    }
    for (const auto& text : Words(c.refused)) {
      EXPECT_FALSE(ParseEspProposal(text, false, c.profile)) << Name(c.profile) << " " << text;
    }
  }
}

// RFC 4543 5.4: GMAC is a cipher of ESP's and an integrity algorithm of AH's, and either has to be permitted.
TEST(Profile, KnowsGmacOfAh) {
  auto ah = [](const char* text, Profile p) { return ParseEspProposal(text, true, p); };
  ASSERT_TRUE(ah("aes192gmac-aes256gmac-sha384", Profile::kDefault));
  EXPECT_EQ(ah("aes192gmac-aes256gmac-sha384", Profile::kDefault)->integs,
            (std::vector{IntegId::kHmacSha384_192, IntegId::kAesGmac192, IntegId::kAesGmac256}));
  EXPECT_TRUE(ah("aes192gmac", Profile::kDefault)->encrs.empty());
  EXPECT_EQ(ah("aes128gmac", Profile::k3gpp).error(), "AES_128_GMAC is below the floor of profile 3gpp");
  EXPECT_EQ(ah("aes128gcm16", Profile::kDefault).error(), "encryption in an AH proposal; expected integrity algorithms alone");
}

TEST(Profile, SaysWhichFloor) {
  EXPECT_EQ(ParseIkeProposal("aes128gcm16-prfsha384-ecp384", Profile::kCnsa1).error(),
            "\"aes128gcm16\" is below the floor of profile cnsa1");
  EXPECT_EQ(ParseEspProposal("aes256-sha1", false, Profile::kBsi).error(),
            "\"sha1\" is a legacy algorithm; expected another, or `profile = legacy`");
}

// What a profile offers of its own accord it must permit, and each of its proposals must be whole.
TEST(Profile, DefaultsAreAboveItsFloor) {
  for (Profile p : kAll) {
    SCOPED_TRACE(Name(p));
    auto above = [p](const auto& list) { return std::ranges::all_of(list, [p](const auto& x) { return Permits(p, x); }); };
    auto ike = DefaultIkeProposals(p);
    EXPECT_FALSE(ike.empty());
    for (const IkeProposal& i : ike) {
      EXPECT_TRUE(above(i.encrs) && above(i.integs) && above(i.prfs) && above(i.groups));
      EXPECT_FALSE(i.encrs.empty() || i.prfs.empty() || i.groups.empty());
      EXPECT_EQ(i.integs.empty(), Find(i.encrs[0].id)->aead);
    }
    auto esp = DefaultEspProposals(p);
    EXPECT_FALSE(esp.empty());
    auto without_ke = [](const EspProposal& e) { return e.accept_without_ke || e.groups.empty(); };
    EXPECT_TRUE(std::ranges::any_of(esp, without_ke)) << "a peer without forward secrecy is taken";
    for (const EspProposal& e : esp) {
      EXPECT_TRUE(above(e.encrs) && above(e.integs) && above(e.groups));
      EXPECT_EQ(e.integs.empty(), Find(e.encrs[0].id)->aead);
      EXPECT_EQ(e.accept_without_ke, Demanded(p) == KeGroup::kNone);
      EXPECT_EQ(e.esn, (std::vector{EsnId::kYes, EsnId::kNo}));
      EXPECT_FALSE(std::ranges::count(e.encrs, EncrId::k3Des, &Cipher::id)) << "no data path runs it";
    }
  }
}

// Legacy algorithms come last: a peer that has better never gets them.
TEST(Profile, PrefersWhatIsNotLegacy) {
  for (Profile p : {Profile::kWindows, Profile::kLegacy}) {
    for (const IkeProposal& i : DefaultIkeProposals(p)) {
      auto last = [](const auto& list, auto is_legacy) { return std::ranges::is_partitioned(list, [&](auto& x) { return !is_legacy(x); }); };
      EXPECT_TRUE(last(i.encrs, [](const Cipher& c) { return !Permits(Profile::kDefault, c); })) << Name(p);
      EXPECT_TRUE(last(i.integs, [](IntegId x) { return !Permits(Profile::kDefault, x); })) << Name(p);
      EXPECT_TRUE(last(i.prfs, [](PrfId x) { return !Permits(Profile::kDefault, x); })) << Name(p);
      EXPECT_TRUE(last(i.groups, [](KeGroup x) { return !Permits(Profile::kDefault, x); })) << Name(p);
    }
  }
}

}  // namespace
}  // namespace culvert::config
