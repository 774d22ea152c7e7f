#pragma once

#include <ctime>
#include <map>
#include <string>
#include <vector>

#include "control/auth/credentials.h"

namespace culvert::auth {

// The wall clock of tests: 2030-01-01.
inline constexpr time_t kTestNow = 1893456000;
inline constexpr time_t kTestDay = 86400;

// A certificate with its key, to be made as a test needs it. Extensions are in the syntax of openssl.cnf; "" leaves out.
struct CertificateWish {
  std::string subject = "CN=nobody";                     // "O=Example, CN=gw"
  ike::KeyKind key = ike::KeyKind::kEcdsa256;
  unsigned rsa_bits = 2048;
  std::string alt_name;                                  // "DNS:a.example.org,IP:192.0.2.1"
  std::string basic = "CA:FALSE";
  std::string key_usage, extended_key_usage, name_constraints;
  std::string other;                                     // "OID=value" of one more extension
  std::string crl_point, ocsp_point;                     // "URI:http://...", "OCSP;URI:http://..."
  time_t from = kTestNow - kTestDay, to = kTestNow + 365 * kTestDay;
  const char* digest = nullptr;                          // default: SHA-256, none for Edwards curves
  bool pss = false;                                      // how the issuer signs
};
CertificateWish Authority(std::string subject, ike::KeyKind key = ike::KeyKind::kEcdsa256);

struct TestCertificate {
  X509Ptr x509;
  std::shared_ptr<EVP_PKEY> key;
  Certificate certificate() const;
  ike::SignatureKey pair() const;
  Bytes der() const { return certificate().der(); }
  std::string pem() const;
  std::string key_pem(const std::string& passphrase = "") const;
};
// Signed by `issuer`, by itself where there is none.
TestCertificate Make(const CertificateWish& wish, const TestCertificate* issuer = nullptr);
// The issuer's list of these revoked certificates; `next` is its nextUpdate.
CrlPtr MakeCrl(const TestCertificate& issuer, const std::vector<const TestCertificate*>& revoked, time_t next = kTestNow + kTestDay);

// A responder's answer about `subject`, in DER; without `next` it names no end.
struct OcspWish {
  const TestCertificate& subject;
  const TestCertificate& issuer;
  const TestCertificate& signer;                         // the issuer, or whom it delegated this to
  int status = 0;                                        // V_OCSP_CERTSTATUS_GOOD, _REVOKED, _UNKNOWN
  time_t from = kTestNow - 60, next = kTestNow + kTestDay;
  const char* digest = nullptr;
};
Bytes MakeOcsp(const OcspWish& wish);

// What one gateway holds: its certificate and the authorities it believes.
std::shared_ptr<const Credentials> Holding(const std::vector<const TestCertificate*>& own,
                                           const std::vector<const TestCertificate*>& authorities,
                                           std::vector<CrlPtr> crls = {});

}  // namespace culvert::auth
