#include <algorithm>
#include <array>

#include "absl/log/check.h"
#include "control/ike/crypto/ccm.h"
#include "control/ike/crypto/sk_cipher_impl.h"

// Camellia-CCM (RFC 5529) in an SK payload, laid out as AES-CCM is by RFC 5282: IV | ciphertext | ICV, nonce = salt | IV,
// associated data = the message up to the IV.
namespace culvert::ike {
namespace {

constexpr size_t kIvSize = 8, kSaltSize = 3;  // octets

class SkCamelliaCcm final : public SkCipher {
 public:
  explicit SkCamelliaCcm(const SkSetup& setup)
      : icv_(setup.encr->icv),
        ccm_(setup.cipher, SkEvpCipher(EncrId::kCamelliaCtr, static_cast<uint16_t>(setup.key.size() * 8)), setup.key, icv_),
        iv_(setup.iv_generation) {
    CHECK_EQ(setup.salt.size(), kSaltSize);
    std::ranges::copy(setup.salt, nonce_.begin());
  }
  ~SkCamelliaCcm() override { WipeBytes(nonce_); }

  Bytes Seal(ByteView message, ByteView plain) override {
    // RFC 5282 3: nothing to pad to; the padding is its length octet alone, zero.
    Bytes out(SealedSize(plain.size()));
    iv_.Next(ByteSpan(out).first(kIvSize));
    ByteSpan text = ByteSpan(out).subspan(kIvSize, plain.size() + 1);
    std::ranges::copy(plain, text.begin());
    ccm_.Seal(Nonce(ByteView(out).first(kIvSize)), message, text, ByteSpan(out).last(icv_));
    return out;
  }

  size_t SealedSize(size_t plain_size) const override { return kIvSize + plain_size + 1 + icv_; }

  std::optional<Bytes> Open(ByteView message_before_body, ByteView body) override {
    if (body.size() < kIvSize + 1 + icv_) return std::nullopt;
    Bytes text = ToBytes(body.subspan(kIvSize, body.size() - kIvSize - icv_));
    if (!ccm_.Open(Nonce(body.first(kIvSize)), message_before_body, text, body.last(icv_))) return std::nullopt;
    if (!StripPadding(text)) return std::nullopt;
    return text;
  }

 private:
  ByteView Nonce(ByteView iv) {
    std::ranges::copy(iv, nonce_.begin() + kSaltSize);
    return nonce_;
  }

  const size_t icv_;  // octets
  Ccm ccm_;
  std::array<uint8_t, kSaltSize + kIvSize> nonce_{};  // salt | IV of the message at hand
  IvCounter iv_;
};

}  // namespace

std::unique_ptr<SkCipher> MakeSkCamelliaCcm(const SkSetup& setup) { return std::make_unique<SkCamelliaCcm>(setup); }

}  // namespace culvert::ike
