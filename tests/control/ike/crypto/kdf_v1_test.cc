#include "control/ike/crypto/kdf_v1.h"

#include <numeric>

#include "tests/control/ike/crypto/test_util.h"

namespace culvert::ike::v1 {
namespace {

constexpr auto kSha1 = PrfId::kHmacSha1, kSha256 = PrfId::kHmacSha256;

Bytes Counting(size_t n, uint8_t from) {
  Bytes b(n);
  std::iota(b.begin(), b.end(), from);
  return b;
}

// NIST CAVS, SP 800-135 ikev1_dsa.rsp, SHA-1, first case.
TEST(KdfV1, GivesTheNistAnswers) {
  const Bytes ni = Unhex("ced5635da6796075"), nr = Unhex("6244b427712fb776");
  const Bytes secret = Unhex(
      "2a2e0bbe8da3657a83f3d35826e49e2d38e557e912a1b9e6c30c63577b3eab715466202862027f2c26f3090743555579611771db0b92bef93834432a3a7762fc"
      "8a0f4889fd281d6082770d10a40d7bad61e832f041e620d6787e7f62ab2861ddfbe272e0d9d3cdec5f1bbf750e24b8b32d6d714968ad69ce5086c32ad2742ebc");
  const SecretBytes skeyid = SkeyIdOfSignature(kSha1, ni, nr, secret);
  EXPECT_EQ(ToHex(skeyid.view()), "dc37ac99de6dcfbd1ee74af7fb36f9b4b0a7829d");
  const Skeys keys = DeriveSkeys(kSha1, skeyid.view(), secret, 0x382e5c8b0a3fa307, 0xba4b7616700a2413);
  EXPECT_EQ(ToHex(keys.d.view()), "486293ed547adb562cefdaf43d3d8457b196f2b6");
  EXPECT_EQ(ToHex(keys.a.view()), "f4053b5ca07e59bb41b8f401037ca90b72b3917e");
  EXPECT_EQ(ToHex(keys.e.view()), "49a1d53a80fb77e663552964fbbcb45092021473");
}

// Answers of an implementation over Python's hmac.
TEST(KdfV1, AgreesWithAnotherImplementation) {
  const Bytes ni = Counting(16, 0), nr = Counting(32, 100), secret = Counting(96, 1);
  const SecretBytes skeyid = SkeyIdOfSecret(kSha256, AsBytes("a secret for both"), ni, nr);
  EXPECT_EQ(ToHex(skeyid.view()), "b9a00175e613b2e0356ad50ed4c3b6ca991106a429e20e9c3590da41dcc15c02");
  const Skeys keys = DeriveSkeys(kSha256, skeyid.view(), secret, 0xa1b2c3d4e5f60718, 0x1112131415161718);
  EXPECT_EQ(ToHex(keys.d.view()), "ee510f3ca82c9440ec6372c1167b77cc71ab071426d7fd9709f3df209f5d14c2");
  EXPECT_EQ(ToHex(keys.a.view()), "d66751d6580c9a1e558a7fe9f530351bac1df42444bf78952c01ec995c044df2");
  EXPECT_EQ(ToHex(keys.e.view()), "5b635407ecece9cf5b9d35931ac1bfa244cf1f00d713f36d05a92b040e02c66f");
  EXPECT_EQ(ToHex(CipherKey(kSha256, keys.e.view(), 16).view()), ToHex(keys.e.view().first(16)));
  EXPECT_EQ(ToHex(CipherKey(kSha256, keys.e.view(), 32).view()), ToHex(keys.e.view()));
  EXPECT_EQ(ToHex(CipherKey(kSha256, keys.e.view(), 48).view()),
            "0ebe67ee712a0ab795ff281abaec1a7557500de4120ae2b58aa9f19b64aa1b9b3e136b6675ecf939f50dacea56fb3f6c");
  EXPECT_EQ(ToHex(FirstIv(kSha256, secret, Unhex("a1b2c3d4e5f60718"), 16)), "1adc32228c3ef74e15686d4ab3cb42c3");

  KeymatOf sa{.protocol = 3, .spi = 0xc0000001, .nonce_i = ni, .nonce_r = nr};
  EXPECT_EQ(ToHex(Keymat(kSha256, keys.d.view(), sa, 72).view()),
            "8c9a636a7673f1996cb9bc42aa64b2db2f1099511b1c2c4d623dba70c94969627902bcf692c2cc9471e62ceb751807f05ba9da5d5a1787eaa8f0ce4c97d5dfa0"
            "2aa9172e81e63550");
  sa.shared_secret = secret;
  EXPECT_EQ(ToHex(Keymat(kSha256, keys.d.view(), sa, 72).view()),
            "284fc793f1552b4c5c69aa8c56850cdd84d893e6d88b78c1a5a5e7419f499d3d11953db87c97ca5d2ab5b184de0f7beae9fee2f22fa3318e39d9e36d009ca36a"
            "af00f59ff8b96ff5");
}

TEST(KdfV1, HashesAreThoseOfThePrf) {
  EXPECT_EQ(ToHex(HashOf(kSha1, {AsBytes("ab"), AsBytes("c")})), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(ToHex(HashOf(kSha256, {AsBytes("abc")})), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(HashOf(PrfId::kHmacSha384, {}).size(), 48u);
  EXPECT_EQ(HashOf(PrfId::kHmacSha512, {}).size(), 64u);
}

}  // namespace
}  // namespace culvert::ike::v1
