#include "control/ike/crypto/ccm.h"

#include <algorithm>
#include <array>

#include "absl/log/check.h"
#include "common/bytes/writer.h"

namespace culvert::ike {
namespace {

constexpr uint8_t kZeroIv[16] = {};
constexpr size_t kShortestNonce = 7, kLongestNonce = 13;  // octets

CipherCtxPtr Keyed(const EVP_CIPHER* cipher, ByteView key) {
  CipherCtxPtr ctx(EVP_CIPHER_CTX_new());
  CHECK(ctx);
  CHECK_EQ(static_cast<size_t>(EVP_CIPHER_get_key_length(cipher)), key.size());
  CHECK_EQ(EVP_EncryptInit_ex2(ctx.get(), cipher, key.data(), kZeroIv, nullptr), 1);
  EVP_CIPHER_CTX_set_padding(ctx.get(), 0);
  return ctx;
}

}  // namespace

Ccm::Ccm(const EVP_CIPHER* cbc, const EVP_CIPHER* ctr, ByteView key, size_t tag_size)
    : tag_size_(tag_size), cbc_(Keyed(cbc, key)), ctr_(Keyed(ctr, key)) {
  CHECK(tag_size >= 4 && tag_size <= kBlock && tag_size % 2 == 0);
}

void Ccm::Mac(ByteView nonce, ByteView associated, ByteView text, Block& out) {
  CHECK(nonce.size() >= kShortestNonce && nonce.size() <= kLongestNonce);
  const size_t length_size = kBlock - 1 - nonce.size();
  CHECK(length_size == 8 || text.size() >> (8 * length_size) == 0);
  // RFC 3610 2.2: flags | nonce | length of the text, then the length of the associated data before it, each padded with zeros.
  Writer w;
  w.U8(static_cast<uint8_t>((associated.empty() ? 0 : 0x40) | (tag_size_ - 2) / 2 << 3 | (length_size - 1)));
  w.Put(nonce);
  for (size_t i = length_size; i-- > 0;) w.U8(static_cast<uint8_t>(i < sizeof(size_t) ? text.size() >> (8 * i) : 0));
  if (!associated.empty()) {
    if (associated.size() < 0xff00) {
      w.U16(static_cast<uint16_t>(associated.size()));
    } else {
      w.U16(0xfffe);
      w.U32(static_cast<uint32_t>(associated.size()));
    }
    w.Put(associated);
    w.Zeros((0 - w.size()) % kBlock);
  }
  w.Put(text);
  w.Zeros((0 - w.size()) % kBlock);
  Bytes chained = w.Release();
  int length = 0;
  CHECK_EQ(EVP_EncryptInit_ex2(cbc_.get(), nullptr, nullptr, kZeroIv, nullptr), 1);
  CHECK_EQ(EVP_EncryptUpdate(cbc_.get(), chained.data(), &length, chained.data(), static_cast<int>(chained.size())), 1);
  std::ranges::copy(ByteView(chained).last(kBlock), out.begin());
  WipeBytes(chained);
}

void Ccm::Crypt(ByteView nonce, ByteSpan text, Block& tag) {
  // RFC 3610 2.3: block 0 of the key stream is the tag's, the text begins with block 1.
  Block counter{};
  counter[0] = static_cast<uint8_t>(kBlock - 2 - nonce.size());
  std::ranges::copy(nonce, counter.begin() + 1);
  int length = 0;
  CHECK_EQ(EVP_EncryptInit_ex2(ctr_.get(), nullptr, nullptr, counter.data(), nullptr), 1);
  CHECK_EQ(EVP_EncryptUpdate(ctr_.get(), tag.data(), &length, tag.data(), kBlock), 1);
  if (text.empty()) return;
  CHECK_EQ(EVP_EncryptUpdate(ctr_.get(), text.data(), &length, text.data(), static_cast<int>(text.size())), 1);
}

void Ccm::Seal(ByteView nonce, ByteView associated, ByteSpan text, ByteSpan tag) {
  CHECK_EQ(tag.size(), tag_size_);
  Block full;
  Mac(nonce, associated, text, full);
  Crypt(nonce, text, full);
  std::copy_n(full.begin(), tag_size_, tag.begin());
}

bool Ccm::Open(ByteView nonce, ByteView associated, ByteSpan text, ByteView tag) {
  CHECK_EQ(tag.size(), tag_size_);
  Block sent{}, full;
  std::ranges::copy(tag, sent.begin());
  Crypt(nonce, text, sent);
  Mac(nonce, associated, text, full);
  // RFC 3610 2.5: what is not authentic is not to be revealed.
  const bool authentic = EqualConstantTime(ByteView(full).first(tag_size_), ByteView(sent).first(tag_size_));
  if (!authentic) WipeBytes(text);
  WipeBytes(full);
  return authentic;
}

}  // namespace culvert::ike
