#include "control/ike/crypto/sk_cipher.h"

#include <set>

#include "common/ipsec/spi.h"
#include "tests/control/ike/crypto/test_util.h"
#include "tests/control/ike/crypto/vectors.h"

namespace culvert::ike {
namespace {

IkeSuite Suite(const vectors::Sealed& v) { return {v.encr, v.key_bits, v.integ, PrfId::kHmacSha256, KeGroup::kX25519}; }

std::unique_ptr<SkCipher> Make(const vectors::Sealed& v, Random& random, uint16_t generation = 5) {
  return SkCipher::Create(Suite(v), Unhex(v.sk_e), Unhex(v.sk_a), generation, random);
}

// Answers of python3-cryptography (make_vectors.py).
TEST(SkCipher, AgreesWithAnotherImplementation) {
  const Bytes header = Unhex(vectors::kSealHeader), plain = Unhex(vectors::kSealPlain);
  for (const vectors::Sealed& v : vectors::kSealed) {
    SCOPED_TRACE(Name(Suite(v)));
    FixedRandom random(Unhex(vectors::kSealIv));
    auto cipher = Make(v, random);
    ASSERT_TRUE(cipher);
    Bytes sealed = cipher->Seal(header, plain);
    EXPECT_EQ(ToHex(sealed), v.sealed);
    EXPECT_EQ(cipher->SealedSize(plain.size()), sealed.size());
    EXPECT_EQ(cipher->Open(header, Unhex(v.sealed)), plain);
  }
}

// RFC 7634 appendix B: an INFORMATIONAL request with SET_WINDOW_SIZE, on the wire.
TEST(SkCipher, OpensTheExampleOfRfc7634) {
  SeededRandom random(1);
  Bytes key = Unhex("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f a0a1a2a3");
  IkeSuite suite{EncrId::kChaCha20Poly1305, 256, IntegId::kNone, PrfId::kHmacSha256, KeGroup::kX25519};
  auto cipher = SkCipher::Create(suite, key, {}, 0, random);
  Bytes header = Unhex("c0c1c2c3c4c5c6c7 d0d1d2d3d4d5d6d7 2e202500 00000009 00000045 29000029");
  Bytes body = Unhex("1011121314151617 610394701f8d017f7c12924889 6b71bfe25236efd7cdc67066906315b2");
  auto plain = cipher->Open(header, body);
  ASSERT_TRUE(plain);
  EXPECT_EQ(ToHex(*plain), "0000000c000040010000000a");
  EXPECT_EQ(cipher->SealedSize(plain->size()), body.size());
}

// B27, B28: every octet of the message counts, wherever it stands, and so does its length.
TEST(SkCipher, RefusesAnyChange) {
  const Bytes header = Unhex(vectors::kSealHeader);
  for (const vectors::Sealed& v : vectors::kSealed) {
    SCOPED_TRACE(Name(Suite(v)));
    SeededRandom random(2);
    auto cipher = Make(v, random);
    const Bytes good = Unhex(v.sealed);
    for (size_t i = 0; i < good.size(); ++i) {
      Bytes bad = good;
      bad[i] ^= static_cast<uint8_t>(1u << (i % 8));
      EXPECT_FALSE(cipher->Open(header, bad)) << "octet " << i;
    }
    for (size_t i = 0; i < header.size(); ++i) {
      Bytes bad = header;
      bad[i] ^= 0x80;
      EXPECT_FALSE(cipher->Open(bad, good)) << "header octet " << i;
    }
    for (size_t n = 0; n < good.size(); ++n) EXPECT_FALSE(cipher->Open(header, ByteView(good).first(n))) << "cut to " << n;
    Bytes longer = good;
    longer.push_back(0);
    EXPECT_FALSE(cipher->Open(header, longer));
    EXPECT_FALSE(cipher->Open(ByteView(header).first(31), good));
    EXPECT_EQ(cipher->Open(header, good), Unhex(vectors::kSealPlain)) << "a thousand bad ones must not spoil a good one";
  }
}

TEST(SkCipher, CarriesEveryLength) {
  SeededRandom random(3);
  for (const vectors::Sealed& v : vectors::kSealed) {
    SCOPED_TRACE(Name(Suite(v)));
    auto sender = Make(v, random, 0), receiver = Make(v, random, 0);
    for (size_t n = 0; n < 70; ++n) {
      Bytes plain = random.Take(n), header = random.Take(32 + n % 5);
      Bytes sealed = sender->Seal(header, plain);
      EXPECT_EQ(sealed.size(), sender->SealedSize(n));
      EXPECT_LE(sealed.size() - n, 16u + 16 + 32) << "padding is minimal";
      EXPECT_EQ(receiver->Open(header, sealed), plain) << n;
    }
    Bytes big = random.Take(60000);
    EXPECT_EQ(receiver->Open(big, sender->Seal(big, big)), big);
  }
}

TEST(SkCipher, NeverRepeatsAnIv) {
  SeededRandom random(4);
  for (const vectors::Sealed& v : vectors::kSealed) {
    SCOPED_TRACE(Name(Suite(v)));
    std::set<Bytes> seen;
    const size_t iv = Find(v.encr)->iv;
    // Each generation is a later object with the same key.
    for (uint16_t generation : {uint16_t{0}, uint16_t{1}, uint16_t{1023}}) {
      auto cipher = Make(v, random, generation);
      for (int i = 0; i < 300; ++i) {
        Bytes sealed = cipher->Seal({}, {});
        EXPECT_TRUE(seen.insert(ToBytes(ByteView(sealed).first(iv))).second) << generation << "/" << i;
      }
    }
    EXPECT_EQ(seen.size(), 900u);
  }
}

TEST(SkCipher, PutsTheGenerationIntoTheIv) {
  SeededRandom random(5);
  auto cipher = Make(vectors::kSealed[6], random, kMaxIvGeneration);
  EXPECT_EQ(ToHex(ByteView(cipher->Seal({}, {})).first(8)), "03ff000000000000");
  EXPECT_EQ(ToHex(ByteView(cipher->Seal({}, {})).first(8)), "03ff000000000001");
  EXPECT_DEATH((void)Make(vectors::kSealed[6], random, kMaxIvGeneration + 1), "");
}

// RFC 7296 3.14: the sender may pad with anything and more than it must; what the pad length says must be there.
TEST(SkCipher, AcceptsForeignPaddingAndRefusesImpossible) {
  SeededRandom random(6);
  for (const vectors::Padded& v : vectors::kPadded) {
    SCOPED_TRACE(Name(Suite(v.sealed)) + " " + v.sealed.sealed);
    auto plain = Make(v.sealed, random)->Open(Unhex(vectors::kSealHeader), Unhex(v.sealed.sealed));
    ASSERT_EQ(plain.has_value(), v.plain != nullptr);
    if (plain) {
      EXPECT_EQ(ToHex(*plain), v.plain);
    }
  }
}

TEST(SkCipher, IsNotMadeForWhatIkeCannotUse) {
  SeededRandom random(7);
  // B22: NULL and GMAC never protect IKE, an AEAD has no integrity transform beside it and CBC needs one.
  const IkeSuite unusable[] = {{EncrId::kNull, 0, IntegId::kHmacSha256_128},
                               {EncrId::kNullGmac, 128, IntegId::kNone},
                               {EncrId::kAesGcm16, 128, IntegId::kHmacSha256_128},
                               {EncrId::kAesGcm16, 127, IntegId::kNone},
                               {EncrId::kAesCbc, 128, IntegId::kNone},
                               {EncrId::kAesCbc, 0, IntegId::kHmacSha256_128},
                               {EncrId::kNone, 0, IntegId::kNone},
                               {static_cast<EncrId>(999), 128, IntegId::kNone}};
  for (const IkeSuite& suite : unusable) {
    auto* row = Find(suite.encr);
    Bytes key(suite.encr_key_bits / 8u + (row ? row->salt : 0));
    auto* integ = Find(suite.integ);
    EXPECT_FALSE(SkCipher::Create(suite, key, Bytes(integ ? integ->key : 0), 0, random)) << Name(suite);
  }
}

TEST(SkCipher, SupportsEveryCipherOfTheTableButNullAndGmac) {
  for (unsigned id = 0; id < 40; ++id) {
    auto encr = static_cast<EncrId>(id);
    const EncrInfo* row = Find(encr);
    for (unsigned bits = 0; bits < 300; ++bits) {
      bool expected = row && encr != EncrId::kNull && encr != EncrId::kNullGmac && bits && std::ranges::count(row->key_bits, bits);
      EXPECT_EQ(SkCipher::Supports(encr, static_cast<uint16_t>(bits)), expected) << Name(encr) << " " << bits;
    }
  }
}

}  // namespace
}  // namespace culvert::ike
