#include "control/ike/crypto/kdf_v2.h"

#include <algorithm>

#include "absl/log/check.h"
#include "common/bytes/writer.h"

namespace culvert::ike {
namespace {

// Hands out consecutive pieces of a prf+ stream.
class Cutter {
 public:
  explicit Cutter(ByteView stream) : rest_(stream) {}
  SecretBytes Next(size_t n) {
    SecretBytes piece(rest_.first(n));
    rest_ = rest_.subspan(n);
    return piece;
  }

 private:
  ByteView rest_;
};

Bytes Concatenate(ByteView a, ByteView b) {
  Bytes out;
  out.reserve(a.size() + b.size());
  Append(out, a);
  Append(out, b);
  return out;
}

// RFC 7296 2.14: of a prf with a fixed key length, only the first 64 bits of each nonce key SKEYSEED.
bool HasFixedKey(PrfId prf) { return prf == PrfId::kAesXcbc || prf == PrfId::kAesCmac; }
constexpr size_t kHalfFixedKey = 8;  // octets

}  // namespace

KeGroup First(const AdditionalGroups& groups) {
  auto it = std::ranges::find_if(groups, [](KeGroup g) { return g != KeGroup::kNone; });
  return it == groups.end() ? KeGroup::kNone : *it;
}

void PopFirst(AdditionalGroups& groups) {
  auto it = std::ranges::find_if(groups, [](KeGroup g) { return g != KeGroup::kNone; });
  if (it != groups.end()) *it = KeGroup::kNone;
}

std::string Name(const IkeSuite& s) {
  std::string out = Name(s.encr);
  if (auto* row = Find(s.encr); row && !row->fixed_key) out += "-" + std::to_string(s.encr_key_bits);
  if (s.integ != IntegId::kNone) out += "/" + Name(s.integ);
  out += "/" + Name(s.prf) + "/" + Name(s.group);
  for (size_t i = 0; i < s.additional.size(); ++i) {
    if (s.additional[i] != KeGroup::kNone) out += "/KE" + std::to_string(i + 1) + "_" + Name(s.additional[i]);
  }
  return out;
}

SecretBytes SkeySeed(PrfId prf, ByteView nonce_i, ByteView nonce_r, ByteView shared_secret) {
  if (HasFixedKey(prf)) {
    CHECK(nonce_i.size() >= kHalfFixedKey && nonce_r.size() >= kHalfFixedKey);  // RFC 7296 3.9: 16 at least
    nonce_i = nonce_i.first(kHalfFixedKey);
    nonce_r = nonce_r.first(kHalfFixedKey);
  }
  return Prf(prf, Concatenate(nonce_i, nonce_r), {shared_secret});
}

SecretBytes SkeySeedRekey(PrfId old_prf, ByteView old_sk_d, ByteView shared_secret, ByteView nonce_i, ByteView nonce_r,
                          ByteView more) {
  return Prf(old_prf, old_sk_d, {shared_secret, nonce_i, nonce_r, more});
}

IkeKeys DeriveIkeKeys(const IkeSuite& suite, ByteView skeyseed, ByteView nonce_i, ByteView nonce_r, uint64_t spi_i,
                      uint64_t spi_r) {
  const EncrInfo* encr = Find(suite.encr);
  const PrfInfo* prf = Find(suite.prf);
  const IntegInfo* integ = Find(suite.integ);
  CHECK(encr && prf && (integ || encr->aead)) << Name(suite);
  const size_t d = prf->key, a = integ ? integ->key : 0, e = suite.encr_key_bits / 8u + encr->salt;

  Writer seed;
  seed.Put(nonce_i);
  seed.Put(nonce_r);
  seed.U64(spi_i);
  seed.U64(spi_r);
  // RFC 7296 2.14: {SK_d | SK_ai | SK_ar | SK_ei | SK_er | SK_pi | SK_pr} = prf+(SKEYSEED, Ni | Nr | SPIi | SPIr)
  SecretBytes stream = PrfPlus(suite.prf, skeyseed, seed.view(), 3 * d + 2 * a + 2 * e);
  Cutter cut(stream.view());
  IkeKeys keys;
  keys.sk_d = cut.Next(d);
  keys.sk_ai = cut.Next(a);
  keys.sk_ar = cut.Next(a);
  keys.sk_ei = cut.Next(e);
  keys.sk_er = cut.Next(e);
  keys.sk_pi = cut.Next(d);
  keys.sk_pr = cut.Next(d);
  return keys;
}

void MixPpk(PrfId prf, ByteView ppk, IkeKeys& keys) {
  for (SecretBytes* key : {&keys.sk_d, &keys.sk_pi, &keys.sk_pr}) *key = PrfPlus(prf, ppk, key->view(), key->size());
}

ChildKeys DeriveChildKeys(PrfId prf, ByteView sk_d, ByteView shared_secret_or_empty, ByteView nonce_i, ByteView nonce_r,
                          const EspSuite& suite, ByteView more) {
  SecretBytes seed(shared_secret_or_empty.size() + nonce_i.size() + nonce_r.size() + more.size());
  auto at = std::copy(shared_secret_or_empty.begin(), shared_secret_or_empty.end(), seed.span().begin());
  at = std::copy(nonce_i.begin(), nonce_i.end(), at);
  at = std::copy(nonce_r.begin(), nonce_r.end(), at);
  std::copy(more.begin(), more.end(), at);
  const size_t e = suite.encr_keymat(), a = suite.integ_keymat();
  // RFC 7296 2.17: of one SA the encryption key comes before the integrity key.
  SecretBytes stream = PrfPlus(prf, sk_d, seed.view(), 2 * (e + a));
  Cutter cut(stream.view());
  ChildKeys keys;
  keys.encr_i = cut.Next(e);
  keys.integ_i = cut.Next(a);
  keys.encr_r = cut.Next(e);
  keys.integ_r = cut.Next(a);
  return keys;
}

}  // namespace culvert::ike
