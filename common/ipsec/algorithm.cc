#include "common/ipsec/algorithm.h"

namespace culvert {
namespace {

constexpr EncrInfo kEncr[] = {
    {EncrId::k3Des, "3DES_CBC", false, {192}, true, 0, 8, 0, 8},
    {EncrId::kNull, "NULL", false, {0}, true, 0, 0, 0, 1},
    {EncrId::kAesCbc, "AES_CBC", false, {128, 192, 256}, false, 0, 16, 0, 16},
    {EncrId::kAesCtr, "AES_CTR", false, {128, 192, 256}, false, 4, 8, 0, 1},
    {EncrId::kAesCcm8, "AES_CCM_8", true, {128, 192, 256}, false, 3, 8, 8, 1},
    {EncrId::kAesCcm12, "AES_CCM_12", true, {128, 192, 256}, false, 3, 8, 12, 1},
    {EncrId::kAesCcm16, "AES_CCM_16", true, {128, 192, 256}, false, 3, 8, 16, 1},
    {EncrId::kAesGcm8, "AES_GCM_8", true, {128, 192, 256}, false, 4, 8, 8, 1},
    {EncrId::kAesGcm12, "AES_GCM_12", true, {128, 192, 256}, false, 4, 8, 12, 1},
    {EncrId::kAesGcm16, "AES_GCM_16", true, {128, 192, 256}, false, 4, 8, 16, 1},
    {EncrId::kNullGmac, "NULL_AES_GMAC", true, {128, 192, 256}, false, 4, 8, 16, 1},
    {EncrId::kCamelliaCbc, "CAMELLIA_CBC", false, {128, 192, 256}, false, 0, 16, 0, 16},
    {EncrId::kCamelliaCtr, "CAMELLIA_CTR", false, {128, 192, 256}, false, 4, 8, 0, 1},
    {EncrId::kCamelliaCcm8, "CAMELLIA_CCM_8", true, {128, 192, 256}, false, 3, 8, 8, 1},
    {EncrId::kCamelliaCcm12, "CAMELLIA_CCM_12", true, {128, 192, 256}, false, 3, 8, 12, 1},
    {EncrId::kCamelliaCcm16, "CAMELLIA_CCM_16", true, {128, 192, 256}, false, 3, 8, 16, 1},
    {EncrId::kChaCha20Poly1305, "CHACHA20_POLY1305", true, {256}, true, 4, 8, 16, 1},
};
constexpr IntegInfo kInteg[] = {
    {IntegId::kHmacSha1_96, "HMAC_SHA1_96", 20, 12},           {IntegId::kAesXcbc96, "AES_XCBC_96", 16, 12},
    {IntegId::kAesCmac96, "AES_CMAC_96", 16, 12},              {IntegId::kAesGmac128, "AES_128_GMAC", 20, 16},
    {IntegId::kAesGmac192, "AES_192_GMAC", 28, 16},            {IntegId::kAesGmac256, "AES_256_GMAC", 36, 16},
    {IntegId::kHmacSha256_128, "HMAC_SHA2_256_128", 32, 16},   {IntegId::kHmacSha384_192, "HMAC_SHA2_384_192", 48, 24},
    {IntegId::kHmacSha512_256, "HMAC_SHA2_512_256", 64, 32},
};
constexpr PrfInfo kPrf[] = {
    {PrfId::kHmacSha1, "PRF_HMAC_SHA1", 20, 20},         {PrfId::kAesXcbc, "PRF_AES128_XCBC", 16, 16},
    {PrfId::kHmacSha256, "PRF_HMAC_SHA2_256", 32, 32},   {PrfId::kHmacSha384, "PRF_HMAC_SHA2_384", 48, 48},
    {PrfId::kHmacSha512, "PRF_HMAC_SHA2_512", 64, 64},   {PrfId::kAesCmac, "PRF_AES128_CMAC", 16, 16},
};
constexpr GroupInfo kGroup[] = {
    {KeGroup::kModp1024, "MODP_1024", "modp1024", 128, 128},
    {KeGroup::kModp1536, "MODP_1536", "modp1536", 192, 192},
    {KeGroup::kModp2048, "MODP_2048", "modp2048", 256, 256},
    {KeGroup::kModp3072, "MODP_3072", "modp3072", 384, 384},
    {KeGroup::kModp4096, "MODP_4096", "modp4096", 512, 512},
    {KeGroup::kModp6144, "MODP_6144", "modp6144", 768, 768},
    {KeGroup::kModp8192, "MODP_8192", "modp8192", 1024, 1024},
    {KeGroup::kEcp256, "ECP_256", "ecp256", 64, 64},
    {KeGroup::kEcp384, "ECP_384", "ecp384", 96, 96},
    {KeGroup::kEcp521, "ECP_521", "ecp521", 132, 132},
    {KeGroup::kBrainpool224, "ECP_224_BP", "ecp224bp", 56, 56},
    {KeGroup::kBrainpool256, "ECP_256_BP", "ecp256bp", 64, 64},
    {KeGroup::kBrainpool384, "ECP_384_BP", "ecp384bp", 96, 96},
    {KeGroup::kBrainpool512, "ECP_512_BP", "ecp512bp", 128, 128},
    {KeGroup::kX25519, "CURVE_25519", "x25519", 32, 32},
    {KeGroup::kX448, "CURVE_448", "x448", 56, 56},
    {KeGroup::kMlKem512, "ML_KEM_512", "mlkem512", 800, 768},
    {KeGroup::kMlKem768, "ML_KEM_768", "mlkem768", 1184, 1088},
    {KeGroup::kMlKem1024, "ML_KEM_1024", "mlkem1024", 1568, 1568},
};

template <typename Row, size_t N, typename Id>
const Row* FindRow(const Row (&rows)[N], Id id) {
  for (const Row& r : rows) {
    if (r.id == id) return &r;
  }
  return nullptr;
}

template <typename Id>
std::string NameOr(Id id, const char* registry) {
  if (id == Id{0}) return "NONE";
  if (auto* row = Find(id)) return row->name;
  return registry + std::to_string(static_cast<unsigned>(id));
}

}  // namespace

const EncrInfo* Find(EncrId id) { return FindRow(kEncr, id); }
const IntegInfo* Find(IntegId id) { return FindRow(kInteg, id); }
const PrfInfo* Find(PrfId id) { return FindRow(kPrf, id); }
const GroupInfo* Find(KeGroup id) { return FindRow(kGroup, id); }

std::string Name(EncrId id) { return NameOr(id, "ENCR_"); }
std::string Name(IntegId id) { return NameOr(id, "AUTH_"); }
std::string Name(PrfId id) { return NameOr(id, "PRF_"); }
std::string Name(KeGroup id) { return NameOr(id, "KE_"); }

size_t EspSuite::encr_keymat() const {
  auto* row = Find(encr);
  return row ? encr_key_bits / 8u + row->salt : 0;
}

size_t EspSuite::integ_keymat() const {
  auto* row = Find(integ);
  return row ? row->key : 0;
}

std::string Name(const EspSuite& s) {
  const bool ah = s.encr == EncrId::kNone && s.integ != IntegId::kNone;
  std::string out = ah ? Name(s.integ) : Name(s.encr);
  if (auto* row = Find(s.encr); row && !row->fixed_key) out += "-" + std::to_string(s.encr_key_bits);
  if (!ah && s.integ != IntegId::kNone) out += "/" + Name(s.integ);
  if (s.esn) out += "/ESN";
  return out;
}

}  // namespace culvert
