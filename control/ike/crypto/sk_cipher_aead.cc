#include <algorithm>
#include <array>

#include <openssl/core_names.h>
#include <openssl/err.h>

#include "absl/log/check.h"
#include "control/ike/crypto/sk_cipher_impl.h"

// AES-GCM and AES-CCM (RFC 5282) and ChaCha20-Poly1305 (RFC 7634) in an SK payload: IV | ciphertext | ICV, where
//   nonce = salt | IV,   associated data = the message from its first octet up to the IV (RFC 5282 5.1).
namespace culvert::ike {
namespace {

constexpr size_t kIvSize = 8;
constexpr size_t kMaxNonce = 12;

bool IsCcm(EncrId id) { return id == EncrId::kAesCcm8 || id == EncrId::kAesCcm12 || id == EncrId::kAesCcm16; }

class SkAead final : public SkCipher {
 public:
  explicit SkAead(const SkSetup& setup)
      : cipher_(setup.cipher), icv_(setup.encr->icv), salt_(setup.salt.size()), ccm_(IsCcm(setup.encr->id)), key_(setup.key),
        iv_(setup.iv_generation) {
    CHECK_LE(salt_ + kIvSize, kMaxNonce);
    std::ranges::copy(setup.salt, nonce_.begin());
  }
  ~SkAead() override { WipeBytes(nonce_); }

  Bytes Seal(ByteView message, ByteView plain) override {
    // No granule to pad to (RFC 5282 3, RFC 7634 2): the padding is its length octet alone, zero.
    const size_t body = plain.size() + 1;
    Bytes out(SealedSize(plain.size()));
    iv_.Next(ByteSpan(out).first(kIvSize));
    uint8_t* text = out.data() + kIvSize;
    std::ranges::copy(plain, text);
    CipherCtxPtr ctx = Start(true, ByteView(out).first(kIvSize), body, {});
    CHECK(Run(ctx.get(), message, {text, body}));
    int ignored = 0;
    CHECK_EQ(EVP_EncryptFinal_ex(ctx.get(), text + body, &ignored), 1);
    CHECK_EQ(EVP_CIPHER_CTX_ctrl(ctx.get(), EVP_CTRL_AEAD_GET_TAG, static_cast<int>(icv_), text + body), 1);
    return out;
  }

  size_t SealedSize(size_t plain_size) const override { return kIvSize + plain_size + 1 + icv_; }

  std::optional<Bytes> Open(ByteView message_before_body, ByteView body) override {
    if (body.size() < kIvSize + 1 + icv_) return std::nullopt;
    Bytes text = ToBytes(body.subspan(kIvSize, body.size() - kIvSize - icv_));
    CipherCtxPtr ctx = Start(false, body.first(kIvSize), text.size(), body.last(icv_));
    uint8_t none[1];
    int ignored = 0;
    // CCM's tag is verified with the text, GCM's and Poly1305's at the end.
    if (!Run(ctx.get(), message_before_body, text) || (!ccm_ && EVP_DecryptFinal_ex(ctx.get(), none, &ignored) != 1)) {
      ERR_clear_error();
      WipeBytes(text);  // decrypted but not authentic
      return std::nullopt;
    }
    if (!StripPadding(text)) return std::nullopt;
    return text;
  }

 private:
  // A context for one message: an idle SA is not to hold kilobytes of them. `tag` is empty when sealing.
  CipherCtxPtr Start(bool seal, ByteView iv, size_t text_size, ByteView tag) {
    CipherCtxPtr ctx = Keyed(seal);
    if (!tag.empty()) {
      auto* octets = const_cast<uint8_t*>(tag.data());  // only read
      CHECK_EQ(EVP_CIPHER_CTX_ctrl(ctx.get(), EVP_CTRL_AEAD_SET_TAG, static_cast<int>(tag.size()), octets), 1);
    }
    std::ranges::copy(iv, nonce_.begin() + salt_);
    CHECK_EQ(EVP_CipherInit_ex2(ctx.get(), nullptr, nullptr, nonce_.data(), seal, nullptr), 1);
    int ignored = 0;
    if (ccm_) CHECK_EQ(EVP_CipherUpdate(ctx.get(), nullptr, &ignored, nullptr, static_cast<int>(text_size)), 1);
    return ctx;
  }

  CipherCtxPtr Keyed(bool seal) const {
    CipherCtxPtr ctx(EVP_CIPHER_CTX_new());
    CHECK(ctx);
    CHECK_EQ(EVP_CipherInit_ex2(ctx.get(), cipher_, nullptr, nullptr, seal, nullptr), 1);
    if (ccm_) {
      // CCM derives its length field and first block from both, so they precede the key.
      CHECK_EQ(EVP_CIPHER_CTX_ctrl(ctx.get(), EVP_CTRL_AEAD_SET_IVLEN, static_cast<int>(salt_ + kIvSize), nullptr), 1);
      CHECK_EQ(EVP_CIPHER_CTX_ctrl(ctx.get(), EVP_CTRL_AEAD_SET_TAG, static_cast<int>(icv_), nullptr), 1);
    }
    CHECK_EQ(EVP_CipherInit_ex2(ctx.get(), nullptr, key_.view().data(), nullptr, seal, nullptr), 1);
    return ctx;
  }

  static bool Run(EVP_CIPHER_CTX* ctx, ByteView associated, ByteSpan text) {
    int length = 0;
    // An update without input would tell CCM a length instead.
    return (associated.empty() ||
            EVP_CipherUpdate(ctx, nullptr, &length, associated.data(), static_cast<int>(associated.size())) == 1) &&
           EVP_CipherUpdate(ctx, text.data(), &length, text.data(), static_cast<int>(text.size())) == 1 &&
           static_cast<size_t>(length) == text.size();
  }

  const EVP_CIPHER* cipher_;
  const size_t icv_, salt_;  // octets
  const bool ccm_;
  SecretBytes key_;
  std::array<uint8_t, kMaxNonce> nonce_{};  // salt | IV of the message at hand
  IvCounter iv_;
};

}  // namespace

std::unique_ptr<SkCipher> MakeSkAead(const SkSetup& setup) { return std::make_unique<SkAead>(setup); }

}  // namespace culvert::ike
