#include "control/ike/crypto/self_test.h"

#include <openssl/err.h>
#include <openssl/x509.h>

#include <algorithm>

#include "common/bytes/hex.h"
#include "common/bytes/reader.h"
#include "control/ike/crypto/key_exchange_impl.h"
#include "control/ike/crypto/prf.h"
#include "control/ike/crypto/signature.h"
#include "control/ike/crypto/sk_cipher.h"

namespace culvert::ike {
namespace {

// Gives the IV of the known answer to a cipher that asks for a random one.
class GivenIv final : public Random {
 public:
  explicit GivenIv(ByteView octets) : octets_(octets) {}
  void Fill(ByteSpan out) override { std::copy_n(octets_.begin(), std::min(out.size(), octets_.size()), out.begin()); }

 private:
  ByteView octets_;
};

struct Fields {
  Bytes b[5];
};

std::optional<Fields> Decode(const KnownAnswer& a) {
  Fields out;
  for (size_t i = 0; i < std::size(a.f); ++i) {
    auto bytes = FromHex(a.f[i]);
    if (!bytes) return std::nullopt;
    out.b[i] = std::move(*bytes);
  }
  return out;
}

bool PrfIsRight(const KnownAnswer& a, const Fields& f) {
  return Supports(a.prf) && Equal(Prf(a.prf, f.b[0], {f.b[1]}).view(), f.b[2]);
}

bool PrfPlusIsRight(const KnownAnswer& a, const Fields& f) {
  return Supports(a.prf) && Equal(PrfPlus(a.prf, f.b[0], f.b[1], f.b[2].size()).view(), f.b[2]);
}

bool SkPayloadIsRight(const KnownAnswer& a, const Fields& f) {
  const auto& [sk_e, sk_a, message, plain, body] = f.b;
  const EncrInfo* row = Find(a.encr);
  const IntegInfo* integ = Find(a.integ);
  if (!row || sk_e.size() != a.key_bits / 8u + row->salt || sk_a.size() != (integ ? integ->key : 0u)) return false;
  if (body.size() < row->iv || row->iv < 8) return false;
  // The generation that makes a counter IV this one: bits 48 to 57 (common/ipsec/spi.h).
  Reader iv{body};
  const auto generation = static_cast<uint16_t>(iv.U64() >> 48 & 0x3ff);
  GivenIv random(body);
  const IkeSuite suite{.encr = a.encr, .encr_key_bits = a.key_bits, .integ = a.integ};
  auto cipher = SkCipher::Create(suite, sk_e, sk_a, generation, random);
  if (!cipher || cipher->Seal(message, plain) != body || cipher->Open(message, body) != plain) return false;
  Bytes forged = body;
  forged.back() ^= 1;
  return !cipher->Open(message, forged);
}

bool KeyExchangeIsRight(const KnownAnswer& a, const Fields& f) {
  const auto& [private_i, public_i, private_r, public_r, secret] = f.b;
  auto i = KeyExchangeFrom(a.group, {private_i, public_i}), r = KeyExchangeFrom(a.group, {private_r, public_r});
  if (!i || !r || !Equal(i->public_value(), public_i) || !Equal(r->public_value(), public_r)) return false;
  auto secret_i = i->Derive(public_r), secret_r = r->Derive(public_i);
  return secret_i && secret_r && Equal(secret_i->view(), secret) && Equal(secret_r->view(), secret);
}

bool SignatureIsRight(const Fields& f) {
  const auto& [spki, data, octets, none, nothing] = f.b;
  const unsigned char* at = spki.data();
  PkeyPtr read(d2i_PUBKEY(nullptr, &at, static_cast<long>(spki.size())));
  // Only the one spelling: a flipped bit that makes no difference to the key is one all the same.
  unsigned char* der = nullptr;
  int length = read ? i2d_PUBKEY(read.get(), &der) : 0;
  bool exact = length > 0 && Equal({der, static_cast<size_t>(length)}, spki);
  OPENSSL_free(der);
  std::string why;
  auto key = exact ? SignatureKey::From(std::move(read), why) : std::nullopt;
  if (!key || !VerifyAuth(AuthMethod::kDigitalSignature, data, *key, octets)) return false;
  Bytes other = octets;
  if (other.empty()) return false;
  other.back() ^= 1;
  return !VerifyAuth(AuthMethod::kDigitalSignature, data, *key, other);
}

bool IsRight(const KnownAnswer& a) {
  auto fields = Decode(a);
  if (!fields) return false;
  switch (a.kind) {
    case KnownAnswer::Kind::kPrf: return PrfIsRight(a, *fields);
    case KnownAnswer::Kind::kPrfPlus: return PrfPlusIsRight(a, *fields);
    case KnownAnswer::Kind::kSkPayload: return SkPayloadIsRight(a, *fields);
    case KnownAnswer::Kind::kKeyExchange: return KeyExchangeIsRight(a, *fields);
    case KnownAnswer::Kind::kSignature: return SignatureIsRight(*fields);
  }
  return false;
}

}  // namespace

std::optional<std::string> RunSelfTest(std::span<const KnownAnswer> answers) {
  for (const KnownAnswer& a : answers) {
    if (!IsRight(a)) return std::string("crypto self test: wrong answer for ") + a.name;
  }
  return std::nullopt;
}

}  // namespace culvert::ike
