#include "control/ike/crypto/kdf_v2.h"

#include <openssl/hmac.h>

#include "tests/control/ike/crypto/test_util.h"
#include "tests/control/ike/crypto/vectors.h"

namespace culvert::ike {
namespace {

std::string Joined(const IkeKeys& k) {
  std::string out;
  for (const SecretBytes* key : {&k.sk_d, &k.sk_ai, &k.sk_ar, &k.sk_ei, &k.sk_er, &k.sk_pi, &k.sk_pr}) out += ToHex(key->view());
  return out;
}

std::string Joined(const ChildKeys& k) {
  return ToHex(k.encr_i.view()) + ToHex(k.integ_i.view()) + ToHex(k.encr_r.view()) + ToHex(k.integ_r.view());
}

// Answers of an implementation over Python's hmac, one suite per PRF (make_vectors.py).
TEST(KdfV2, AgreesWithAnotherImplementation) {
  for (const vectors::Kdf& v : vectors::kKdf) {
    SCOPED_TRACE(Name(v.suite));
    Bytes ni = Unhex(v.nonce_i), nr = Unhex(v.nonce_r), secret = Unhex(v.secret);
    SecretBytes skeyseed = SkeySeed(v.suite.prf, ni, nr, secret);
    EXPECT_EQ(ToHex(skeyseed.view()), v.skeyseed);
    IkeKeys keys = DeriveIkeKeys(v.suite, skeyseed.view(), ni, nr, v.spi_i, v.spi_r);
    EXPECT_EQ(Joined(keys), v.keys);
    EXPECT_EQ(ToHex(SkeySeedRekey(v.suite.prf, keys.sk_d.view(), secret, ni, nr).view()), v.rekeyed);

    EspSuite esp{.encr = v.suite.encr, .encr_key_bits = v.suite.encr_key_bits, .integ = v.suite.integ};
    EXPECT_EQ(Joined(DeriveChildKeys(v.suite.prf, keys.sk_d.view(), {}, ni, nr, esp)), v.child);
    EXPECT_EQ(Joined(DeriveChildKeys(v.suite.prf, keys.sk_d.view(), secret, ni, nr, esp)), v.child_pfs);
  }
}

// NIST CAVS, SP 800-135 ikev2.rsp, SHA-1, first case; 132 octets of keying material each.
TEST(KdfV2, GivesTheNistAnswers) {
  Bytes ni = Unhex("3651fef5c9c35e93"), nr = Unhex("c09a8b90a3f04d59");
  Bytes secret = Unhex(
      "d084a30166a50fb7325c3960874a839449ef9741c2f4f947d0201dd8c1269273d79509f37e3ca3eb4fa2fe2a28254e289cd3f34dad4eb4df1a07685a4b8a94fa"
      "61e2491f7598b3ce65547ff133b3f63d1ac4175eaa695033f3cedb026a6873a36455172a8540b8a5d23a0143bed0390ee49b168269d75fffee9fb62be965993c");
  Bytes secret_new = Unhex(
      "52f00ab174c25d5b7139ae5ff4e8e9eddee5992d2e36adf8a559ffd90dab1442e4fbe429d320c0f33552a17d1557fa41ea70e8fb916c4fa27ed52b5f8ebd8461"
      "afa78f1159159a64055ac5f6319e29c28eae58cbc6847770f32c3fed1d04750484f854790f95e9ec01bc5bc461f24966462e359511329305038e94deb6dd42c2");
  SecretBytes skeyseed = SkeySeed(PrfId::kHmacSha1, ni, nr, secret);
  EXPECT_EQ(ToHex(skeyseed.view()), "cd2e8050137832245f1dbacc6e4f0a92f94d45d6");
  Bytes seed = Unhex("3651fef5c9c35e93c09a8b90a3f04d598e5c3ae507221684b1f201bb155c3acd");
  SecretBytes dkm = PrfPlus(PrfId::kHmacSha1, skeyseed.view(), seed, 132);
  EXPECT_EQ(ToHex(dkm.view()),
            "6f1b12cad3cbe097b35430356d869d54cddb0198ec859174d53ceb92dddedbe2436db69f60977c58fa63bbb667f8d36920b109baae8f6c61a9ac49feda018432"
            "25d080ec5539d5881a25521ffb2a0a91874a9c0a27fcc2d717eb8963a9e3a89c7ab264757284c28cf8c3ca40576f4220b052b1fb8e9ad60ba3c8055732333"
            "1a8cbb89f20");
  // The same through the function the IKE SA uses: AES-CBC-128 with HMAC-SHA1-96 takes the first 132 octets.
  IkeKeys keys = DeriveIkeKeys({EncrId::kAesCbc, 128, IntegId::kHmacSha1_96, PrfId::kHmacSha1}, skeyseed.view(), ni, nr,
                               0x8e5c3ae507221684, 0xb1f201bb155c3acd);
  EXPECT_EQ(Joined(keys).substr(0, 264), ToHex(dkm.view()));
  ByteView sk_d = dkm.view().first(20);
  EspSuite child{.encr = EncrId::kAesCbc, .encr_key_bits = 256, .integ = IntegId::kHmacSha256_128};  // 128 of the 132 octets
  EXPECT_EQ(Joined(DeriveChildKeys(PrfId::kHmacSha1, sk_d, {}, ni, nr, child)),
            "4727dc0ef94eb326ce131cf282fb652faa638ad0ddae3786a11bcc0309876009f8c485de011ad962c5b1ca8a41ff8145445749079c5686e26ffebbc342f06981"
            "f3da745e11ca0976424d1f8caec623d59dc7186deb20a27b411d1dcb70a365440bf7de905088b0692e8addc094e18d1939bdb67e89798ca6b239e2ccb81c2409");
  EXPECT_EQ(Joined(DeriveChildKeys(PrfId::kHmacSha1, sk_d, secret_new, ni, nr, child)),
            "b109c21ad4c0797768c1cec9e63554681e48f224bca7f23c20c4ea7041983451e9aa1d5408656c8a975ff1b9d9a12c75ffeb64bdecb30174664cccb4e14f1c37"
            "7b7f6d1525af77c7092aac3e47f917ebae8297fb5539d2008ce830823a09cc197361d4a289c72745f6ce9fefe812be5bf55b3200fbb82e41a4a40877d3fe106d");
  // AH takes the same octets as integrity keys alone, one for each direction (RFC 7296 2.17).
  EspSuite ah{.integ = IntegId::kHmacSha512_256};
  ChildKeys ah_keys = DeriveChildKeys(PrfId::kHmacSha1, sk_d, {}, ni, nr, ah);
  EXPECT_TRUE(ah_keys.encr_i.empty() && ah_keys.encr_r.empty());
  EXPECT_EQ(ToHex(ah_keys.integ_i.view()),
            "4727dc0ef94eb326ce131cf282fb652faa638ad0ddae3786a11bcc0309876009f8c485de011ad962c5b1ca8a41ff8145445749079c5686e26ffebbc342f06981");
  EXPECT_EQ(ToHex(ah_keys.integ_r.view()),
            "f3da745e11ca0976424d1f8caec623d59dc7186deb20a27b411d1dcb70a365440bf7de905088b0692e8addc094e18d1939bdb67e89798ca6b239e2ccb81c2409");
  EspSuite ah_short{.integ = IntegId::kHmacSha256_128, .esn = true};
  EXPECT_EQ(Joined(DeriveChildKeys(PrfId::kHmacSha1, sk_d, secret_new, ni, nr, ah_short)),
            "b109c21ad4c0797768c1cec9e63554681e48f224bca7f23c20c4ea7041983451e9aa1d5408656c8a975ff1b9d9a12c75ffeb64bdecb30174664cccb4e14f1c37");
  EXPECT_EQ(ToHex(SkeySeedRekey(PrfId::kHmacSha1, sk_d, secret_new, ni, nr).view()), "3b03bce748c96d5e8306918d2ff89b68f0648da3");
}

// prf+ of RFC 7296 2.13 by OpenSSL's HMAC and nothing of ours.
std::string PlusByHmac(const EVP_MD* md, ByteView key, ByteView seed, size_t length) {
  Bytes stream, block;
  for (uint8_t counter = 1; stream.size() < length; ++counter) {
    Append(block, seed);
    block.push_back(counter);
    uint8_t out[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    EXPECT_TRUE(HMAC(md, key.data(), static_cast<int>(key.size()), block.data(), block.size(), out, &size));
    block.assign(out, out + size);
    Append(stream, block);
  }
  return ToHex(ByteView(stream).first(length));
}

// RFC 8784 3, with keys of every length a PPK may have: shorter, as long as and longer than the block of the hash.
TEST(KdfV2, MixesThePostQuantumKeyAsOpensslsHmacDoes) {
  const std::pair<PrfId, const EVP_MD*> prfs[] = {
      {PrfId::kHmacSha1, EVP_sha1()}, {PrfId::kHmacSha256, EVP_sha256()}, {PrfId::kHmacSha384, EVP_sha384()},
      {PrfId::kHmacSha512, EVP_sha512()}};
  SeededRandom random(8784);
  for (auto [prf, md] : prfs) {
    for (size_t length : {1, 16, 32, 64, 128, 129, 500}) {
      SCOPED_TRACE(Name(prf) + ", a key of " + std::to_string(length));
      const Bytes ppk = random.Take(length), secret = random.Take(32), ni = random.Take(32), nr = random.Take(32);
      const IkeSuite suite{EncrId::kAesGcm16, 256, IntegId::kNone, prf};
      // With one additional key exchange before it (RFC 9370 2.2.2): the key goes into what that led to.
      IkeKeys first = DeriveIkeKeys(suite, SkeySeed(prf, ni, nr, secret).view(), ni, nr, 1, 2);
      IkeKeys keys = DeriveIkeKeys(suite, SkeySeedRekey(prf, first.sk_d.view(), secret, ni, nr).view(), ni, nr, 1, 2);
      const std::string before = Joined(keys);
      const std::string d = PlusByHmac(md, ppk, keys.sk_d.view(), keys.sk_d.size());
      const std::string pi = PlusByHmac(md, ppk, keys.sk_pi.view(), keys.sk_pi.size());
      const std::string pr = PlusByHmac(md, ppk, keys.sk_pr.view(), keys.sk_pr.size());
      MixPpk(prf, ppk, keys);
      // SK_e and SK_a stay.
      EXPECT_EQ(Joined(keys), d + before.substr(d.size(), before.size() - 3 * d.size()) + pi + pr);
    }
  }
}

// By bytes of Python's hmac.
TEST(KdfV2, MixesThePostQuantumKeyByVector) {
  IkeKeys keys;
  keys.sk_d = SecretBytes(Unhex("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"));
  keys.sk_pi = SecretBytes(Unhex("202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f"));
  keys.sk_pr = SecretBytes(Unhex("404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f"));
  MixPpk(PrfId::kHmacSha256, AsBytes("a post-quantum key"), keys);
  EXPECT_EQ(ToHex(keys.sk_d.view()), "f3f9ea305648ab46a469c997f62df434c5b5347ee71f3dbb7a8917f34e9feb02");
  EXPECT_EQ(ToHex(keys.sk_pi.view()), "1e7a3503dd7486f21a5f1dba571d1e27c9904bae1798770e447198294ea02484");
  EXPECT_EQ(ToHex(keys.sk_pr.view()), "74f1b4c724f6e7aa9f1b8ce7a82c6d1e7b7808a05b0dce884204b59e20c9db02");
}

TEST(KdfV2, KeysHaveTheSuitesLengths) {
  struct Row {
    IkeSuite suite;
    size_t d, a, e;
  };
  const Row rows[] = {
      {{EncrId::kAesGcm16, 128, IntegId::kNone, PrfId::kHmacSha256}, 32, 0, 20},
      {{EncrId::kAesGcm16, 256, IntegId::kNone, PrfId::kHmacSha512}, 64, 0, 36},
      {{EncrId::kAesCcm8, 256, IntegId::kNone, PrfId::kHmacSha256}, 32, 0, 35},
      {{EncrId::kChaCha20Poly1305, 256, IntegId::kNone, PrfId::kHmacSha384}, 48, 0, 36},
      {{EncrId::kAesCbc, 128, IntegId::kHmacSha256_128, PrfId::kHmacSha256}, 32, 32, 16},
      {{EncrId::kAesCbc, 256, IntegId::kHmacSha512_256, PrfId::kHmacSha1}, 20, 64, 32},
  };
  Bytes nonce(32, 7);
  for (const Row& r : rows) {
    IkeKeys k = DeriveIkeKeys(r.suite, nonce, nonce, nonce, 1, 2);
    EXPECT_EQ(std::vector({k.sk_d.size(), k.sk_pi.size(), k.sk_pr.size()}), std::vector(3, r.d)) << Name(r.suite);
    EXPECT_EQ(std::vector({k.sk_ai.size(), k.sk_ar.size()}), std::vector(2, r.a)) << Name(r.suite);
    EXPECT_EQ(std::vector({k.sk_ei.size(), k.sk_er.size()}), std::vector(2, r.e)) << Name(r.suite);
    EXPECT_FALSE(k.sk_ei == k.sk_er) << Name(r.suite);  // R5: different keys per direction
  }
}

TEST(IkeSuite, NamesItselfAsSwanctlDoes) {
  EXPECT_EQ(Name(IkeSuite{EncrId::kAesGcm16, 256, IntegId::kNone, PrfId::kHmacSha256, KeGroup::kX25519}),
            "AES_GCM_16-256/PRF_HMAC_SHA2_256/CURVE_25519");
  EXPECT_EQ(Name(IkeSuite{EncrId::kAesCbc, 128, IntegId::kHmacSha256_128, PrfId::kHmacSha256, KeGroup::kModp2048}),
            "AES_CBC-128/HMAC_SHA2_256_128/PRF_HMAC_SHA2_256/MODP_2048");
  EXPECT_EQ(Name(IkeSuite{EncrId::kChaCha20Poly1305, 256, IntegId::kNone, PrfId::kHmacSha512, KeGroup::kEcp384}),
            "CHACHA20_POLY1305/PRF_HMAC_SHA2_512/ECP_384");
}

}  // namespace
}  // namespace culvert::ike
