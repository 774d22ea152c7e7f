#include "control/ike/crypto/ccm.h"

#include "tests/control/ike/crypto/test_util.h"

namespace culvert::ike {
namespace {

struct Packet {
  const char* source;
  const char *cbc, *ctr;  // OpenSSL's names
  size_t tag;
  const char *key, *nonce, *associated, *plain, *sealed;
};
const Packet kPackets[] = {
    {"RFC 5528 4.2, 1", "CAMELLIA-128-CBC", "CAMELLIA-128-CTR", 8, "c0c1c2c3c4c5c6c7c8c9cacbcccdcecf",
     "00000003020100a0a1a2a3a4a5", "0001020304050607", "08090a0b0c0d0e0f101112131415161718191a1b1c1d1e",
     "ba737185e719310492f38a5f1251da55fafbc949848a0dfcaece746b3db9ad"},
    {"RFC 3610 8, 1", "AES-128-CBC", "AES-128-CTR", 8, "c0c1c2c3c4c5c6c7c8c9cacbcccdcecf", "00000003020100a0a1a2a3a4a5",
     "0001020304050607", "08090a0b0c0d0e0f101112131415161718191a1b1c1d1e",
     "588c979a61c663d2f066d0c2c0f989806d5f6b61dac38417e8d12cfdf926e0"},
};

struct Fetched {
  EVP_CIPHER *cbc, *ctr;
  explicit Fetched(const Packet& p) : cbc(EVP_CIPHER_fetch(nullptr, p.cbc, nullptr)), ctr(EVP_CIPHER_fetch(nullptr, p.ctr, nullptr)) {}
  ~Fetched() {
    EVP_CIPHER_free(cbc);
    EVP_CIPHER_free(ctr);
  }
};

TEST(Ccm, GivesTheKnownAnswers) {
  for (const Packet& p : kPackets) {
    SCOPED_TRACE(p.source);
    Fetched f(p);
    Ccm ccm(f.cbc, f.ctr, Unhex(p.key), p.tag);
    Bytes text = Unhex(p.plain), tag(p.tag), nonce = Unhex(p.nonce), associated = Unhex(p.associated);
    ccm.Seal(nonce, associated, text, tag);
    EXPECT_EQ(ToHex(text) + ToHex(tag), p.sealed);
    EXPECT_TRUE(ccm.Open(nonce, associated, text, tag));
    EXPECT_EQ(ToHex(text), p.plain);
  }
}

// OpenSSL has CCM of AES: the mode put together here gives the same, whatever the sizes.
TEST(Ccm, IsWhatOpensslMakesOfAes) {
  Fetched f(kPackets[1]);
  EVP_CIPHER* whole = EVP_CIPHER_fetch(nullptr, "AES-128-CCM", nullptr);
  SeededRandom random(1);
  for (int round = 0; round < 400; ++round) {
    const size_t tag_size = 4 + 2 * random.Below(7), nonce_size = 7 + random.Below(7);
    Bytes key = random.Take(16), nonce = random.Take(nonce_size), plain = random.Take(random.Below(200));
    Bytes associated = random.Take(round % 50 == 0 ? 0xff00 + random.Below(3) : random.Below(60));
    if (plain.empty()) continue;  // OpenSSL wants an update for it that means a length
    Ccm ccm(f.cbc, f.ctr, key, tag_size);
    Bytes text = plain, tag(tag_size);
    ccm.Seal(nonce, associated, text, tag);

    CipherCtxPtr ctx(EVP_CIPHER_CTX_new());
    int n = 0;
    Bytes want = plain, want_tag(tag_size);
    ASSERT_EQ(EVP_EncryptInit_ex2(ctx.get(), whole, nullptr, nullptr, nullptr), 1);
    ASSERT_EQ(EVP_CIPHER_CTX_ctrl(ctx.get(), EVP_CTRL_AEAD_SET_IVLEN, static_cast<int>(nonce_size), nullptr), 1);
    ASSERT_EQ(EVP_CIPHER_CTX_ctrl(ctx.get(), EVP_CTRL_AEAD_SET_TAG, static_cast<int>(tag_size), nullptr), 1);
    ASSERT_EQ(EVP_EncryptInit_ex2(ctx.get(), nullptr, key.data(), nonce.data(), nullptr), 1);
    ASSERT_EQ(EVP_EncryptUpdate(ctx.get(), nullptr, &n, nullptr, static_cast<int>(plain.size())), 1);
    if (!associated.empty()) {
      ASSERT_EQ(EVP_EncryptUpdate(ctx.get(), nullptr, &n, associated.data(), static_cast<int>(associated.size())), 1);
    }
    ASSERT_EQ(EVP_EncryptUpdate(ctx.get(), want.data(), &n, want.data(), static_cast<int>(want.size())), 1);
    ASSERT_EQ(EVP_CIPHER_CTX_ctrl(ctx.get(), EVP_CTRL_AEAD_GET_TAG, static_cast<int>(tag_size), want_tag.data()), 1);
    ASSERT_EQ(ToHex(text), ToHex(want)) << round;
    ASSERT_EQ(ToHex(tag), ToHex(want_tag)) << round;
    ASSERT_TRUE(ccm.Open(nonce, associated, text, tag));
    ASSERT_EQ(text, plain);
  }
  EVP_CIPHER_free(whole);
}

TEST(Ccm, RefusesAnyChangeAndRevealsNothing) {
  const Packet& p = kPackets[0];
  Fetched f(p);
  Ccm ccm(f.cbc, f.ctr, Unhex(p.key), p.tag);
  const Bytes sealed = Unhex(p.sealed), nonce = Unhex(p.nonce), associated = Unhex(p.associated);
  for (size_t i = 0; i < sealed.size(); ++i) {
    Bytes bad = sealed;
    bad[i] ^= 1;
    ByteSpan text = ByteSpan(bad).first(bad.size() - p.tag);
    EXPECT_FALSE(ccm.Open(nonce, associated, text, ByteView(bad).last(p.tag))) << i;
    EXPECT_EQ(ToBytes(text), Bytes(text.size(), 0)) << i;
  }
}

}  // namespace
}  // namespace culvert::ike
