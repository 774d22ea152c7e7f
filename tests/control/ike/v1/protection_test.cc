#include "control/ike/v1/protection.h"

#include <numeric>

#include <gtest/gtest.h>
#include <openssl/evp.h>

namespace culvert::ike::v1 {
namespace {

constexpr uint64_t kCookieI = 0x0102030405060708, kCookieR = 0x1112131415161718;

Bytes Counting(size_t n, uint8_t from) {
  Bytes b(n);
  std::iota(b.begin(), b.end(), from);
  return b;
}

Bytes Join(std::initializer_list<ByteView> parts) {
  Bytes all;
  for (ByteView p : parts) Append(all, p);
  return all;
}

// RFC 2409 appendix B over OpenSSL's own calls, with nothing of what is under test.
struct Suite {
  const char* name;
  IkeSuite suite;
  const char* digest;
  const char* cipher;
  size_t key, block;   // octets
};
constexpr Suite kSuites[] = {
    {"aes128-sha1", {.encr = EncrId::kAesCbc, .encr_key_bits = 128, .prf = PrfId::kHmacSha1}, "SHA1", "AES-128-CBC", 16, 16},
    {"aes256-sha1", {.encr = EncrId::kAesCbc, .encr_key_bits = 256, .prf = PrfId::kHmacSha1}, "SHA1", "AES-256-CBC", 32, 16},
    {"aes192-sha256", {.encr = EncrId::kAesCbc, .encr_key_bits = 192, .prf = PrfId::kHmacSha256}, "SHA256", "AES-192-CBC", 24, 16},
    {"aes256-sha384", {.encr = EncrId::kAesCbc, .encr_key_bits = 256, .prf = PrfId::kHmacSha384}, "SHA384", "AES-256-CBC", 32, 16},
    {"aes256-sha512", {.encr = EncrId::kAesCbc, .encr_key_bits = 256, .prf = PrfId::kHmacSha512}, "SHA512", "AES-256-CBC", 32, 16},
    {"3des-sha1", {.encr = EncrId::k3Des, .encr_key_bits = 192, .prf = PrfId::kHmacSha1}, "SHA1", "DES-EDE3-CBC", 24, 8},
};

class ProtectionTest : public testing::TestWithParam<Suite> {
 protected:
  static Bytes Mac(ByteView key, std::initializer_list<ByteView> parts) {
    Bytes data = Join(parts), out(EVP_MAX_MD_SIZE);
    size_t size = 0;
    EXPECT_TRUE(EVP_Q_mac(nullptr, "HMAC", nullptr, GetParam().digest, nullptr, key.data(), key.size(), data.data(), data.size(),
                          out.data(), out.size(), &size));
    out.resize(size);
    return out;
  }
  static Bytes Digest(std::initializer_list<ByteView> parts) {
    Bytes data = Join(parts), out(EVP_MAX_MD_SIZE);
    size_t size = 0;
    EXPECT_TRUE(EVP_Q_digest(nullptr, GetParam().digest, nullptr, data.data(), data.size(), out.data(), &size));
    out.resize(size);
    return out;
  }
  Bytes Cbc(ByteView iv, Bytes text) const {
    // "otherwise" of appendix B: Ka = K1 | K2 | K3, K1 = prf(SKEYID_e, 0).
    const size_t size = GetParam().key;
    Bytes key = skeyid_e_;
    if (key.size() < size) {
      key.clear();
      for (Bytes k = Bytes(1, 0); key.size() < size;) Append(key, k = Mac(skeyid_e_, {k}));
    }
    key.resize(size);
    EVP_CIPHER* cipher = EVP_CIPHER_fetch(nullptr, GetParam().cipher, nullptr);
    EVP_CIPHER_CTX* ctx = EVP_CIPHER_CTX_new();
    EXPECT_TRUE(EVP_EncryptInit_ex2(ctx, cipher, key.data(), iv.data(), nullptr));
    EVP_CIPHER_CTX_set_padding(ctx, 0);
    int length = 0;
    EXPECT_TRUE(EVP_EncryptUpdate(ctx, text.data(), &length, text.data(), static_cast<int>(text.size())));
    EXPECT_EQ(static_cast<size_t>(length), text.size());
    EVP_CIPHER_CTX_free(ctx);
    EVP_CIPHER_free(cipher);
    return text;
  }
  Bytes First(Bytes whole) const {
    whole.resize(GetParam().block);
    return whole;
  }

  const Bytes cookies_ = Join({Counting(8, 0x01), Counting(8, 0x11)});
  const Bytes shared_ = Counting(32, 7), skeyid_ = Mac(AsBytes("a secret of both"), {Counting(16, 1), Counting(20, 90)});
  const Bytes skeyid_d_ = Mac(skeyid_, {shared_, cookies_, Bytes{0}});
  const Bytes skeyid_a_ = Mac(skeyid_, {skeyid_d_, shared_, cookies_, Bytes{1}});
  const Bytes skeyid_e_ = Mac(skeyid_, {skeyid_a_, shared_, cookies_, Bytes{2}});
  Protection p_ = MakeProtection(GetParam().suite, SecretBytes(skeyid_),
                                 DeriveSkeys(GetParam().suite.prf, skeyid_, shared_, kCookieI, kCookieR));
};

TEST_P(ProtectionTest, FirstIvsAreHashesOfWhatBothKnow) {
  const Bytes public_i = Counting(64, 3), public_r = Counting(64, 140);
  EXPECT_EQ(Phase1Iv(p_, public_i, public_r), First(Digest({public_i, public_r})));
  EXPECT_TRUE(p_.last_block.empty());
  p_.last_block = Counting(GetParam().block, 200);
  EXPECT_EQ(Phase2Iv(p_, 0xa1b2c3d4), First(Digest({p_.last_block, Bytes{0xa1, 0xb2, 0xc3, 0xd4}})));
}

TEST_P(ProtectionTest, HashesCoverWhatTheirPlaceSays) {
  const Bytes ni = Counting(16, 1), nr = Counting(20, 90), rest = Counting(33, 9), id{0, 0, 1, 2};
  EXPECT_EQ(HashOne(p_, 0x0102, rest), Mac(skeyid_a_, {id, rest}));
  EXPECT_EQ(HashTwo(p_, 0x0102, ni, rest), Mac(skeyid_a_, {id, ni, rest}));
  EXPECT_EQ(HashThree(p_, 0x0102, ni, nr), Mac(skeyid_a_, {Bytes{0}, id, ni, nr}));
}

TEST_P(ProtectionTest, EncryptsInWholeBlocksPaddedWithZeros) {
  const Bytes iv = Counting(GetParam().block, 77);
  for (size_t size = 1; size <= 2 * GetParam().block + 1; ++size) {
    const Bytes plain = Counting(size, 1);
    Bytes padded = plain;
    while (padded.size() % GetParam().block != 0) padded.push_back(0);
    const Bytes sealed = Encrypt(p_, iv, plain);
    EXPECT_EQ(sealed, Cbc(iv, padded)) << size;
    EXPECT_EQ(Decrypt(p_, iv, sealed), padded) << size;
  }
}

TEST_P(ProtectionTest, OpensNoBrokenBlocks) {
  const Bytes iv = Counting(GetParam().block, 77);
  EXPECT_EQ(Decrypt(p_, iv, {}), std::nullopt);
  EXPECT_EQ(Decrypt(p_, iv, Counting(GetParam().block - 1, 0)), std::nullopt);
  EXPECT_EQ(Decrypt(p_, iv, Counting(GetParam().block + 1, 0)), std::nullopt);
}

// The last block of one message is the next one's IV: two messages are as one.
TEST_P(ProtectionTest, ChainsMessages) {
  const size_t block = GetParam().block;
  const Bytes iv = Counting(block, 77), plain = Counting(4 * block, 1);
  const Bytes one = Encrypt(p_, iv, ByteView(plain).first(2 * block));
  const Bytes two = Encrypt(p_, ByteView(one).last(block), ByteView(plain).last(2 * block));
  EXPECT_EQ(Join({one, two}), Cbc(iv, plain));
}

INSTANTIATE_TEST_SUITE_P(Suites, ProtectionTest, testing::ValuesIn(kSuites), [](const auto& suite) {
  std::string name = suite.param.name;
  std::erase(name, '-');
  return name;
});

}  // namespace
}  // namespace culvert::ike::v1
