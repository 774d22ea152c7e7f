#include "drivers/crypto/mb_engine.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <random>
#include <set>

#include "common/bytes/hex.h"
#include "drivers/crypto/key_arena.h"

namespace culvert::crypto {
namespace {

const EVP_CIPHER* CipherOf(Suite s) {
  if (s == Suite::kChaCha20Poly1305) return EVP_chacha20_poly1305();
  if (IsCbc(s)) {
    const EVP_CIPHER* by_key[] = {EVP_aes_128_cbc(), EVP_aes_192_cbc(), EVP_aes_256_cbc()};
    return by_key[(Info(s).cipher_key - 16) / 8];
  }
  const EVP_CIPHER* by_key[] = {EVP_aes_128_gcm(), EVP_aes_192_gcm(), EVP_aes_256_gcm()};
  return by_key[(Info(s).cipher_key - 16) / 8];
}

const EVP_MD* DigestOf(Suite s) {
  return Info(s).integ_key == 32 ? EVP_sha256() : Info(s).integ_key == 48 ? EVP_sha384() : EVP_sha512();
}

// One packet as the wire has it: ESP header, IV, text, ICV.
struct Sample {
  Suite suite;
  Bytes cipher_key, integ_key, nonce, aad, header_iv, text;

  // What Seal must make of `text`, ICV included, by OpenSSL.
  Bytes Expected() const {
    Bytes out(text.size());
    int n = 0;
    EVP_CIPHER_CTX* c = EVP_CIPHER_CTX_new();
    EVP_EncryptInit_ex(c, CipherOf(suite), nullptr, cipher_key.data(), nonce.data());
    EVP_CIPHER_CTX_set_padding(c, 0);
    if (!IsCbc(suite)) EVP_EncryptUpdate(c, nullptr, &n, aad.data(), static_cast<int>(aad.size()));
    EVP_EncryptUpdate(c, out.data(), &n, text.data(), static_cast<int>(text.size()));
    EVP_EncryptFinal_ex(c, out.data() + n, &n);
    Bytes icv(64);
    if (IsCbc(suite)) {
      Bytes hashed = header_iv;
      Append(hashed, out);
      Append(hashed, aad);
      HMAC(DigestOf(suite), integ_key.data(), static_cast<int>(integ_key.size()), hashed.data(), hashed.size(), icv.data(), nullptr);
    } else {
      EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, 16, icv.data());
    }
    EVP_CIPHER_CTX_free(c);
    icv.resize(Info(suite).icv);
    Append(out, icv);
    return out;
  }
};

class MbEngineTest : public ::testing::Test {
 protected:
  MbEngineTest() {
    auto e = MbEngine::Create();
    EXPECT_TRUE(e.ok()) << e.status();
    engine_ = std::move(*e);
  }
  Bytes Random(size_t n) {
    Bytes b(n);
    for (auto& x : b) x = static_cast<uint8_t>(rng_());
    return b;
  }
  Sample Make(Suite s, size_t length) {
    Sample m{s, Random(Info(s).cipher_key), Random(Info(s).integ_key), Random(IsCbc(s) ? 16 : 12), {}, {}, {}};
    if (IsCbc(s)) length = (length + 15) / 16 * 16;
    m.text = Random(length);
    m.aad = Random(IsCbc(s) ? (rng_() & 1) * 4 : 8 + (rng_() & 1) * 4);
    m.header_iv = Random(8u + Info(s).iv);
    if (IsCbc(s)) std::copy(m.nonce.begin(), m.nonce.end(), m.header_iv.begin() + 8);
    return m;
  }
  const void* Key(const Sample& m, Use use) {
    void* key = arena_.Allocate(Info(m.suite).expanded);
    EXPECT_TRUE(ExpandKeys(engine_->manager(), m.suite, use, m.cipher_key, m.integ_key, key));
    return key;
  }
  // `buffer` holds header, IV, text and room for the ICV.
  CryptoOp Op(const Sample& m, Bytes& buffer, Use use) {
    CryptoOp op{};
    std::copy(m.nonce.begin(), m.nonce.end(), op.iv);
    std::copy(m.aad.begin(), m.aad.end(), op.aad);
    op.text = buffer.data() + m.header_iv.size();
    op.text_length = static_cast<uint32_t>(m.text.size());
    op.aad_length = static_cast<uint8_t>(m.aad.size());
    op.suite = m.suite;
    op.key = Key(m, use);
    return op;
  }

  std::unique_ptr<MbEngine> engine_;
  KeyArena arena_;
  std::mt19937_64 rng_{1};
};

TEST_F(MbEngineTest, SealsAsOpenSslDoesAndOpensWhatItMade) {
  for (int round = 0; round < 300; ++round) {
    std::vector<Sample> samples;
    std::vector<Bytes> buffers;
    uint16_t n = static_cast<uint16_t>(1 + rng_() % kMaxOps);
    for (uint16_t i = 0; i < n; ++i) {
      // Every other round has one suite throughout, as a gateway mostly sees.
      auto s = static_cast<Suite>((round & 1 ? static_cast<uint64_t>(round) : rng_()) % kSuites);
      samples.push_back(Make(s, 2 + rng_() % 1500));
      buffers.push_back(samples.back().header_iv);
      Append(buffers.back(), samples.back().text);
      buffers.back().resize(buffers.back().size() + Info(s).icv);
    }
    CryptoOp ops[kMaxOps];
    for (uint16_t i = 0; i < n; ++i) ops[i] = Op(samples[i], buffers[i], Use::kSeal);
    engine_->Seal(ops, n);
    for (uint16_t i = 0; i < n; ++i) {
      Bytes want = samples[i].header_iv;
      Append(want, samples[i].Expected());
      ASSERT_EQ(ToHex(buffers[i]), ToHex(want)) << "suite " << static_cast<int>(samples[i].suite);
    }

    std::set<uint16_t> spoilt;
    for (uint16_t i = 0; i < n; ++i) {
      ops[i] = Op(samples[i], buffers[i], Use::kOpen);
      if (rng_() % 4 != 0) continue;
      spoilt.insert(i);
      // Anything authenticated: the text, the ICV, the AAD; for CBC also what precedes the text.
      size_t from = IsCbc(samples[i].suite) ? 0 : samples[i].header_iv.size();
      if (rng_() % 8 == 0 && !samples[i].aad.empty()) ops[i].aad[rng_() % samples[i].aad.size()] ^= 0x80;
      else buffers[i][from + rng_() % (buffers[i].size() - from)] ^= static_cast<uint8_t>(1 << rng_() % 8);
    }
    engine_->Open(ops, n);
    for (uint16_t i = 0; i < n; ++i) {
      ASSERT_EQ(ops[i].ok, !spoilt.contains(i)) << "suite " << static_cast<int>(samples[i].suite);
      if (!ops[i].ok) continue;
      ASSERT_EQ(ToHex({ops[i].text, ops[i].text_length}), ToHex(samples[i].text)) << "suite " << static_cast<int>(samples[i].suite);
    }
  }
}

// McGrew and Viega's test case 4 cut to its first 60 octets: the library against a published number, not another library.
TEST_F(MbEngineTest, GcmKnownAnswer) {
  Bytes key = *FromHex("feffe9928665731c6d6a8f9467308308");
  Bytes nonce = *FromHex("cafebabefacedbaddecaf888");
  Bytes text = *FromHex(
      "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255");
  Bytes buffer = text;
  buffer.resize(text.size() + 16);
  Sample m{Suite::kGcm128, key, {}, nonce, {}, {}, text};
  CryptoOp op = Op(m, buffer, Use::kSeal);
  engine_->Seal(&op, 1);
  EXPECT_EQ(ToHex(buffer),
            "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091473f5985"
            "4d5c2af327cd64a62cf35abd2ba6fab4");
}

TEST_F(MbEngineTest, IvsDiffer) {
  std::set<std::string> seen;
  for (int i = 0; i < 2000; ++i) EXPECT_TRUE(seen.insert(ToHex({engine_->NextIv(), 16})).second);
}

TEST(ExpandKeys, RefusesOtherLengths) {
  auto engine = MbEngine::Create();
  ASSERT_TRUE(engine.ok());
  KeyArena arena;
  for (size_t s = 0; s < kSuites; ++s) {
    auto suite = static_cast<Suite>(s);
    void* out = arena.Allocate(Info(suite).expanded);
    Bytes cipher(Info(suite).cipher_key), integ(Info(suite).integ_key), longer(Info(suite).cipher_key + 1u);
    EXPECT_TRUE(ExpandKeys((*engine)->manager(), suite, Use::kSeal, cipher, integ, out));
    EXPECT_FALSE(ExpandKeys((*engine)->manager(), suite, Use::kSeal, longer, integ, out));
    EXPECT_FALSE(ExpandKeys((*engine)->manager(), suite, Use::kSeal, cipher, longer, out));
  }
}

TEST(FindSuite, KnowsWhatTheTableKnows) {
  for (size_t s = 0; s < kSuites; ++s) {
    auto suite = static_cast<Suite>(s);
    auto encr = IsCbc(suite) ? EncrId::kAesCbc : IsGcm(suite) ? EncrId::kAesGcm16 : EncrId::kChaCha20Poly1305;
    auto integ = !IsCbc(suite) ? IntegId::kNone
                 : Info(suite).integ_key == 32 ? IntegId::kHmacSha256_128
                 : Info(suite).integ_key == 48 ? IntegId::kHmacSha384_192 : IntegId::kHmacSha512_256;
    EXPECT_EQ(FindSuite(encr, Info(suite).cipher_key * 8u, integ), suite);
    // Sizes agree with the registry both processes read.
    EspSuite esp{encr, static_cast<uint16_t>(Info(suite).cipher_key * 8), integ, false};
    EXPECT_EQ(esp.encr_keymat(), Info(suite).cipher_key + Info(suite).salt);
    EXPECT_EQ(esp.integ_keymat(), Info(suite).integ_key);
    EXPECT_EQ(Find(encr)->iv, Info(suite).iv);
    EXPECT_EQ(IsCbc(suite) ? Find(integ)->icv : Find(encr)->icv, Info(suite).icv);
  }
  EXPECT_FALSE(FindSuite(EncrId::kAesGcm16, 128, IntegId::kHmacSha256_128));
  EXPECT_FALSE(FindSuite(EncrId::kAesCbc, 128, IntegId::kNone));
  EXPECT_FALSE(FindSuite(EncrId::kAesGcm16, 160, IntegId::kNone));
  EXPECT_FALSE(FindSuite(EncrId::kAesGcm16, 0, IntegId::kNone));
  EXPECT_FALSE(FindSuite(EncrId::kChaCha20Poly1305, 128, IntegId::kNone));
  EXPECT_FALSE(FindSuite(EncrId::kNull, 128, IntegId::kHmacSha256_128));
}

TEST(KeyArena, GivesAlignedZeroedBlocksAndWipesWhatIsFreed) {
  KeyArena arena;
  auto* a = static_cast<uint8_t*>(arena.Allocate(1280));
  ASSERT_NE(a, nullptr);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(a) % 64, 0u);
  std::fill_n(a, 1280, uint8_t{0xaa});
  arena.Free(a, 1280);
  EXPECT_EQ(arena.blocks_in_use(), 0u);
  EXPECT_TRUE(std::all_of(a, a + 1280, [](uint8_t x) { return x == 0; }));
  EXPECT_EQ(arena.Allocate(1280), a);
  EXPECT_EQ(arena.Allocate(KeyArena::kMaxBlock + 1), nullptr);
  EXPECT_EQ(arena.Allocate(0), nullptr);
  std::set<void*> distinct;
  for (int i = 0; i < 5000; ++i) EXPECT_TRUE(distinct.insert(arena.Allocate(1280)).second);  // more than one chunk
}

}  // namespace
}  // namespace culvert::crypto
