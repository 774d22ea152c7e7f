#include "control/ike/v1/protection.h"

#include "absl/log/check.h"
#include "common/bytes/writer.h"

namespace culvert::ike::v1 {
namespace {

Bytes Be32(uint32_t v) {
  Writer w;
  w.U32(v);
  return w.Release();
}

Bytes MacOf(const Protection& p, std::initializer_list<ByteView> parts) {
  return ToBytes(Prf(p.prf, p.keys.a.view(), parts).view());
}

}  // namespace

Protection MakeProtection(const IkeSuite& suite, SecretBytes skeyid, Skeys keys) {
  const size_t size = CbcCipher::KeySize(suite.encr, suite.encr_key_bits);
  CbcCipher cipher(suite.encr, suite.encr_key_bits, CipherKey(suite.prf, keys.e.view(), size));
  return {suite.prf, std::move(skeyid), std::move(keys), std::move(cipher), {}};
}

Bytes Phase1Iv(const Protection& p, ByteView public_i, ByteView public_r) {
  return FirstIv(p.prf, public_i, public_r, p.cipher.block());
}

Bytes Phase2Iv(const Protection& p, uint32_t message_id) {
  CHECK_EQ(p.last_block.size(), p.cipher.block());
  return FirstIv(p.prf, p.last_block, Be32(message_id), p.cipher.block());
}

// RFC 2409 5.5, 5.7
Bytes HashOne(const Protection& p, uint32_t message_id, ByteView rest) { return MacOf(p, {Be32(message_id), rest}); }

Bytes HashTwo(const Protection& p, uint32_t message_id, ByteView nonce_i, ByteView rest) {
  return MacOf(p, {Be32(message_id), nonce_i, rest});
}

Bytes HashThree(const Protection& p, uint32_t message_id, ByteView nonce_i, ByteView nonce_r) {
  constexpr uint8_t kZero = 0;
  return MacOf(p, {{&kZero, 1}, Be32(message_id), nonce_i, nonce_r});
}

Bytes Encrypt(const Protection& p, ByteView iv, ByteView plain) {
  const size_t block = p.cipher.block();
  Bytes text = ToBytes(plain);
  text.resize((text.size() + block - 1) / block * block);
  p.cipher.Encrypt(iv, text);
  return text;
}

std::optional<Bytes> Decrypt(const Protection& p, ByteView iv, ByteView sealed) {
  if (sealed.empty() || sealed.size() % p.cipher.block() != 0) return std::nullopt;
  Bytes text = ToBytes(sealed);
  p.cipher.Decrypt(iv, text);
  return text;
}

}  // namespace culvert::ike::v1
