#include "control/ike/crypto/xcbc.h"

#include <algorithm>

#include "absl/log/check.h"
#include "common/bytes/secret.h"

namespace culvert::ike {
namespace {

constexpr uint8_t kZeroIv[16] = {};

// Fetched once per process; never freed: helper threads may outlive main's statics.
const EVP_CIPHER* Fetched(const char* name) {
  const EVP_CIPHER* cipher = EVP_CIPHER_fetch(nullptr, name, nullptr);
  CHECK(cipher) << name;
  return cipher;
}
const EVP_CIPHER* Cbc() {
  static const EVP_CIPHER* const cipher = Fetched("AES-128-CBC");
  return cipher;
}
const EVP_CIPHER* Ecb() {
  static const EVP_CIPHER* const cipher = Fetched("AES-128-ECB");
  return cipher;
}

CipherCtxPtr Keyed(const EVP_CIPHER* cipher, const uint8_t* key, const uint8_t* iv) {
  CipherCtxPtr ctx(EVP_CIPHER_CTX_new());
  CHECK(ctx);
  CHECK_EQ(EVP_EncryptInit_ex2(ctx.get(), cipher, key, iv, nullptr), 1);
  EVP_CIPHER_CTX_set_padding(ctx.get(), 0);
  return ctx;
}

}  // namespace

// RFC 3566 4 step 1: K1, K2 and K3 are the key's encryptions of blocks of 0x01, 0x02 and 0x03.
AesXcbc::AesXcbc(ByteView key) {
  CHECK_EQ(key.size(), kKey);
  std::array<uint8_t, kBlock> first;
  first.fill(1);
  whole_.fill(2);
  padded_.fill(3);
  CipherCtxPtr derive = Keyed(Ecb(), key.data(), nullptr);
  for (auto* block : {&first, &whole_, &padded_}) {
    int length = 0;
    CHECK_EQ(EVP_EncryptUpdate(derive.get(), block->data(), &length, block->data(), kBlock), 1);
  }
  chain_ = Keyed(Cbc(), first.data(), kZeroIv);
  WipeBytes(first);
}

AesXcbc::~AesXcbc() {
  WipeBytes(whole_);
  WipeBytes(padded_);
  WipeBytes(held_);
}

void AesXcbc::Absorb() {
  int length = 0;
  CHECK_EQ(EVP_EncryptUpdate(chain_.get(), held_.data(), &length, held_.data(), kBlock), 1);
  CHECK_EQ(static_cast<size_t>(length), kBlock);
}

void AesXcbc::Update(ByteView data) {
  while (!data.empty()) {
    if (held_size_ == kBlock) {
      Absorb();
      held_size_ = 0;
    }
    const size_t n = std::min(kBlock - held_size_, data.size());
    std::copy_n(data.begin(), n, held_.begin() + held_size_);
    held_size_ += n;
    data = data.subspan(n);
  }
}

void AesXcbc::Final(ByteSpan tag) {
  CHECK_EQ(tag.size(), kTag);
  // RFC 3566 4 step 4: an incomplete last block, and the empty message's, gets a one bit and zeros.
  const bool full = held_size_ == kBlock;
  if (!full) {
    held_[held_size_] = 0x80;
    std::fill(held_.begin() + held_size_ + 1, held_.end(), 0);
  }
  const auto& mask = full ? whole_ : padded_;
  for (size_t i = 0; i < kBlock; ++i) held_[i] ^= mask[i];
  Absorb();
  std::ranges::copy(held_, tag.begin());
  WipeBytes(held_);
  held_size_ = 0;
  CHECK_EQ(EVP_EncryptInit_ex2(chain_.get(), nullptr, nullptr, kZeroIv, nullptr), 1);
}

}  // namespace culvert::ike
