#include "control/ike/crypto/kdf_v1.h"

#include <algorithm>

#include "absl/log/check.h"
#include "common/bytes/writer.h"

namespace culvert::ike::v1 {
namespace {

Bytes Be64(uint64_t v) {
  Writer w;
  w.U64(v);
  return w.Release();
}

// K1 | K2 | ..., where each but the first is made of the one before: `next` gives it from that, which is empty for the first.
template <typename Next>
SecretBytes Chain(size_t length, const Next& next) {
  SecretBytes out(length);
  SecretBytes block;
  for (size_t at = 0; at < length; at += block.size()) {
    block = next(block.view());
    std::ranges::copy(block.view().first(std::min(block.size(), length - at)), out.span().begin() + static_cast<ptrdiff_t>(at));
  }
  return out;
}

}  // namespace

SecretBytes SkeyIdOfSecret(PrfId prf, ByteView secret, ByteView nonce_i, ByteView nonce_r) {
  return Prf(prf, secret, {nonce_i, nonce_r});
}

SecretBytes SkeyIdOfSignature(PrfId prf, ByteView nonce_i, ByteView nonce_r, ByteView shared_secret) {
  Bytes nonces = ToBytes(nonce_i);
  Append(nonces, nonce_r);
  return Prf(prf, nonces, {shared_secret});
}

Skeys DeriveSkeys(PrfId prf, ByteView skeyid, ByteView shared_secret, uint64_t cookie_i, uint64_t cookie_r) {
  const Bytes i = Be64(cookie_i), r = Be64(cookie_r);
  constexpr uint8_t kD = 0, kA = 1, kE = 2;
  Skeys keys;
  keys.d = Prf(prf, skeyid, {shared_secret, i, r, {&kD, 1}});
  keys.a = Prf(prf, skeyid, {keys.d.view(), shared_secret, i, r, {&kA, 1}});
  keys.e = Prf(prf, skeyid, {keys.a.view(), shared_secret, i, r, {&kE, 1}});
  return keys;
}

SecretBytes CipherKey(PrfId prf, ByteView skeyid_e, size_t length) {
  if (length <= skeyid_e.size()) return SecretBytes(skeyid_e.first(length));
  constexpr uint8_t kZero = 0;
  const ByteView zero(&kZero, 1);
  return Chain(length, [&](ByteView previous) { return Prf(prf, skeyid_e, {previous.empty() ? zero : previous}); });
}

Bytes FirstIv(PrfId prf, ByteView a, ByteView b, size_t length) {
  Bytes iv = HashOf(prf, {a, b});
  CHECK_LE(length, iv.size());
  iv.resize(length);
  return iv;
}

SecretBytes Keymat(PrfId prf, ByteView skeyid_d, const KeymatOf& sa, size_t length) {
  Writer w;
  w.U8(sa.protocol);
  w.U32(sa.spi);
  return Chain(length, [&](ByteView previous) {
    return Prf(prf, skeyid_d, {previous, sa.shared_secret, w.view(), sa.nonce_i, sa.nonce_r});
  });
}

}  // namespace culvert::ike::v1
