#include "control/ike/key_log.h"

#include "common/bytes/hex.h"
#include "control/ike/cat.h"

namespace culvert::ike {
namespace {

std::string IkeCipherName(EncrId encr, uint16_t bits) {
  switch (encr) {
    case EncrId::kAesCbc: return Cat("AES-CBC-", bits, " [RFC3602]");
    case EncrId::kAesGcm8: return Cat("AES-GCM-", bits, " with 8 octet ICV [RFC5282]");
    case EncrId::kAesGcm12: return Cat("AES-GCM-", bits, " with 12 octet ICV [RFC5282]");
    case EncrId::kAesGcm16: return Cat("AES-GCM-", bits, " with 16 octet ICV [RFC5282]");
    case EncrId::kAesCcm8: return Cat("AES-CCM-", bits, " with 8 octet ICV [RFC5282]");
    case EncrId::kAesCcm12: return Cat("AES-CCM-", bits, " with 12 octet ICV [RFC5282]");
    case EncrId::kAesCcm16: return Cat("AES-CCM-", bits, " with 16 octet ICV [RFC5282]");
    case EncrId::k3Des: return "3DES [RFC2451]";
    default: return {};
  }
}

std::string IkeIntegName(IntegId integ) {
  switch (integ) {
    case IntegId::kNone: return "NONE [RFC4306]";
    case IntegId::kHmacSha1_96: return "HMAC_SHA1_96 [RFC2404]";
    case IntegId::kHmacSha256_128: return "HMAC_SHA2_256_128 [RFC4868]";
    case IntegId::kHmacSha384_192: return "HMAC_SHA2_384_192 [RFC4868]";
    case IntegId::kHmacSha512_256: return "HMAC_SHA2_512_256 [RFC4868]";
    default: return {};
  }
}

std::string EspCipherName(EncrId encr) {
  switch (encr) {
    case EncrId::kAesCbc: return "AES-CBC [RFC3602]";
    case EncrId::kAesCtr: return "AES-CTR [RFC3686]";
    case EncrId::kAesGcm8: return "AES-GCM with 8 octet ICV [RFC4106]";
    case EncrId::kAesGcm12: return "AES-GCM with 12 octet ICV [RFC4106]";
    case EncrId::kAesGcm16: return "AES-GCM with 16 octet ICV [RFC4106]";
    case EncrId::k3Des: return "TripleDES-CBC [RFC2451]";
    case EncrId::kNull: return "NULL";
    default: return {};
  }
}

std::string EspIntegName(IntegId integ) {
  switch (integ) {
    case IntegId::kNone: return "NULL";
    case IntegId::kHmacSha1_96: return "HMAC-SHA-1-96 [RFC2404]";
    case IntegId::kHmacSha256_128: return "HMAC-SHA-256-128 [RFC4868]";
    case IntegId::kHmacSha384_192: return "HMAC-SHA-384-192 [RFC4868]";
    case IntegId::kHmacSha512_256: return "HMAC-SHA-512-256 [RFC4868]";
    default: return {};
  }
}

std::string Spi64(uint64_t v) { return Cat(absl::Hex(v, absl::kZeroPad16)); }
std::string Prefixed(ByteView key) { return key.empty() ? "" : Cat("0x", ToHex(key)); }

struct Flow {
  IpAddress from, to;
  uint32_t spi = 0;
  ByteView encr, integ;
};

void LogEspRow(Context& cx, const EspSuite& suite, const Flow& f) {
  std::string encr = EspCipherName(suite.encr), integ = EspIntegName(suite.integ);
  if (encr.empty() || integ.empty()) return;
  const char* family = f.from.family == Family::kV4 ? "IPv4" : "IPv6";
  cx.Emit(KeyLog{KeyLog::Kind::kEsp, Cat("\"", family, "\",\"", f.from.ToString(), "\",\"", f.to.ToString(), "\",\"0x",
                                         absl::Hex(f.spi, absl::kZeroPad8), "\",\"", encr, "\",\"", Prefixed(f.encr), "\",\"",
                                         integ, "\",\"", Prefixed(f.integ), "\"")});
}

}  // namespace

void LogIkev1Key(Context& cx, uint64_t cookie_i, const SecretBytes& key) {
  cx.Emit(KeyLog{KeyLog::Kind::kIkev1, Cat(Spi64(cookie_i), ",", ToHex(key.view()))});
}

void LogIkeKeys(Context& cx, const IkeSa& sa, const IkeKeys& keys) {
  std::string encr = IkeCipherName(sa.suite.encr, sa.suite.encr_key_bits), integ = IkeIntegName(sa.suite.integ);
  if (encr.empty() || integ.empty()) return;
  cx.Emit(KeyLog{KeyLog::Kind::kIke,
                 Cat(Spi64(sa.spi_i), ",", Spi64(sa.spi_r), ",", ToHex(keys.sk_ei.view()), ",", ToHex(keys.sk_er.view()), ",\"",
                     encr, "\",", ToHex(keys.sk_ai.view()), ",", ToHex(keys.sk_ar.view()), ",\"", integ, "\"")});
}

void LogChildKeys(Context& cx, const SaBase& sa, const ChildSa& child, const ChildKeys& keys) {
  const IpAddress &here = sa.path.local.address, &there = sa.path.remote.address;
  Flow of_requester{here, there, child.spi_out, keys.encr_i.view(), keys.integ_i.view()};
  Flow of_replier{there, here, child.spi_in, keys.encr_r.view(), keys.integ_r.view()};
  if (!child.requester) {
    std::swap(of_requester.from, of_requester.to);
    std::swap(of_replier.from, of_replier.to);
    std::swap(of_requester.spi, of_replier.spi);
  }
  LogEspRow(cx, child.suite, of_requester);
  LogEspRow(cx, child.suite, of_replier);
}

}  // namespace culvert::ike
