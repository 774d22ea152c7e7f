#include "control/ike/crypto/prf.h"

#include "tests/control/ike/crypto/test_util.h"

namespace culvert::ike {
namespace {

struct Answer {
  const char* source;
  PrfId prf;
  std::string key, data;  // hexadecimal
  const char* tag;
};

std::string Repeat(const char* octet, size_t n) {
  std::string out;
  while (n--) out += octet;
  return out;
}

const Answer kAnswers[] = {
    {"RFC 4231 4.2", PrfId::kHmacSha256, Repeat("0b", 20), "4869205468657265",
     "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
    {"RFC 4231 4.2", PrfId::kHmacSha384, Repeat("0b", 20), "4869205468657265",
     "afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59cfaea9ea9076ede7f4af152e8b2fa9cb6"},
    {"RFC 4231 4.2", PrfId::kHmacSha512, Repeat("0b", 20), "4869205468657265",
     "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cdedaa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854"},
    {"RFC 4231 4.3", PrfId::kHmacSha256, "4a656665", "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
     "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
    {"RFC 4231 4.4", PrfId::kHmacSha256, Repeat("aa", 20), Repeat("dd", 50),
     "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
    {"RFC 4231 4.7", PrfId::kHmacSha256, Repeat("aa", 131),
     "54657374205573696e67204c6172676572205468616e20426c6f636b2d53697a65204b6579202d2048617368204b6579204669727374",
     "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
    {"RFC 2202 3, 1", PrfId::kHmacSha1, Repeat("0b", 20), "4869205468657265", "b617318655057264e28bc0b6fb378c8ef146be00"},
    {"RFC 2202 3, 2", PrfId::kHmacSha1, "4a656665", "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
     "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"},
    {"RFC 4615 4, key of 18 octets", PrfId::kAesCmac, "000102030405060708090a0b0c0d0e0fedcb",
     "000102030405060708090a0b0c0d0e0f10111213", "84a348a4a45d235babfffc0d2b4da09a"},
    {"RFC 4615 4, key of 16 octets", PrfId::kAesCmac, "000102030405060708090a0b0c0d0e0f",
     "000102030405060708090a0b0c0d0e0f10111213", "980ae87b5f4c9c5214f5b6a8455e4c2d"},
    {"RFC 4615 4, key of 10 octets", PrfId::kAesCmac, "00010203040506070809", "000102030405060708090a0b0c0d0e0f10111213",
     "290d9e112edb09ee141fcf64c0b72f3d"},
    {"RFC 3566 4.6, 1", PrfId::kAesXcbc, "000102030405060708090a0b0c0d0e0f", "", "75f0251d528ac01c4573dfd584d79f29"},
    {"RFC 3566 4.6, 2", PrfId::kAesXcbc, "000102030405060708090a0b0c0d0e0f", "000102", "5b376580ae2f19afe7219ceef172756f"},
    {"RFC 3566 4.6, 3", PrfId::kAesXcbc, "000102030405060708090a0b0c0d0e0f", "000102030405060708090a0b0c0d0e0f",
     "d2a246fa349b68a79998a4394ff7a263"},
    {"RFC 3566 4.6, 4", PrfId::kAesXcbc, "000102030405060708090a0b0c0d0e0f", "000102030405060708090a0b0c0d0e0f10111213",
     "47f51b4564966215b8985c63055ed308"},
    {"RFC 3566 4.6, 5", PrfId::kAesXcbc, "000102030405060708090a0b0c0d0e0f",
     "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", "f54f0ec8d2b9f3d36807734bd5283fd4"},
    {"RFC 3566 4.6, 6", PrfId::kAesXcbc, "000102030405060708090a0b0c0d0e0f",
     "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f2021", "becbb3bccdb518a30677d5481fb6b4d8"},
    {"RFC 4434 2, key of 16 octets", PrfId::kAesXcbc, "000102030405060708090a0b0c0d0e0f",
     "000102030405060708090a0b0c0d0e0f10111213", "47f51b4564966215b8985c63055ed308"},
    {"RFC 4434 2, key of 10 octets", PrfId::kAesXcbc, "00010203040506070809", "000102030405060708090a0b0c0d0e0f10111213",
     "0fa087af7d866e7653434e602fdde835"},
    {"RFC 4434 2, key of 18 octets", PrfId::kAesXcbc, "000102030405060708090a0b0c0d0e0fedcb",
     "000102030405060708090a0b0c0d0e0f10111213", "8cd3c93ae598a9803006ffb67c40e9e4"},
};

TEST(Prf, GivesTheKnownAnswers) {
  for (const Answer& a : kAnswers) EXPECT_EQ(ToHex(Prf(a.prf, Unhex(a.key), {Unhex(a.data)}).view()), a.tag) << a.source;
}

TEST(Prf, HashesPartsAsIfJoined) {
  Bytes key(7, 1), a(100, 2), b(1, 3);
  Bytes joined = a;
  Append(joined, b);
  for (PrfId prf : {PrfId::kHmacSha1, PrfId::kHmacSha256, PrfId::kHmacSha384, PrfId::kHmacSha512, PrfId::kAesCmac, PrfId::kAesXcbc}) {
    EXPECT_EQ(Prf(prf, key, {a, {}, b}), Prf(prf, key, {joined}));
  }
}

TEST(Prf, TakesAnEmptyKey) {
  // RFC 2104: a short key is filled up with zeros, so none and one zero octet are the same key, for HMAC.
  EXPECT_EQ(Prf(PrfId::kHmacSha256, {}, {}), Prf(PrfId::kHmacSha256, Bytes(1, 0), {}));
  EXPECT_EQ(Prf(PrfId::kAesCmac, {}, {}).size(), 16u);
  EXPECT_EQ(Prf(PrfId::kAesXcbc, {}, {}), Prf(PrfId::kAesXcbc, Bytes(16, 0), {}));
}

TEST(Prf, SupportsWhatItComputes) {
  for (unsigned id = 0; id < 300; ++id) {
    auto prf = static_cast<PrfId>(id);
    bool expected = Find(prf) != nullptr;
    EXPECT_EQ(Supports(prf), expected) << id;
    if (!expected) continue;
    EXPECT_EQ(Prf(prf, Bytes(16, 1), {}).size(), Find(prf)->output) << id;
  }
}

TEST(PrfPlus, IsTheChainOfRfc7296) {
  Bytes key(20, 0x42), seed(40, 0x17);
  SecretBytes all = PrfPlus(PrfId::kHmacSha384, key, seed, 200);
  uint8_t counter = 1;
  SecretBytes t1 = Prf(PrfId::kHmacSha384, key, {seed, {&counter, 1}});
  counter = 2;
  SecretBytes t2 = Prf(PrfId::kHmacSha384, key, {t1.view(), seed, {&counter, 1}});
  EXPECT_TRUE(Equal(all.view().first(48), t1.view()));
  EXPECT_TRUE(Equal(all.view().subspan(48, 48), t2.view()));
  for (size_t n : {0, 1, 47, 48, 49, 200}) {
    SecretBytes some = PrfPlus(PrfId::kHmacSha384, key, seed, n);
    EXPECT_TRUE(Equal(some.view(), all.view().first(n))) << n;
  }
}

TEST(PrfPlus, EndsAfter255Blocks) {
  EXPECT_EQ(PrfPlus(PrfId::kHmacSha1, Bytes(1), {}, 255 * 20).size(), 5100u);
  EXPECT_DEATH((void)PrfPlus(PrfId::kHmacSha1, Bytes(1), {}, 255 * 20 + 1), "");
}

TEST(Hashes, GiveTheKnownAnswers) {
  EXPECT_EQ(ToHex(Sha1({AsBytes("a"), AsBytes("bc")})), "a9993e364706816aba3e25717850c26c9cd0d89d");  // FIPS 180-2 A.1
  EXPECT_EQ(ToHex(HmacSha256(Bytes(20, 0x0b), {AsBytes("Hi There")})), kAnswers[0].tag);
}

}  // namespace
}  // namespace culvert::ike
