#include "control/ike/crypto/sk_cipher.h"

#include "absl/log/check.h"
#include "common/ipsec/spi.h"
#include "control/ike/crypto/mac.h"
#include "control/ike/crypto/sk_cipher_impl.h"

namespace culvert::ike {
namespace {

struct CipherRow {
  EncrId encr;
  uint16_t key_bits;
  const char* name;  // OpenSSL's; the tag length of GCM and CCM is not part of it, Camellia's CCM is put together (ccm.h)
};
constexpr CipherRow kCiphers[] = {
    {EncrId::kAesGcm8, 128, "AES-128-GCM"},           {EncrId::kAesGcm8, 192, "AES-192-GCM"},
    {EncrId::kAesGcm8, 256, "AES-256-GCM"},           {EncrId::kAesGcm12, 128, "AES-128-GCM"},
    {EncrId::kAesGcm12, 192, "AES-192-GCM"},          {EncrId::kAesGcm12, 256, "AES-256-GCM"},
    {EncrId::kAesGcm16, 128, "AES-128-GCM"},          {EncrId::kAesGcm16, 192, "AES-192-GCM"},
    {EncrId::kAesGcm16, 256, "AES-256-GCM"},          {EncrId::kAesCcm8, 128, "AES-128-CCM"},
    {EncrId::kAesCcm8, 192, "AES-192-CCM"},           {EncrId::kAesCcm8, 256, "AES-256-CCM"},
    {EncrId::kAesCcm12, 128, "AES-128-CCM"},          {EncrId::kAesCcm12, 192, "AES-192-CCM"},
    {EncrId::kAesCcm12, 256, "AES-256-CCM"},          {EncrId::kAesCcm16, 128, "AES-128-CCM"},
    {EncrId::kAesCcm16, 192, "AES-192-CCM"},          {EncrId::kAesCcm16, 256, "AES-256-CCM"},
    {EncrId::kChaCha20Poly1305, 256, "ChaCha20-Poly1305"},
    {EncrId::kAesCbc, 128, "AES-128-CBC"},            {EncrId::kAesCbc, 192, "AES-192-CBC"},
    {EncrId::kAesCbc, 256, "AES-256-CBC"},            {EncrId::kAesCtr, 128, "AES-128-CTR"},
    {EncrId::kAesCtr, 192, "AES-192-CTR"},            {EncrId::kAesCtr, 256, "AES-256-CTR"},
    {EncrId::kCamelliaCbc, 128, "CAMELLIA-128-CBC"},  {EncrId::kCamelliaCbc, 192, "CAMELLIA-192-CBC"},
    {EncrId::kCamelliaCbc, 256, "CAMELLIA-256-CBC"},  {EncrId::kCamelliaCtr, 128, "CAMELLIA-128-CTR"},
    {EncrId::kCamelliaCtr, 192, "CAMELLIA-192-CTR"},  {EncrId::kCamelliaCtr, 256, "CAMELLIA-256-CTR"},
    {EncrId::kCamelliaCcm8, 128, "CAMELLIA-128-CBC"}, {EncrId::kCamelliaCcm8, 192, "CAMELLIA-192-CBC"},
    {EncrId::kCamelliaCcm8, 256, "CAMELLIA-256-CBC"}, {EncrId::kCamelliaCcm12, 128, "CAMELLIA-128-CBC"},
    {EncrId::kCamelliaCcm12, 192, "CAMELLIA-192-CBC"}, {EncrId::kCamelliaCcm12, 256, "CAMELLIA-256-CBC"},
    {EncrId::kCamelliaCcm16, 128, "CAMELLIA-128-CBC"}, {EncrId::kCamelliaCcm16, 192, "CAMELLIA-192-CBC"},
    {EncrId::kCamelliaCcm16, 256, "CAMELLIA-256-CBC"},
    {EncrId::k3Des, 192, "DES-EDE3-CBC"},
};

bool IsCamelliaCcm(EncrId id) {
  return id == EncrId::kCamelliaCcm8 || id == EncrId::kCamelliaCcm12 || id == EncrId::kCamelliaCcm16;
}

std::vector<const EVP_CIPHER*> FetchAll() {
  std::vector<const EVP_CIPHER*> out;
  for (const CipherRow& row : kCiphers) out.push_back(EVP_CIPHER_fetch(nullptr, row.name, nullptr));
  return out;
}

}  // namespace

const EVP_CIPHER* SkEvpCipher(EncrId encr, uint16_t key_bits) {
  // Never destroyed: helper threads may outlive main's statics.
  static const auto& fetched = *new std::vector<const EVP_CIPHER*>(FetchAll());
  for (size_t i = 0; i < std::size(kCiphers); ++i) {
    if (kCiphers[i].encr == encr && kCiphers[i].key_bits == key_bits) return fetched[i];
  }
  return nullptr;
}

void IvCounter::Next(ByteSpan iv8) {
  // Rekeying ends an IKE SA long before; to go on would repeat a nonce (hostile.md R5).
  CHECK_LE(next_, kIvPacketLimit);
  uint64_t iv = MakeIv(0, generation_, next_++);
  for (size_t i = 8; i-- > 0; iv >>= 8) iv8[i] = static_cast<uint8_t>(iv);
}

bool StripPadding(Bytes& plain) {
  if (plain.empty()) return false;
  const size_t padding = size_t{plain.back()} + 1;
  if (padding > plain.size()) return false;
  plain.resize(plain.size() - padding);
  return true;
}

bool SkCipher::Supports(EncrId encr, uint16_t key_bits) { return SkEvpCipher(encr, key_bits) != nullptr; }
bool SkCipher::Supports(IntegId integ) { return MacOf(integ).has_value(); }

std::unique_ptr<SkCipher> SkCipher::Create(const IkeSuite& suite, ByteView sk_e, ByteView sk_a, uint16_t iv_generation,
                                           Random& random) {
  SkSetup setup{.encr = Find(suite.encr),
                .cipher = SkEvpCipher(suite.encr, suite.encr_key_bits),
                .integ = suite.integ,
                .integ_key = sk_a,
                .iv_generation = iv_generation,
                .random = &random};
  if (!setup.encr || !setup.cipher) return nullptr;
  CHECK_LE(iv_generation, kMaxIvGeneration);
  CHECK_EQ(sk_e.size(), suite.encr_key_bits / 8u + setup.encr->salt);
  setup.key = sk_e.first(sk_e.size() - setup.encr->salt);
  setup.salt = sk_e.last(setup.encr->salt);
  if (setup.encr->aead) {
    if (suite.integ != IntegId::kNone) return nullptr;
    CHECK(sk_a.empty());
    return IsCamelliaCcm(suite.encr) ? MakeSkCamelliaCcm(setup) : MakeSkAead(setup);
  }
  if (!Supports(suite.integ)) return nullptr;
  CHECK_EQ(sk_a.size(), Find(suite.integ)->key);
  return MakeSkCipherThenMac(setup);
}

}  // namespace culvert::ike
