#include <algorithm>
#include <array>

#include <openssl/err.h>

#include "absl/log/check.h"
#include "control/ike/crypto/mac.h"
#include "control/ike/crypto/sk_cipher_impl.h"

// A cipher and then a MAC in an SK payload (RFC 7296 3.14): IV | ciphertext | ICV, the ICV over the whole message up to
// itself. CBC has a random IV of one block; CTR (RFC 5930) counts from salt | IV | 1.
namespace culvert::ike {
namespace {

constexpr size_t kMaxIv = 16;
constexpr size_t kMaxIcv = 32;
constexpr size_t kCounterBlock = 16;

class SkCipherThenMac final : public SkCipher {
 public:
  explicit SkCipherThenMac(const SkSetup& setup)
      : cipher_(setup.cipher), iv_size_(setup.encr->iv), block_(setup.encr->block), icv_(Find(setup.integ)->icv),
        random_(*setup.random), mac_kind_(*MacOf(setup.integ)), key_(setup.key), salt_(setup.salt),
        mac_key_(setup.integ_key), counter_(setup.iv_generation) {
    CHECK(iv_size_ <= kMaxIv && icv_ <= kMaxIcv);
  }

  Bytes Seal(ByteView message, ByteView plain) override {
    Bytes out(SealedSize(plain.size()));
    ByteSpan iv = ByteSpan(out).first(iv_size_);
    ByteSpan text = ByteSpan(out).subspan(iv_size_, out.size() - iv_size_ - icv_);
    if (is_cbc()) {
      random_.Fill(iv);  // RFC 7296 3.14: unpredictable
    } else {
      counter_.Next(iv);
    }
    std::ranges::copy(plain, text.begin());
    text.back() = static_cast<uint8_t>(text.size() - plain.size() - 1);
    Crypt(true, iv, text);
    Authenticate(message, ByteView(out).first(out.size() - icv_), ByteSpan(out).last(icv_));
    return out;
  }

  size_t SealedSize(size_t plain_size) const override {
    const size_t blocks = (plain_size + 1 + block_ - 1) / block_;
    return iv_size_ + blocks * block_ + icv_;
  }

  std::optional<Bytes> Open(ByteView message_before_body, ByteView body) override {
    if (body.size() < iv_size_ + block_ + icv_ || (body.size() - iv_size_ - icv_) % block_) return std::nullopt;
    std::array<uint8_t, kMaxIcv> expected;
    Authenticate(message_before_body, body.first(body.size() - icv_), ByteSpan(expected).first(icv_));
    if (!EqualConstantTime(ByteView(expected).first(icv_), body.last(icv_))) return std::nullopt;
    Bytes text = ToBytes(body.subspan(iv_size_, body.size() - iv_size_ - icv_));
    Crypt(false, body.first(iv_size_), text);
    if (!StripPadding(text)) return std::nullopt;
    return text;
  }

 private:
  bool is_cbc() const { return salt_.empty(); }

  // Contexts live for one message: an idle SA is not to hold kilobytes of them.
  void Authenticate(ByteView message, ByteView body, ByteSpan icv) const {
    Mac mac(mac_kind_, mac_key_.view());
    mac.Update(message);
    mac.Update(body);
    mac.Final(icv);
  }

  // In place; `text` is whole blocks.
  void Crypt(bool seal, ByteView iv, ByteSpan text) const {
    CipherCtxPtr ctx(EVP_CIPHER_CTX_new());
    CHECK(ctx);
    CHECK_EQ(EVP_CipherInit_ex2(ctx.get(), cipher_, key_.view().data(), nullptr, seal, nullptr), 1);
    CHECK_EQ(EVP_CIPHER_CTX_set_padding(ctx.get(), 0), 1);
    std::array<uint8_t, kCounterBlock> start{};
    std::ranges::copy(salt_.view(), start.begin());
    std::ranges::copy(iv, start.begin() + salt_.size());
    // RFC 5930 2.2: the block counter starts at one.
    if (!is_cbc()) start.back() = 1;
    CHECK_EQ(EVP_CipherInit_ex2(ctx.get(), nullptr, nullptr, start.data(), seal, nullptr), 1);
    WipeBytes(start);
    int length = 0;
    CHECK_EQ(EVP_CipherUpdate(ctx.get(), text.data(), &length, text.data(), static_cast<int>(text.size())), 1);
    CHECK_EQ(static_cast<size_t>(length), text.size());
  }

  const EVP_CIPHER* cipher_;
  const size_t iv_size_, block_, icv_;  // octets
  Random& random_;
  const MacKind mac_kind_;
  SecretBytes key_, salt_, mac_key_;
  IvCounter counter_;
};

}  // namespace

std::unique_ptr<SkCipher> MakeSkCipherThenMac(const SkSetup& setup) { return std::make_unique<SkCipherThenMac>(setup); }

}  // namespace culvert::ike
